"""Bookings joined with everything that planners ask about: when, where, what, who, from how far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.geography.positions import KM_PER_DEGREE, Positions, positions
from recsys.ages import certain_ages
from recsys.dataset import Dataset, local_times
from recsys.open_sessions import places_taken
from recsys.regions import RegionTree, session_regions
from recsys.schema import TAKING_STATUSES

AGE_BANDS = (0, 7, 15, 18, 25, 35, 45, 55, 65, 75, 200)
UNKNOWN = "unknown"
AGE_NAMES = (*(f"{a}-{b - 1}" for a, b in pairwise(AGE_BANDS[:-1])), f"{AGE_BANDS[-2]}+", UNKNOWN)
"""Names of the bands, the youngest first."""


@dataclass(frozen=True)
class Activity:
    """Everything dated that took place or will, and who came.

    Attributes:
        dataset: What is known now.
        tree: Its regions.
        sessions: One row a session: contract columns, `category`, `kind`, `online`, `region_num`, `local_start`,
            `hours`, `taken`, `attended`.
        visits: One row a booking that takes places: `user_id`, `session_num` (row in `sessions`), `places`,
            `status`, `age`, `age_band`, `gender`, `home_num` (region row, -1 unknown), `km` (NaN unknown), `channel`.
        places: Where users and venues are.
    """

    dataset: Dataset
    tree: RegionTree
    sessions: pd.DataFrame
    visits: pd.DataFrame
    places: Positions

    def in_time(self, since: pd.Timestamp, until: pd.Timestamp) -> NDArray[np.bool_]:
        """(n_sessions,) sessions that start in [since, until) and were not cancelled."""
        starts = self.sessions["starts_at"]
        is_on = (starts >= since) & (starts < until) & self.sessions["cancelled_at"].isna()
        return np.asarray(is_on.to_numpy(dtype=bool))

    def under(self, region_id: str | None) -> NDArray[np.bool_]:
        """(n_sessions,) sessions in or under a region; all without one.

        Raises:
            UnknownIdError: there is no such region.
        """
        if region_id is None:
            return np.ones(len(self.sessions), dtype=bool)
        inside = self.tree.under(int(self.tree.ids.nums([region_id])[0]))
        return np.asarray(inside[self.sessions["region_num"].to_numpy(dtype=np.int64)])

    def of_category(self, category: str | None) -> NDArray[np.bool_]:
        """(n_sessions,) sessions of a category; all without one."""
        if category is None:
            return np.ones(len(self.sessions), dtype=bool)
        return np.asarray(self.sessions["category"].eq(category).to_numpy(dtype=bool))

    def local(self, moment: pd.Timestamp) -> datetime:
        """An instant as answers tell it, with the offset of the data's zone."""
        return moment.tz_convert(self.dataset.timezone).to_pydatetime()

    def visits_of(self, chosen: NDArray[np.bool_]) -> pd.DataFrame:
        """Visits of the sessions of a mask."""
        return self.visits[chosen[self.visits["session_num"].to_numpy(dtype=np.int64)]]


def activity_of(dataset: Dataset, tree: RegionTree) -> Activity:
    """Joins the tables once; every planner's question is then a mask and a group-by."""
    sessions, places = _sessions(dataset, tree), positions(dataset, tree)
    return Activity(dataset, tree, sessions, _visits(dataset, places, sessions), places)


def _sessions(dataset: Dataset, tree: RegionTree) -> pd.DataFrame:
    activities = dataset.activities.set_index("activity_id")
    sessions = dataset.sessions.reset_index(drop=True)
    ids = sessions["activity_id"]
    attending = dataset.bookings[dataset.bookings["status"].eq("attended")]
    attended = attending.groupby("session_id")["party_size"].sum()
    length = (sessions["ends_at"] - sessions["starts_at"]) / pd.Timedelta(hours=1)
    return sessions.assign(
        category=ids.map(activities["category"]).fillna(UNKNOWN).astype(object),
        kind=ids.map(activities["kind"]).astype(object),
        title=ids.map(activities["title"]).astype(object),
        online=ids.map(activities["online"]).fillna(False).astype(bool),
        region_num=session_regions(dataset, tree),
        local_start=local_times(sessions["starts_at"], dataset.timezone),
        hours=length.where((length > 0) & (length <= 24)),
        taken=sessions["session_id"].map(places_taken(dataset.bookings)).fillna(0.0).astype("float64"),
        attended=sessions["session_id"].map(attended).fillna(0.0).astype("float64"),
    )


def _visits(dataset: Dataset, places: Positions, sessions: pd.DataFrame) -> pd.DataFrame:
    bookings = dataset.bookings[dataset.bookings["status"].isin(TAKING_STATUSES)]
    num = pd.Index(sessions["session_id"].astype(object)).get_indexer(pd.Index(bookings["session_id"].astype(object)))
    bookings, num = bookings[num >= 0], num[num >= 0]
    user = pd.Index(dataset.users["user_id"].astype(object)).get_indexer(pd.Index(bookings["user_id"].astype(object)))
    year = sessions["local_start"].dt.year.to_numpy(dtype=np.float64)[num]
    age = certain_ages(year, dataset.users["birth_year"].to_numpy(dtype=np.float64)[user])
    gender = dataset.users["gender"].fillna(UNKNOWN).to_numpy(dtype=object)[user]
    venue_ids = pd.Index(dataset.venues["venue_id"].astype(object))
    venue = venue_ids.get_indexer(pd.Index(sessions["venue_id"].astype(object)))[num]
    at_venue = (venue >= 0) & ~sessions["online"].to_numpy(dtype=bool)[num]
    km = np.full(len(num), np.nan)
    km[at_venue] = straight_km(places.users[user[at_venue]], places.venues[venue[at_venue]])
    return pd.DataFrame(
        {
            "user_id": bookings["user_id"].to_numpy(dtype=object),
            "session_num": num,
            "places": bookings["party_size"].to_numpy(dtype=np.float64),
            "status": bookings["status"].to_numpy(dtype=object),
            "age": age,
            "age_band": age_bands(age),
            "gender": gender,
            "home_num": places.user_regions[user],
            "venue_num": venue,
            "km": km,
            "channel": bookings["channel"].fillna(UNKNOWN).to_numpy(dtype=object),
        }
    )


def age_bands(ages: NDArray[np.float64]) -> NDArray[np.object_]:
    """Names such as `25-34`; `unknown` without an age.

    >>> age_bands(np.array([30.0, np.nan, 80.0])).tolist()
    ['25-34', 'unknown', '75+']
    """
    band = np.digitize(np.clip(np.nan_to_num(ages, nan=-1.0), -1, 150), AGE_BANDS) - 1
    known = np.isfinite(ages) & (ages >= 0)
    return np.array(AGE_NAMES, dtype=object)[np.where(known, band, len(AGE_NAMES) - 1)]


def straight_km(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kilometres between rows of (latitude, longitude), as the crow flies (haversine); NaN where one is unknown.

    >>> round(float(straight_km(np.array([[36.0, 117.0]]), np.array([[37.0, 117.0]]))[0]), 1)
    111.2
    """
    first, second = np.radians(a), np.radians(b)
    half = (second - first) / 2
    chord = np.sin(half[..., 0]) ** 2 + np.cos(first[..., 0]) * np.cos(second[..., 0]) * np.sin(half[..., 1]) ** 2
    radius = KM_PER_DEGREE * 180 / np.pi
    return np.asarray(2 * radius * np.arcsin(np.sqrt(np.clip(chord, 0, 1))))
