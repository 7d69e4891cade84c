"""Sessions that can be booked at an instant, whoever asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recsys.ages import local_years
from recsys.dataset import Dataset
from recsys.instants import NEVER, nanoseconds
from recsys.schema import TAKING_STATUSES

_GROWN = (
    r"adults?|seniors?|elderly|older (?:adults|people)"
    r"|成人|成年人|中老年人?|老年人?|老人|18 ?\+|18 ?(?:周)?岁(?:及)?以上"
)
_ADULTS_ONLY = rf"(?:仅限|只限|限|面向)?(?:{_GROWN})(?:[ -]only|专场|专属)?"
"""Audiences of which nobody is a minor; where others are named beside adults it is none."""


def for_adults_alone(audiences: pd.Series) -> NDArray[np.bool_]:
    """(n,) whether an audience, as it is worded, holds no minor.

    >>> for_adults_alone(pd.Series(["仅限成人", "Seniors only", "adults and children", None])).tolist()
    [True, True, False, False]
    """
    worded = audiences.fillna("").astype(str).str.strip().str.lower()
    return worded.str.fullmatch(_ADULTS_ONLY).to_numpy(dtype=bool)


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


def _columns(chosen: pd.DataFrame, dataset: Dataset) -> OpenSessions:
    activity_ids = chosen["activity_id"].to_numpy(dtype=object)
    return OpenSessions(
        session_ids=chosen["session_id"].to_numpy(dtype=object),
        activity_ids=activity_ids,
        activity_starts=_first_columns(activity_ids),
        starts=nanoseconds(chosen["starts_at"]),
        ends=nanoseconds(chosen["ends_at"]),
        start_years=local_years(chosen["starts_at"], dataset.timezone),
        min_ages=chosen["min_age"].to_numpy(dtype=np.float64),
        max_ages=chosen["max_age"].to_numpy(dtype=np.float64),
        for_adults=for_adults_alone(chosen["audience"]),
        places_left=chosen["left"].to_numpy(dtype=np.float64),
        asks_for_children=bool(dataset.bookings["attendee_birth_years"].notna().any()),
    )


def _first_columns(activity_ids: Sequence[str] | NDArray[np.object_]) -> NDArray[np.int64]:
    codes = pd.factorize(np.asarray(activity_ids, dtype=object))[0]
    first = np.unique(codes, return_index=True)[1]
    return first[codes].astype(np.int64) if len(codes) else np.zeros(0, dtype=np.int64)
