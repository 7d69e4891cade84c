"""What people did, as arrays: the same for everybody at once and for one person alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.interactions import DEFAULT_INTERACTIONS, kind_weights
from features.signals.known.lookup import Lookup, take_or_missing
from recsys.instants import NS_PER_DAY, nanoseconds
from recsys.ragged import entries_of
from recsys.sums import sums_by

MOST_CELLS = 2_000_000
"""Users times columns up to which pairs are looked up in a table of all, not by halving."""

SLOTS = 1 << 18
"""Slots, a power of two, that codes fall into by their last digits: what falls into an empty one is not among them."""


@dataclass(frozen=True)
class Events:
    """Bookings and feedback of some users before an instant, ordered by user, time and activity.

    The order is the same whoever else is among the users, so that sums over one user's events do not depend on it.

    Attributes:
        rows: (n,) user.
        activities: (n,) activity row.
        sessions: (n,) session row, -1 for feedback.
        days: (n,) days before the instant, > 0.
        weights: (n,) what the event says of liking, not decayed.
        is_taking: (n,) True for bookings that took a place.
        for_others: (n,) True for bookings that name the birth year of somebody else.
    """

    rows: NDArray[np.int64]
    activities: NDArray[np.int64]
    sessions: NDArray[np.int64]
    days: NDArray[np.float64]
    weights: NDArray[np.float64]
    is_taking: NDArray[np.bool_]
    for_others: NDArray[np.bool_]

    def only(self, kept: NDArray[Any]) -> Events:
        """Some of the events, by mask or by number."""
        return Events(**{field.name: getattr(self, field.name)[kept] for field in fields(self)})

    def take(self, users: NDArray[np.int64]) -> Events:
        """Events of some users, by their numbers; who is named twice has them twice."""
        places, rows = entries_of(self.rows, users)
        return replace(self.only(places), rows=rows)

    def decayed(self, half_life_days: float) -> NDArray[np.float64]:
        """(n,) weights halved every `half_life_days`."""
        return self.weights * np.exp2(-self.days / half_life_days)

    def keys(self, lookup: Lookup, level: str) -> NDArray[np.int64]:
        """(n,) key row of each event on a level, -1 where it has none."""
        if level in lookup.activity_keys:
            return take_or_missing(lookup.activity_keys[level], self.activities)
        return take_or_missing(lookup.of_sessions[level], self.sessions)

    def grouped(self, columns: NDArray[np.int64], width: int) -> EventGroups:
        """The events by user and column; those with column -1 are in no group.

        Args:
            columns: (n,) column of each event.
            width: Number of columns.
        """
        kept = np.flatnonzero(columns >= 0)
        codes, of_kept = np.unique(self.rows[kept] * width + columns[kept], return_inverse=True)
        return EventGroups(codes, kept, of_kept.ravel(), width)

    def matrix(
        self, columns: NDArray[np.int64], shape: tuple[int, int], values: NDArray[np.float64]
    ) -> sparse.csr_array:
        """(n_users, n_columns) CSR of summed values by user and column; events with column -1 are left out."""
        return self.grouped(columns, shape[1]).matrix(shape[0], values)

    def table(
        self, columns: NDArray[np.int64], shape: tuple[int, int], values: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n_users, n_columns) `matrix` with its zeros, for few columns."""
        kept = columns >= 0
        cells = self.rows[kept] * shape[1] + columns[kept]
        return sums_by(cells, values[kept], shape[0] * shape[1]).reshape(shape)


@dataclass(frozen=True)
class EventGroups:
    """Events of one user and one column together, to be looked up by pairs without a matrix of them all.

    Attributes:
        codes: (n_groups,) user * width + column, ascending.
        kept: (n_kept,) the events that are in a group, in their order.
        of_kept: (n_kept,) group of each.
        width: Number of columns.
    """

    codes: NDArray[np.int64]
    kept: NDArray[np.int64]
    of_kept: NDArray[np.int64]
    width: int

    def at(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n_pairs,) group of each pair of user and column, n_groups where there is none or the column is -1."""
        return places_of_pairs(self.codes, self.width, rows, columns)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_groups + 1,) sum of each group's events, 0 for no group."""
        return sums_by(self.of_kept, values[self.kept], len(self.codes) + 1)

    def matrix(self, n_users: int, values: NDArray[np.float64]) -> sparse.csr_array:
        """(n_users, width) CSR of `sums`."""
        starts = np.searchsorted(self.codes, np.arange(n_users + 1) * self.width)
        cells = self.sums(values)[:-1], self.codes % self.width, starts
        return sparse.csr_array(cells, shape=(n_users, self.width))

    def first(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_groups + 1,) value of each group's first event, NaN for no group."""
        found = np.full(len(self.codes) + 1, np.nan)
        found[self.of_kept[::-1]] = values[self.kept[::-1]]
        return found

    def last(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_groups + 1,) value of each group's last event, NaN for no group."""
        found = np.full(len(self.codes) + 1, np.nan)
        found[self.of_kept] = values[self.kept]
        return found


def places_of_pairs(
    codes: NDArray[np.int64], width: int, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """(n_pairs,) place of each pair of user and column among codes, n_codes where it is not among them.

    Args:
        codes: (n_codes,) user * width + column, ascending.
        width: Number of columns.
        rows: (n_pairs,) user.
        columns: (n_pairs,) column, -1 for none.
    """
    wanted = np.where(columns >= 0, rows * width + columns, -1)
    n_cells = (int(rows.max(initial=0)) + 1) * width
    if n_cells <= MOST_CELLS:
        table = np.full(n_cells + 1, len(codes), dtype=np.int32)
        inside = np.searchsorted(codes, n_cells)
        table[codes[:inside]] = np.arange(inside)
        return table.take(wanted).astype(np.int64)
    # Most people were never with most keys: few are left to look up by halving.
    is_taken = np.zeros(SLOTS, dtype=bool)
    is_taken[codes & (SLOTS - 1)] = True
    likely = np.flatnonzero(is_taken.take(wanted & (SLOTS - 1)))
    wanted = wanted.take(likely)
    places = np.searchsorted(codes, wanted)
    found = np.full(len(rows), len(codes))
    found[likely] = np.where(np.append(codes, -2).take(places) == wanted, places, len(codes))
    return found


def events_of(
    bookings: pd.DataFrame, feedback: pd.DataFrame, user_ids: NDArray[np.object_], lookup: Lookup, at: pd.Timestamp
) -> Events:
    """Events of the users before `at`; rows of others, or of sessions and activities without a row, are left out.

    Args:
        bookings: Contract rows.
        feedback: Contract rows.
        user_ids: (n_users,) id of each row of users.
        lookup: Activities and sessions.
        at: Instant; what happened then or later is left out.
    """
    weights = kind_weights(DEFAULT_INTERACTIONS)
    users = pd.Index(user_ids, dtype=object)
    told = len(feedback)
    sessions = lookup.sessions.nums_or_missing(bookings["session_id"])
    parts = {
        "rows": np.concatenate([_rows(users, bookings), _rows(users, feedback)]),
        "activities": np.concatenate(
            [
                take_or_missing(lookup.session_activity, sessions),
                lookup.activities.nums_or_missing(feedback["activity_id"]),
            ]
        ),
        "sessions": np.concatenate([sessions, np.full(told, -1, dtype=np.int64)]),
        "days": (at.value - np.concatenate([nanoseconds(bookings["booked_at"]), nanoseconds(feedback["occurred_at"])]))
        / NS_PER_DAY,
        "weights": np.concatenate(
            [bookings["status"].map(weights).to_numpy(dtype=np.float64), _told_weights(feedback, weights)]
        ),
        "is_taking": np.concatenate(
            [bookings["status"].isin(("booked", "attended")).to_numpy(dtype=bool), np.zeros(told, dtype=bool)]
        ),
        "for_others": np.concatenate(
            [bookings["attendee_birth_years"].notna().to_numpy(dtype=bool), np.zeros(told, dtype=bool)]
        ),
    }
    kept = (parts["rows"] >= 0) & (parts["activities"] >= 0) & (parts["weights"] > 0) & (parts["days"] > 0)
    found = Events(**parts).only(kept)
    return found.only(np.lexsort((found.sessions, found.activities, -found.days, found.rows)))


def impressions_of(feedback: pd.DataFrame, user_ids: NDArray[np.object_], lookup: Lookup, at: pd.Timestamp) -> Events:
    """What the users were shown before `at`: an impression says nothing of liking, so it is none of `events_of`."""
    shown = feedback[(feedback["kind"] == "impression").to_numpy(dtype=bool)]
    n = len(shown)
    found = Events(
        rows=_rows(pd.Index(user_ids, dtype=object), shown),
        activities=lookup.activities.nums_or_missing(shown["activity_id"]),
        sessions=np.full(n, -1, dtype=np.int64),
        days=(at.value - nanoseconds(shown["occurred_at"])) / NS_PER_DAY,
        weights=np.ones(n),
        is_taking=np.zeros(n, dtype=bool),
        for_others=np.zeros(n, dtype=bool),
    )
    found = found.only((found.rows >= 0) & (found.activities >= 0) & (found.days > 0))
    return found.only(np.lexsort((found.activities, -found.days, found.rows)))


def _rows(users: pd.Index, frame: pd.DataFrame) -> NDArray[np.int64]:
    return np.asarray(users.get_indexer(pd.Index(frame["user_id"], dtype=object)), dtype=np.int64)


def _told_weights(feedback: pd.DataFrame, weights: Mapping[str, float]) -> NDArray[np.float64]:
    """(n,) weight of each piece of feedback by its kind; a rating's by its points too."""
    points = feedback["value"].to_numpy(dtype=np.float64) / DEFAULT_INTERACTIONS.best_rating
    share = np.where(np.isnan(points), 0.5, np.clip(points, 0, 1))
    share = np.where((feedback["kind"] == "rating").to_numpy(dtype=bool), share, 1.0)
    return feedback["kind"].map(weights).to_numpy(dtype=np.float64) * share
