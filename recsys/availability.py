"""What may be offered to whom: one computation for batch answers, HTTP and the evaluation's candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from recsys.ages import certain_ages
from recsys.dataset import places_among, split_list
from recsys.instants import NEVER, nanoseconds
from recsys.open_sessions import OpenSessions
from recsys.ragged import entries_of

ADULT_AGE = 18
HELD_STATUSES = ("booked", "attended", "waitlisted")
"""Statuses whose session a person may still go to, so that nothing else at that time is offered."""


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

    def take(self, users: NDArray[np.int64]) -> People:
        """Some of the people, by their numbers; any of them more than once."""
        (booked, booked_rows), (held, held_rows), (children, child_rows) = (
            entries_of(rows, users) for rows in (self.booked_rows, self.held_rows, self.child_rows)
        )
        return People(
            birth_years=self.birth_years[users],
            booked_rows=booked_rows,
            booked_ids=self.booked_ids[booked],
            held_rows=held_rows,
            held_starts=self.held_starts[held],
            held_ends=self.held_ends[held],
            child_rows=child_rows,
            child_years=self.child_years[children],
        )


def for_children(max_ages: ArrayLike) -> NDArray[np.bool_]:
    """(n,) whether no adult may come; NaN is no limit."""
    return np.asarray(max_ages, dtype=np.float64) < ADULT_AGE


def may_be_offered(sessions: OpenSessions, people: People) -> NDArray[np.bool_]:
    """(n_users, n_sessions) whether each open session may be offered to each person.

    Age is certain or unknown: a person has reached `min_age` if start year - birth_year - 1 >= min_age. Unknown
    age is not offered what starts at 18 years. Who is too old for a children's session is offered it only if they
    have booked for a child of that age, where the platform says for whom people book. What a person has booked
    already or what overlaps a session they hold is not offered; where an end is missing, only equal starts clash.
    Nobody holds a session that was called off.
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
    times = ("starts_at", "ends_at", "cancelled_at")
    starts, ends, called_off = (np.append(nanoseconds(sessions[name]), NEVER)[session] for name in times)
    last = np.where(ends == NEVER, starts, ends)
    is_over = (last != NEVER) & (last < at.value)
    is_off = (called_off != NEVER) & (called_off <= at.value)
    is_held = is_own & bookings["status"].isin(HELD_STATUSES).to_numpy(dtype=bool) & ~is_over & ~is_off
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
    age = certain_ages(start_years, people.birth_years[:, None])
    allowed = ~(age < min_ages) & ~(np.isnan(age) & (min_ages >= ADULT_AGE))
    allowed &= ~((for_adults > 0) & (age < ADULT_AGE))
    if sessions.asks_for_children:
        child_age = certain_ages(start_years, people.child_years[:, None])
        fits = (child_age <= max_ages) & ~(child_age < min_ages)
        brings_child = np.zeros(allowed.shape, dtype=bool)
        np.logical_or.at(brings_child, people.child_rows, fits)
        allowed &= ~(age > max_ages) | brings_child
    return np.take(allowed, sessions.age_limits[1], axis=1)
