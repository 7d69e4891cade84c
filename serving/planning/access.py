"""What people have within reach: places a week for each who lives there, and the way to the nearest venue in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.openings.accessibility import accessibility, catchment, dwellings_of, nearest_km
from recsys.catchment import DEFAULT_KM, LEAST_KM, MOST_KM, USUAL_SHARE
from recsys.evenness import gini
from serving.planning.participation import MIN_PEOPLE
from serving.planning.visits import Activity

CIRCLE_KM = {"town": 1.0, "country": 1.5}
"""The national 15-minute cultural circle as a straight line."""


@dataclass(frozen=True)
class Access:
    """What each region has within reach.

    Attributes:
        table: Rows `region_num, people, places_per_1000, nearest_km, within_town, within_country`, one a region asked
            for in which anybody lives: means over its people, NaN where no place there has coordinates; and
            `estimated_from`, registered users that stand for people there.
        gini: Of places by dwelling, weighted by people; NaN where nobody has any.
        reach_km: Farthest way that counts.
        is_population: Whether `people` is population; else registered users.
        n_estimated: Smallest regions whose population is estimated from registered users.
    """

    table: pd.DataFrame
    gini: float
    reach_km: float
    is_population: bool
    n_estimated: int


def usual_reach_km(activity: Activity, chosen: NDArray[np.bool_]) -> float:
    """Kilometres within which nine of ten visits to the sessions of a mask come, within bounds."""
    visits = activity.visits_of(chosen)
    visits = visits[visits["km"].notna()]
    if visits["user_id"].nunique() < MIN_PEOPLE:
        return DEFAULT_KM
    return float(np.clip(visits["km"].quantile(USUAL_SHARE), LEAST_KM, MOST_KM))


def access_of(
    activity: Activity, chosen: NDArray[np.bool_], weeks: float, level: str | None, reach_km: float | None
) -> Access:
    """Gaussian enhanced two-step floating catchments of the sessions of a mask.

    A session offers its capacity, or the places taken where it has none.

    Args:
        activity: Everything that is known now.
        chosen: (n_sessions,) sessions that are on offer.
        weeks: Length of the period that they are of.
        level: Regions of this level; without it the smallest, those with no region under them.
        reach_km: Farthest way that counts; without it what is usual for these sessions.
    """
    reach_km = usual_reach_km(activity, chosen) if reach_km is None else reach_km
    tree, venues = activity.tree, activity.places.venues
    homes = dwellings_of(activity.dataset, tree, activity.places)
    sessions = activity.sessions[chosen & ~activity.sessions["online"].to_numpy(dtype=bool)]
    venue = pd.Index(activity.dataset.venues["venue_id"].astype(object)).get_indexer(
        pd.Index(sessions["venue_id"].astype(object))
    )
    places = sessions["capacity"].where(sessions["capacity"] > 0, sessions["taken"]).to_numpy(dtype=np.float64)
    at_venue = venue >= 0
    supply = np.bincount(venue[at_venue], places[at_venue], minlength=len(venues)) / weeks
    met = accessibility(catchment(homes.spots, venues, reach_km), homes.people, supply[:, None])[:, 0]
    nearest = nearest_km(homes.spots, venues[np.unique(venue[at_venue])])
    is_known = np.isfinite(homes.spots).all(axis=1)
    region = homes.regions if level is None else tree.ancestors_at(level)[homes.regions]
    use = (region >= 0) & (homes.people > 0)
    rows = pd.DataFrame(
        {
            "region_num": region,
            "people": homes.people,
            "estimated_from": homes.estimated_from,
            "places_per_1000": np.where(is_known, 1000.0 * met, np.nan),
            "nearest_km": nearest,
            **{f"within_{name}": np.where(np.isnan(nearest), np.nan, nearest <= km) for name, km in CIRCLE_KM.items()},
        }
    )[use]
    counted = use & is_known
    evenness = gini(met[counted], homes.people[counted]) if (met[counted] > 0).any() else np.nan
    return Access(_by_region(rows), evenness, reach_km, homes.is_population, homes.n_estimated)


def _by_region(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a region: people in all, means over those people of whom a figure is known."""
    sums = rows.groupby("region_num")[["people", "estimated_from"]].sum()
    means = {}
    for name in rows.columns.drop(["region_num", "people", "estimated_from"]):
        weight = rows["people"].where(rows[name].notna())
        weighted = (rows[name] * weight).groupby(rows["region_num"]).sum(min_count=1)
        means[name] = weighted / weight.groupby(rows["region_num"]).sum(min_count=1)
    return sums.assign(**means).reset_index()
