"""How venues are used: seats, hours, weekdays, and how far their visitors come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from serving.participation import MIN_PEOPLE
from serving.schemas.participation import VenueUtilisation
from serving.visits import Activity

ASSUMED_HOURS = 1.5
"""Length of a session whose end is not known."""

RADIUS_QUANTILES = (0.5, 0.8, 0.9)
RING_EDGES_KM = (0.0, 1.0, 1.5, 3.0, 5.0, 10.0, 20.0, 50.0)
"""Rings of the service radius; 1 km in town and 1.5 km in the country are the national 15-minute circle."""


_Ring = tuple[float, float | None, float | None]


def utilisation(
    activity: Activity, chosen: NDArray[np.bool_], weeks: float, venue_ids: list[str]
) -> list[VenueUtilisation]:
    """Use of each venue (in the order given) by the sessions of a mask."""
    sessions = activity.sessions[chosen & ~activity.sessions["online"].to_numpy(dtype=bool)]
    venues = activity.dataset.venues.set_index("venue_id", drop=False)
    by_venue = dict(tuple(sessions.groupby("venue_id", sort=False)))
    visits = activity.visits_of(chosen)
    status_of = visits.groupby([activity.sessions["venue_id"].to_numpy(dtype=object)[visits["session_num"]], "status"])
    places = status_of["places"].sum()
    return [
        _use(activity, venues.loc[venue_id], by_venue.get(venue_id, sessions.iloc[:0]), places, weeks)
        for venue_id in venue_ids
    ]


def _use(
    activity: Activity, venue: pd.Series, sessions: pd.DataFrame, places: pd.Series, weeks: float
) -> VenueUtilisation:
    venue_id = str(venue["venue_id"])
    limited = sessions[sessions["capacity"] > 0]
    capacity = float(limited["capacity"].sum())
    slots = float(venue["weekly_slots"]) * weeks
    came, missed = (float(places.get((venue_id, status), 0.0)) for status in ("attended", "no_show"))
    num = int(activity.tree.ids.nums_or_missing([venue["region_id"]])[0]) if pd.notna(venue["region_id"]) else -1
    hours = sessions["hours"].fillna(ASSUMED_HOURS)
    return VenueUtilisation(
        venue_id=venue_id,
        name=str(venue["name"]),
        region_id=None if num < 0 else str(venue["region_id"]),
        region=None if num < 0 else str(activity.tree.names[num]),
        lat=optional(venue["lat"]),
        lon=optional(venue["lon"]),
        sessions=len(sessions),
        hours=round(float(hours.sum()), 1),
        places=round(float(sessions["taken"].sum())),
        capacity=round(capacity) if len(limited) else None,
        seat_use=share(float(limited["taken"].sum()), capacity),
        slot_use=share(len(sessions), slots),
        attendance_rate=share(came, came + missed),
        by_hour=by_hour(sessions, weeks).round(2).tolist(),
    )


def by_hour(sessions: pd.DataFrame, weeks: float) -> NDArray[np.float64]:
    """(7, 24) hours in use per week by local weekday (Monday first) and hour."""
    grid = np.zeros(7 * 24)
    starts = sessions["local_start"]
    first = (starts.dt.dayofweek * 24 + starts.dt.hour + starts.dt.minute / 60).to_numpy(dtype=np.float64)
    last = first + sessions["hours"].fillna(ASSUMED_HOURS).to_numpy(dtype=np.float64)
    for start, end in zip(first, last, strict=True):
        for cell in range(int(start), int(np.ceil(end))):
            grid[cell % len(grid)] += min(end, cell + 1) - max(start, cell)
    return grid.reshape(7, 24) / max(weeks, 1 / 7)


@dataclass(frozen=True)
class Radius:
    """How far visitors come, straight line from home.

    Attributes:
        visits: Places whose distance is known; None where hidden.
        quantiles: Kilometres within which this share of visits comes, by share.
        rings: Share of visits by ring: (from_km, to_km or None, share or None where hidden).
    """

    people: int | None
    visits: int | None
    quantiles: dict[str, float | None]
    rings: list[_Ring]


def service_radius(activity: Activity, chosen: NDArray[np.bool_]) -> Radius:
    """Distances of the visits to the sessions of a mask; hidden for fewer than five people."""
    visits = activity.visits_of(chosen)
    visits = visits[visits["km"].notna()]
    people = int(visits["user_id"].nunique())
    edges = [*RING_EDGES_KM, np.inf]
    if people < MIN_PEOPLE:
        rings: list[_Ring] = [(a, None if np.isinf(b) else b, None) for a, b in pairwise(edges)]
        nobody = people == 0
        return Radius(
            0 if nobody else None,
            0 if nobody else None,
            {f"{q:.0%}": None for q in RADIUS_QUANTILES},
            rings,
        )
    ordered = visits.sort_values("km")
    cumulative = ordered["places"].cumsum() / ordered["places"].sum()
    quantiles: dict[str, float | None] = {
        f"{q:.0%}": round(float(ordered["km"].iloc[int(np.searchsorted(cumulative, q - 1e-9))]), 2)
        for q in RADIUS_QUANTILES
    }
    return Radius(people, round(float(visits["places"].sum())), quantiles, _rings(visits, edges))


def _rings(visits: pd.DataFrame, edges: list[float]) -> list[_Ring]:
    total = float(visits["places"].sum())
    rings: list[_Ring] = []
    for low, high in pairwise(edges):
        inside = visits[(visits["km"] >= low) & (visits["km"] < high)]
        few = 0 < inside["user_id"].nunique() < MIN_PEOPLE
        upper = None if np.isinf(high) else high
        rings.append((low, upper, None if few else round(float(inside["places"].sum()) / total, 4)))
    if sum(1 for *_, value in rings if value is None) == 1:
        smallest = min(
            (num for num, ring in enumerate(rings) if ring[2]), key=lambda num: rings[num][2] or 0.0, default=None
        )
        if smallest is not None:
            rings[smallest] = (*rings[smallest][:2], None)
    return rings


def share(part: float, whole: float) -> float | None:
    """Part / whole to four digits; None where the whole is unknown or nothing."""
    return round(part / whole, 4) if np.isfinite(whole) and whole > 0 else None


def optional(value: Any) -> float | None:
    """The number, None for a missing one."""
    return None if pd.isna(value) else float(value)
