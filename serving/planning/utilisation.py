"""How venues are used: seats, hours, weekdays, and how far their visitors come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.ids import IdMap
from serving.planning.participation import MIN_PEOPLE
from serving.planning.visits import Activity
from serving.schemas.participation import VenueUtilisation

ASSUMED_HOURS = 1.5
"""Length of a session whose end is not known."""

SHOWN = ("attended", "no_show")
RADIUS_QUANTILES = (0.5, 0.8, 0.9)
RADIUS_STEP_KM = 0.1
"""A quantile is one person's distance: it is said to so much, the next step that is not less."""

RING_EDGES_KM = (0.0, 1.0, 1.5, 3.0, 5.0, 10.0, 20.0, 50.0)
"""Rings of the service radius; 1 km in town and 1.5 km in the country are the national 15-minute circle."""


_Ring = tuple[float, float | None, float | None]


def utilisation(
    activity: Activity, chosen: NDArray[np.bool_], weeks: float, venue_ids: list[str]
) -> list[VenueUtilisation]:
    """Use of each venue (in the order given) by the sessions of a mask."""
    ids = IdMap.of(venue_ids, "venue_id")
    at = ids.nums_or_missing(activity.sessions["venue_id"])
    is_here = chosen & (at >= 0) & ~activity.sessions["online"].to_numpy(dtype=bool)
    sessions, venue = activity.sessions[is_here], at[is_here]
    taken, capacity = (sessions[name].to_numpy(dtype=np.float64) for name in ("taken", "capacity"))
    is_limited = capacity > 0

    def sums(values: NDArray[np.float64] | None = None, rows: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        kept = slice(None) if rows is None else rows
        weights = None if values is None else values[kept]
        return np.bincount(venue[kept], weights=weights, minlength=len(ids)).astype(np.float64)

    came, missed = _shown_up(activity, is_here, at, len(ids))
    n_sessions, hours, places = sums(), sums(_hours(sessions)), sums(taken)
    n_limited, offered, used = sums(rows=is_limited), sums(capacity, is_limited), sums(taken, is_limited)
    grid = by_hour(sessions, venue, len(ids), weeks).round(2)
    rows = activity.dataset.venues.set_index("venue_id").loc[ids.ids]
    region = activity.tree.ids.nums_or_missing(rows["region_id"])
    return [
        VenueUtilisation(
            venue_id=str(ids.ids[num]),
            name=str(one.name),
            region_id=None if region[num] < 0 else str(one.region_id),
            region=None if region[num] < 0 else str(activity.tree.names[region[num]]),
            lat=optional(one.lat),
            lon=optional(one.lon),
            sessions=int(n_sessions[num]),
            hours=round(float(hours[num]), 1),
            places=round(float(places[num])),
            capacity=round(float(offered[num])) if n_limited[num] else None,
            seat_use=share(float(used[num]), float(offered[num])),
            slot_use=share(float(n_sessions[num]), float(one.weekly_slots) * weeks),
            attendance_rate=share(float(came[num]), float(came[num] + missed[num])),
            by_hour=grid[num].tolist(),
        )
        for num, one in enumerate(rows.itertuples(index=False))
    ]


def _shown_up(
    activity: Activity, chosen: NDArray[np.bool_], venue: NDArray[np.int64], n_venues: int
) -> list[NDArray[np.float64]]:
    """For each status of `SHOWN` (n_venues,) places, of the sessions of a mask."""
    visits = activity.visits_of(chosen)
    of_visit = venue[visits["session_num"].to_numpy(dtype=np.int64)]
    masks = [visits["status"].eq(status).to_numpy(dtype=bool) for status in SHOWN]
    places = visits["places"].to_numpy(dtype=np.float64)
    return [np.bincount(of_visit[rows], places[rows], minlength=n_venues).astype(np.float64) for rows in masks]


def _hours(sessions: pd.DataFrame) -> NDArray[np.float64]:
    return sessions["hours"].fillna(ASSUMED_HOURS).to_numpy(dtype=np.float64)


def by_hour(sessions: pd.DataFrame, venue: NDArray[np.int64], n_venues: int, weeks: float) -> NDArray[np.float64]:
    """(n_venues, 7, 24) hours in use per week by local weekday (Monday first) and hour; `venue` (n_sessions,) rows."""
    grid = np.zeros((n_venues, 7 * 24))
    starts = sessions["local_start"]
    start = (starts.dt.dayofweek * 24 + starts.dt.hour + starts.dt.minute / 60).to_numpy(dtype=np.float64)
    end = start + _hours(sessions)
    cell = np.floor(start)
    while len(cell):
        part = np.minimum(end, cell + 1) - np.maximum(start, cell)
        np.add.at(grid, (venue, cell.astype(np.int64) % grid.shape[1]), part)
        cell = cell + 1
        goes_on = cell < end
        cell, start, end, venue = cell[goes_on], start[goes_on], end[goes_on], venue[goes_on]
    return grid.reshape(n_venues, 7, 24) / max(weeks, 1 / 7)


@dataclass(frozen=True)
class Radius:
    """How far visitors come, straight line from home.

    Attributes:
        visits: Places whose distance is known; None where hidden.
        quantiles: Kilometres within which this share of visits comes, by share, in steps of `RADIUS_STEP_KM`.
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
        f"{q:.0%}": _to_step(float(ordered["km"].iloc[int(np.searchsorted(cumulative, q))])) for q in RADIUS_QUANTILES
    }
    return Radius(people, round(float(visits["places"].sum())), quantiles, _rings(visits, edges))


def _to_step(km: float) -> float:
    """The next multiple of `RADIUS_STEP_KM`."""
    return round(float(np.ceil(km / RADIUS_STEP_KM - 1e-9)) * RADIUS_STEP_KM, 1)


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
