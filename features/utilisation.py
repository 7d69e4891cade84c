"""How venues are used, and how far people come to them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.catchments import distances_km, positions
from recsys.dataset import Dataset, local_times
from recsys.ids import IdMap
from recsys.regions import RegionTree
from recsys.schema import TAKING_STATUSES

SMALLEST_GROUP = 5


def venue_utilisation(dataset: Dataset, weeks: int = 26) -> pd.DataFrame:
    """Use of venues by weekday and hour over the last `weeks`, one row where anything was on.

    Columns: `venue_id`, `weekday` (1 = Monday), `hour` (local hour of the start), `sessions` (a week),
    `places_taken` and `places` (a week; places only of sessions with a capacity), `seat_use` (share of places taken,
    NaN without capacities), `slot_use` (the venue's sessions a week over its `weekly_slots`, NaN where unknown).
    """
    until = dataset.data_until
    sessions = dataset.sessions
    recent = (sessions["starts_at"] < until) & (sessions["starts_at"] >= until - pd.Timedelta(weeks=weeks))
    sessions = sessions[recent & sessions["cancelled_at"].isna() & sessions["venue_id"].notna()]
    bookings = dataset.bookings[dataset.bookings["status"].isin(TAKING_STATUSES)]
    taken = bookings.groupby("session_id")["party_size"].sum()
    local = local_times(sessions["starts_at"], dataset.timezone)
    capacity = sessions["capacity"].where(sessions["capacity"] > 0)
    places_taken = sessions["session_id"].map(taken).fillna(0.0).astype(float)
    table = pd.DataFrame(
        {
            "venue_id": sessions["venue_id"],
            "weekday": local.dt.dayofweek + 1,
            "hour": local.dt.hour,
            "sessions": 1.0 / weeks,
            "places_taken": places_taken / weeks,
            "places": capacity / weeks,
            "limited": (places_taken / weeks).where(capacity.notna()),
        }
    )
    use = table.groupby(["venue_id", "weekday", "hour"], as_index=False).sum()
    slots = dataset.venues.set_index("venue_id")["weekly_slots"]
    slots = slots.where(slots > 0)
    weekly = use.groupby("venue_id")["sessions"].sum()
    use["seat_use"] = use["limited"] / use["places"].where(use["places"] > 0)
    use["slot_use"] = use["venue_id"].map(weekly) / use["venue_id"].map(slots)
    return use.drop(columns="limited")


def service_radius(dataset: Dataset, by: str = "category", weeks: int = 52) -> pd.DataFrame:
    """How far people really came in the last `weeks`: rows `by`, `people`, `median_km`, `km_75`, `km_90`.

    `by` is `category` or `venue_id`. Bookings that were not cancelled count; rows of fewer than five different
    people are left out.
    """
    tree = RegionTree.of(dataset)
    places = positions(dataset, tree)
    bookings = dataset.bookings[dataset.bookings["status"].isin(TAKING_STATUSES)]
    sessions = dataset.sessions.set_index("session_id").reindex(bookings["session_id"])
    recent = sessions["starts_at"] >= dataset.data_until - pd.Timedelta(weeks=weeks)
    user = IdMap.of(dataset.users["user_id"], "user_id").nums_or_missing(bookings["user_id"])
    venue = IdMap.of(dataset.venues["venue_id"], "venue_id").nums_or_missing(sessions["venue_id"])
    use = recent.to_numpy() & (venue >= 0) & (user >= 0)
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    keys = (category if by == "category" else sessions["venue_id"]).to_numpy(dtype=object)
    km = distances_km(tree, places.users, places.venues, places.user_regions, places.venue_regions)
    table = pd.DataFrame({by: keys[use], "user": user[use], "km": km[user[use], venue[use]]}).dropna()
    grouped = table.groupby(by)
    frame = pd.DataFrame(
        {
            "people": grouped["user"].nunique(),
            "median_km": grouped["km"].median(),
            "km_75": grouped["km"].quantile(0.75),
            "km_90": grouped["km"].quantile(0.9),
        }
    ).reset_index()
    return frame[frame["people"] >= SMALLEST_GROUP].astype({"median_km": float, "km_75": float, "km_90": float})


def within_standard(dataset: Dataset, town_km: float = 1.0, country_km: float = 1.5) -> pd.DataFrame:
    """Share of users within reach of any venue by township: `region_id, users, within_town_km, within_country_km`.

    Reference lines of the 15-minute cultural circle: about 1 km in town, 1.5 km in the country.
    """
    tree = RegionTree.of(dataset)
    places = positions(dataset, tree)
    km = distances_km(tree, places.users, places.venues, places.user_regions, places.venue_regions)
    nearest = np.nanmin(np.where(np.isnan(km), np.inf, km), axis=1, initial=np.inf)
    town = tree.ancestors_at("township")
    home = np.where(places.user_regions >= 0, town[np.maximum(places.user_regions, 0)], -1)
    use = home >= 0
    table = pd.DataFrame({"region_id": tree.ids.ids[home[use]], "km": nearest[use]})
    grouped = table.assign(
        users=1, within_town_km=table["km"] <= town_km, within_country_km=table["km"] <= country_km
    ).groupby("region_id")
    return grouped.agg(
        users=("users", "sum"),
        within_town_km=("within_town_km", "mean"),
        within_country_km=("within_country_km", "mean"),
    ).reset_index()
