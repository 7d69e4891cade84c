"""What may be offered to whom: one computation for batch answers, HTTP and the evaluation's candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recsys.dataset import Dataset, local_times, places_among, split_list
from recsys.instants import NEVER, nanoseconds
from recsys.schema import TAKING_STATUSES

ADULT_AGE = 18
HELD_STATUSES = ("booked", "attended", "waitlisted")
"""Statuses whose session a person may still go to, so that nothing else at that time is offered."""

_ADULT_AUDIENCES = ("adult", "adults", "成人", "成年人")


def places_taken(bookings: pd.DataFrame) -> pd.Series:
    """Places by session_id: the sum of `party_size` over bookings that take places."""
    taking = bookings[bookings["status"].isin(TAKING_STATUSES)]
    return taking.groupby("session_id", sort=False)["party_size"].sum()


@dataclass(frozen=True)
class OpenSessions:
    """Sessions that can be booked at an instant, ordered by activity, start and id: columns of every candidate matrix.

    Attributes:
        session_ids: (n,) ids.
        activity_ids: (n,) ids.
        activity_starts: (n,) column of the first session of the same activity.
        starts: (n,) start in nanoseconds.
        ends: (n,) end in nanoseconds, `NEVER` where unknown.
        start_years: (n,) local year of the start.
        min_ages: (n,) least age, NaN for none.
        max_ages: (n,) greatest age, NaN for none.
        for_adults: (n,) True where the audience is adults only.
        places_left: (n,) NaN for no limit.
        asks_for_children: The platform delivers for whom people book, so that it is known who brings a child.
    """

    session_ids: NDArray[np.object_]
    activity_ids: NDArray[np.object_]
    activity_starts: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    start_years: NDArray[np.float64]
    min_ages: NDArray[np.float64]
    max_ages: NDArray[np.float64]
    for_adults: NDArray[np.bool_]
    places_left: NDArray[np.float64]
    asks_for_children: bool

    def __len__(self) -> int:
        return len(self.session_ids)

    @cached_property
    def age_limits(self) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(n_limits, 4) distinct start year, least and greatest age, for adults (1.0); (n,) row of each session.

        Few differ: people are held against these, not against every session.
        """
        limits = np.column_stack([self.start_years, self.min_ages, self.max_ages, self.for_adults])
        distinct, of_session = np.unique(np.where(np.isnan(limits), np.inf, limits), axis=0, return_inverse=True)
        return np.where(np.isinf(distinct), np.nan, distinct), of_session.ravel()

    @cached_property
    def index(self) -> pd.Index:
        """Columns by session id."""
        return pd.Index(self.session_ids, dtype=object)

    @cached_property
    def longest(self) -> int:
        """Nanoseconds of the longest session whose end is known."""
        return int((self.ends - self.starts)[self.ends != NEVER].max(initial=0))

    @cached_property
    def by_start(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(n,) columns in the order of their starts, those of one start in their own; (n,) the starts in that order."""
        order = np.argsort(self.starts, kind="stable")
        return order, self.starts[order]

    @cached_property
    def by_time(self) -> tuple[NDArray[np.int64], NDArray[np.int64], sparse.csr_array]:
        """(n_times,) distinct starts, ascending; (n,) place of each session's among them; (n_times, n) 1.0 there."""
        times, of_session = np.unique(self.starts, return_inverse=True)
        at = of_session, np.arange(len(of_session))
        ones = np.ones(len(of_session), dtype=np.float32)
        return times, of_session, sparse.csr_array((ones, at), shape=(len(times), len(of_session)))

    def only(self, keep: NDArray[np.bool_]) -> OpenSessions:
        """The sessions of a mask, in the same order."""
        columns = {
            name: getattr(self, name)[keep]
            for name in ("session_ids", "activity_ids", "starts", "ends", "start_years", "min_ages", "max_ages")
        }
        return replace(
            self,
            **columns,
            for_adults=self.for_adults[keep],
            places_left=self.places_left[keep],
            activity_starts=_first_columns(self.activity_ids[keep]),
        )


@dataclass(frozen=True)
class People:
    """What decides which sessions a person may be offered, one row a person.

    Attributes:
        birth_years: (n_users,) NaN where unknown.
        booked_rows: (n_booked,) person of each session that was ever booked, whatever became of it.
        booked_ids: (n_booked,) its session id.
        held_rows: (n_held,) person of each session still held.
        held_starts: (n_held,) nanoseconds.
        held_ends: (n_held,) nanoseconds, `NEVER` where unknown.
        child_rows: (n_children,) person of each attendee that was booked for.
        child_years: (n_children,) birth year of the attendee.
    """

    birth_years: NDArray[np.float64]
    booked_rows: NDArray[np.int64]
    booked_ids: NDArray[np.object_]
    held_rows: NDArray[np.int64]
    held_starts: NDArray[np.int64]
    held_ends: NDArray[np.int64]
    child_rows: NDArray[np.int64]
    child_years: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.birth_years)


def open_sessions(
    dataset: Dataset, at: pd.Timestamp, window_days: float | None = None, taken: pd.Series | None = None
) -> OpenSessions:
    """The sessions that may be offered at `at` to a person of the right age who holds nothing.

    Published by `at`, starting after it (and before `at` + window_days), not cancelled, within the booking
    times, with a place left.

    Args:
        dataset: Known at `at` or later; nothing in it is used before its own time.
        at: Instant of the answer.
        window_days: Length of the window in which sessions start, None for no end.
        taken: Places by session_id, newer than the data set's bookings; None to count those.
    """
    sessions = dataset.sessions
    until = pd.Timestamp.max.tz_localize("UTC") if window_days is None else at + pd.Timedelta(days=window_days)
    if taken is None:
        taken = places_taken(dataset.bookings[dataset.bookings["booked_at"] < at])
    left = sessions["capacity"] - sessions["session_id"].map(taken).astype("float64").fillna(0.0)
    is_open = (
        ~(sessions["published_at"] > at)
        & (sessions["starts_at"] > at)
        & (sessions["starts_at"] < until)
        & ~(sessions["cancelled_at"] <= at)
        & ~(sessions["booking_opens_at"] > at)
        & ~(sessions["booking_closes_at"] <= at)
        & ~(left < 1)
    )
    columns = ["activity_id", "min_age", "max_age", "audience"]
    chosen = sessions[is_open].assign(left=left[is_open])
    chosen = chosen.merge(dataset.activities[columns], on="activity_id", how="left")
    return _columns(chosen.sort_values(["activity_id", "starts_at", "session_id"], kind="stable"), dataset)


def may_be_offered(sessions: OpenSessions, people: People) -> NDArray[np.bool_]:
    """(n_users, n_sessions) whether each open session may be offered to each person.

    Age is certain or unknown: a person has reached `min_age` if start year - birth_year - 1 >= min_age. Unknown
    age is not offered what starts at 18 years. Who is too old for a children's session is offered it only if they
    have booked for a child of that age, where the platform says for whom people book. What a person has booked
    already or what overlaps a session they hold is not offered; where an end is missing, only equal starts clash.
    """
    allowed = _age_fits(sessions, people)
    column = sessions.index.get_indexer(pd.Index(people.booked_ids, dtype=object))
    known = column >= 0
    allowed[people.booked_rows[known], column[known]] = False
    order, starts = sessions.by_start
    first = np.searchsorted(starts, people.held_starts - sessions.longest)
    last = np.searchsorted(starts, np.maximum(people.held_starts, people.held_ends), side="right")
    for num, (row, start, end) in enumerate(zip(people.held_rows, people.held_starts, people.held_ends, strict=True)):
        near = order[first[num] : last[num]]
        overlap = sessions.starts[near] == start
        if end != NEVER:
            overlap |= (sessions.ends[near] != NEVER) & (sessions.starts[near] < end) & (start < sessions.ends[near])
        allowed[row, near[overlap]] = False
    return allowed


def earliest_of_each_activity(sessions: OpenSessions, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_users, n_sessions) `allowed` less all but each activity's earliest session that is allowed."""
    if len(sessions) == 0 or (sessions.activity_starts == np.arange(len(sessions))).all():
        return allowed
    counts = np.cumsum(allowed, axis=1, dtype=np.int32)
    before = (counts - allowed)[:, sessions.activity_starts]
    return allowed & (counts - before == 1)


def people_of(users: pd.DataFrame, bookings: pd.DataFrame, sessions: pd.DataFrame, at: pd.Timestamp) -> People:
    """People from their profile rows and their own bookings made before `at`.

    Args:
        users: Contract rows, one a person, in the order of the result; `user_id` is unique.
        bookings: Contract rows of these people (others are not looked at).
        sessions: Contract rows that hold at least every session the bookings name.
        at: Instant of the answer.
    """
    rows = places_among(bookings["user_id"], users["user_id"])
    is_own = (rows >= 0) & (bookings["booked_at"] < at).to_numpy(dtype=bool)
    session = places_among(bookings["session_id"], sessions["session_id"])
    starts, ends = (np.append(nanoseconds(sessions[name]), NEVER)[session] for name in ("starts_at", "ends_at"))
    last = np.where(ends == NEVER, starts, ends)
    is_over = (last != NEVER) & (last < at.value)
    is_held = is_own & bookings["status"].isin(HELD_STATUSES).to_numpy(dtype=bool) & ~is_over
    named = bookings["attendee_birth_years"].set_axis(rows)[is_own].dropna()
    years = pd.to_numeric(split_list(named), errors="coerce").dropna()
    return People(
        birth_years=users["birth_year"].to_numpy(dtype=np.float64),
        booked_rows=rows[is_own],
        booked_ids=bookings["session_id"].to_numpy(dtype=object)[is_own],
        held_rows=rows[is_held],
        held_starts=starts[is_held],
        held_ends=ends[is_held],
        child_rows=years.index.to_numpy(dtype=np.int64),
        child_years=years.to_numpy(dtype=np.float64),
    )


def _age_fits(sessions: OpenSessions, people: People) -> NDArray[np.bool_]:
    start_years, min_ages, max_ages, for_adults = sessions.age_limits[0].T
    age = start_years - people.birth_years[:, None] - 1
    allowed = ~(age < min_ages) & ~(np.isnan(age) & (min_ages >= ADULT_AGE))
    allowed &= ~((for_adults > 0) & (age < ADULT_AGE))
    if sessions.asks_for_children:
        child_age = start_years - people.child_years[:, None] - 1
        fits = (child_age <= max_ages) & ~(child_age < min_ages)
        brings_child = np.zeros(allowed.shape, dtype=bool)
        np.logical_or.at(brings_child, people.child_rows, fits)
        allowed &= ~(age > max_ages) | brings_child
    return np.take(allowed, sessions.age_limits[1], axis=1)


def _columns(chosen: pd.DataFrame, dataset: Dataset) -> OpenSessions:
    activity_ids = chosen["activity_id"].to_numpy(dtype=object)
    audience = chosen["audience"].fillna("").str.strip().str.lower()
    return OpenSessions(
        session_ids=chosen["session_id"].to_numpy(dtype=object),
        activity_ids=activity_ids,
        activity_starts=_first_columns(activity_ids),
        starts=nanoseconds(chosen["starts_at"]),
        ends=nanoseconds(chosen["ends_at"]),
        start_years=local_times(chosen["starts_at"], dataset.timezone).dt.year.to_numpy(dtype=np.float64),
        min_ages=chosen["min_age"].to_numpy(dtype=np.float64),
        max_ages=chosen["max_age"].to_numpy(dtype=np.float64),
        for_adults=audience.isin(_ADULT_AUDIENCES).to_numpy(dtype=bool),
        places_left=chosen["left"].to_numpy(dtype=np.float64),
        asks_for_children=bool(dataset.bookings["attendee_birth_years"].notna().any()),
    )


def _first_columns(activity_ids: Sequence[str] | NDArray[np.object_]) -> NDArray[np.int64]:
    codes = pd.factorize(np.asarray(activity_ids, dtype=object))[0]
    first = np.unique(codes, return_index=True)[1]
    return first[codes].astype(np.int64) if len(codes) else np.zeros(0, dtype=np.int64)
