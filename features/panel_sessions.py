"""Sessions as a forecaster sees them: what was on hand at each earlier week's cut-off, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset, local_times
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree, session_regions
from recsys.schema import TAKING_STATUSES

WEEK_NS = 7 * 24 * 3600 * 10**9
ABSURD_CAPACITY = 1_000_000
"""A session with more places than this has no stated capacity."""


@dataclass(frozen=True)
class SessionBook:
    """One row a session known at `as_of`, seen from origins `as_of - 7 j days` (local clock), j = 0, 1, ...

    An age counts weeks back from `as_of`: a session of age a started in [as_of - 7a days, as_of - 7(a-1) days),
    so it has begun by origin j if a > j; a <= 0 lies ahead. Its lead at origin j is j - a >= 0 whole weeks.

    Attributes:
        as_of: Local time without a zone.
        bottom: Bottom region in which it counts.
        category: Category number.
        keys: Code of its activity, series, organiser and venue by name; -1 where unknown.
        starts: Local start.
        week: Weeks from the week that holds `as_of` to its own (negative: past).
        age: See above.
        known_age: Weeks back from `as_of` to when it became known; inf: always known.
        cancelled_age: Weeks back to its cancellation; -inf: not cancelled.
        places: Places taken by what is known at `as_of`; the final figure once it has begun; 0 if cancelled.
        waiting: Places on the waitlist.
        capacity: Places offered; NaN where not stated or absurd.
        price: NaN where not stated.
        traits: (n_sessions,) numbers by name that say what it is like: `min_age`, `max_age`, `online`, `hours`.
        on_hand: (n_sessions, n_leads) places booked by the origin of each lead.
    """

    as_of: pd.Timestamp
    bottom: NDArray[np.int64]
    category: NDArray[np.int64]
    keys: dict[str, NDArray[np.int64]]
    starts: NDArray[np.datetime64]
    week: NDArray[np.int64]
    age: NDArray[np.int64]
    known_age: NDArray[np.float64]
    cancelled_age: NDArray[np.float64]
    places: NDArray[np.float64]
    waiting: NDArray[np.float64]
    capacity: NDArray[np.float64]
    price: NDArray[np.float64]
    traits: dict[str, NDArray[np.float64]]
    on_hand: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.age)

    @property
    def is_cancelled(self) -> NDArray[np.bool_]:
        """(n_sessions,) known to be cancelled at `as_of`."""
        return np.isfinite(self.cancelled_age)

    @property
    def is_full(self) -> NDArray[np.bool_]:
        """(n_sessions,) every stated place is taken."""
        return np.nan_to_num(self.places >= self.capacity, nan=False).astype(bool) & ~self.is_cancelled

    def likeness(self) -> list[NDArray[np.int64]]:
        """Codes of what a session is like, from the general to the particular; -1 where it is not known."""
        return [
            self.category,
            joint_codes(self.bottom, self.category),
            joint_codes(self.keys["organiser"], self.category),
            joint_codes(self.keys["venue"], self.category),
            joint_codes(self.keys["series"], self.category),
            self.keys["activity"],
        ]


def joint_codes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Codes from 0 of pairs of codes; -1 where either is."""
    joint = np.where((first < 0) | (second < 0), -1, first * (int(second.max(initial=0)) + 1) + second)
    codes, where = np.unique(joint, return_inverse=True)
    has_missing = len(codes) > 0 and codes[0] == -1
    return np.asarray(where - int(has_missing), dtype=np.int64)


def session_book(
    dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, n_leads: int, history_weeks: int
) -> SessionBook:
    """The sessions of the last `history_weeks` weeks and of all weeks ahead, in order of start."""
    as_of = dataset.data_until.tz_convert(dataset.timezone).tz_localize(None)
    starts = local_times(dataset.sessions["starts_at"], dataset.timezone)
    recent = (starts >= as_of - pd.Timedelta(weeks=history_weeks)).to_numpy()
    order = np.argsort(starts.to_numpy(), kind="stable")
    order = order[recent[order]]
    region = session_regions(dataset, tree)[order]
    sessions = dataset.sessions.iloc[order].reset_index(drop=True)
    starts = starts.iloc[order].reset_index(drop=True)
    activities = dataset.activities.set_index("activity_id")
    of_activity = activities.reindex(sessions["activity_id"]).reset_index()
    bookings = _session_bookings(dataset, sessions, as_of)
    age = np.ceil(_weeks_back(starts, as_of)).astype(np.int64)
    cancelled = np.nan_to_num(_weeks_back(local_times(sessions["cancelled_at"], dataset.timezone), as_of), nan=-np.inf)
    published = np.nan_to_num(_weeks_back(local_times(sessions["published_at"], dataset.timezone), as_of), nan=np.inf)
    first_booked = bookings.groupby("session")["since"].max().reindex(range(len(sessions))).to_numpy(dtype=float)
    taking = bookings[bookings["status"].isin(TAKING_STATUSES)]
    waiting = bookings[bookings["status"] == "waitlisted"]
    places = _sums(taking, len(sessions))
    capacity = sessions["capacity"].to_numpy(dtype=float)
    is_stated = (capacity > 0) & (capacity <= ABSURD_CAPACITY)
    return SessionBook(
        as_of=as_of,
        bottom=hierarchy.bottom_nums(tree, region),
        category=hierarchy.categories.nums(of_activity["category"]),
        keys={
            "activity": _codes(sessions["activity_id"]),
            "series": _codes(of_activity["series_id"]),
            "organiser": _codes(of_activity["organiser_id"]),
            "venue": _codes(sessions["venue_id"]),
            "kind": _codes(of_activity["kind"]),
            "audience": _codes(of_activity["audience"]),
        },
        starts=starts.to_numpy(),
        week=_week_offsets(starts, as_of),
        age=age,
        known_age=np.fmax(published, np.nan_to_num(first_booked, nan=-np.inf)),
        cancelled_age=cancelled,
        places=np.where(np.isfinite(cancelled), 0.0, places),
        waiting=_sums(waiting, len(sessions)),
        capacity=np.where(is_stated, capacity, np.nan),
        price=sessions["price"].to_numpy(dtype=float),
        traits={
            "min_age": of_activity["min_age"].to_numpy(dtype=float),
            "max_age": of_activity["max_age"].to_numpy(dtype=float),
            "online": of_activity["online"].to_numpy(dtype=float),
            "hours": ((sessions["ends_at"] - sessions["starts_at"]) / pd.Timedelta(hours=1)).to_numpy(dtype=float),
        },
        on_hand=_on_hand(bookings, age, n_leads),
    )


def _session_bookings(dataset: Dataset, sessions: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Bookings with their session's row, places, and the weeks back at which they were made and given up."""
    bookings = dataset.bookings
    row = pd.Index(sessions["session_id"]).get_indexer(bookings["session_id"])
    inside = row >= 0
    bookings = bookings[inside]
    given_up = local_times(bookings["status_at"], dataset.timezone).where(bookings["status"] == "cancelled")
    return pd.DataFrame(
        {
            "session": row[inside],
            "status": bookings["status"].to_numpy(dtype=object),
            "party": bookings["party_size"].to_numpy(dtype=float),
            "since": _weeks_back(local_times(bookings["booked_at"], dataset.timezone), as_of),
            "until": np.nan_to_num(_weeks_back(given_up, as_of), nan=-np.inf),
        }
    )


def _on_hand(bookings: pd.DataFrame, age: NDArray[np.int64], n_leads: int) -> NDArray[np.float32]:
    """Places of bookings made before, and not given up by, the origin of each lead."""
    counted = bookings[bookings["status"] != "waitlisted"]
    session = counted["session"].to_numpy()
    # Origin j holds a booking made s weeks back if j < s, and one given up u weeks back if j > u.
    last = np.ceil(counted["since"].to_numpy()) - 1 - age[session]
    first = np.floor(np.maximum(counted["until"].to_numpy(), -1e6)) + 1 - age[session]
    last = np.clip(last, -1, n_leads - 1).astype(np.int64)
    first = np.clip(first, 0, n_leads).astype(np.int64)
    holds = first <= last
    steps = np.zeros((len(age), n_leads + 1))
    party = counted["party"].to_numpy()
    np.add.at(steps, (session[holds], first[holds]), party[holds])
    np.add.at(steps, (session[holds], last[holds] + 1), -party[holds])
    return np.cumsum(steps[:, :n_leads], axis=1).astype(np.float32)


def _sums(bookings: pd.DataFrame, n_sessions: int) -> NDArray[np.float64]:
    return np.bincount(bookings["session"], weights=bookings["party"], minlength=n_sessions).astype(np.float64)


def _codes(values: pd.Series) -> NDArray[np.int64]:
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _weeks_back(times: pd.Series, as_of: pd.Timestamp) -> NDArray[np.float64]:
    return ((as_of - times) / pd.Timedelta(weeks=1)).to_numpy(dtype=float)


def _week_offsets(starts: pd.Series, as_of: pd.Timestamp) -> NDArray[np.int64]:
    now = as_of.normalize() - pd.Timedelta(days=as_of.dayofweek)
    days = (starts.dt.normalize() - now).dt.days.to_numpy()
    return np.floor_divide(days, 7).astype(np.int64)
