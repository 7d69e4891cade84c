"""What users could have gone to: past sessions by week, place, time of the week, and who booked them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.willingness.ages import Cohorts, cohorts
from features.willingness.parties import plausible
from recsys.dataset import Dataset, is_among, local_times, week_starts
from recsys.ids import IdMap
from recsys.sums import sums_by

HOURS = 24
N_TIME_CELLS = 2 * HOURS
"""Hours of a working day, then of a weekend's."""

MONTH_WEEKS = 4
"""Weeks within which a category may be in or out of favour together."""

WAITED_SHARE = 0.2
"""Share of full sessions with a waiting list from which a platform is believed to keep them."""

TRAINING = "training"
UNPLACED = "online or without a venue"


@dataclass(frozen=True)
class Exposure:
    """Past sessions as rows, and bookings as (user, session) rows.

    Attributes:
        categories: Category names by row.
        kinds: Kind names by row; the last stands for sessions without a place.
        session_ids: Row of each session used.
        week: (n_sessions,) week number from the first used.
        category: (n_sessions,) category row.
        course: (n_sessions,) number of the session's series, or of its activity where it has none, from 0.
        course_ids: Key of each course, see `courses`.
        venue: (n_sessions,) venue row; n_venues for sessions without a place.
        kind: (n_sessions,) kind row.
        audience: (n_sessions,) number of the stated audience; 0 is the commonest among sessions for all ages.
        price: (n_sessions,) 0 where none is stated.
        cell: (n_sessions,) weekend x hour of the start, below `N_TIME_CELLS`.
        weekday: (n_sessions,) 0 = Monday.
        day: (n_sessions,) local date.
        capacity: (n_sessions,) places, inf where unknown.
        n_weeks: Weeks covered.
        first_monday: Monday of the first week.
        first_week: (n_users,) first week in which the user was registered, negative before the first used.
        booking_user: (n_bookings,) user row.
        booking_session: (n_bookings,) session row.
        people: (n_bookings,) places asked for, waiting lists included.
        keeps_waiting: People beyond the places are known: sessions that were full have waiting lists.
        cohorts: Whom sessions admit by age.
    """

    categories: NDArray[np.object_]
    kinds: NDArray[np.object_]
    session_ids: IdMap
    week: NDArray[np.int64]
    category: NDArray[np.int64]
    course: NDArray[np.int64]
    course_ids: IdMap
    venue: NDArray[np.int64]
    kind: NDArray[np.int64]
    audience: NDArray[np.int64]
    price: NDArray[np.float64]
    cell: NDArray[np.int64]
    weekday: NDArray[np.int64]
    day: NDArray[np.datetime64]
    capacity: NDArray[np.float64]
    n_weeks: int
    first_monday: np.datetime64
    first_week: NDArray[np.int64]
    booking_user: NDArray[np.int64]
    booking_session: NDArray[np.int64]
    people: NDArray[np.float64]
    keeps_waiting: bool
    cohorts: Cohorts

    @property
    def age_group(self) -> NDArray[np.int64]:
        """(n_users,) row of `features.willingness.ages.AGE_GROUPS`."""
        return self.cohorts.age_group[self.cohorts.of_user]

    @property
    def n_months(self) -> int:
        """Spells of `MONTH_WEEKS` covered, the last perhaps in part."""
        return -(-self.n_weeks // MONTH_WEEKS)

    @property
    def category_month(self) -> NDArray[np.int64]:
        """(n_sessions,) number of the category in its month, below n_categories times `n_months`."""
        return self.category * self.n_months + self.week // MONTH_WEEKS

    @property
    def is_training(self) -> NDArray[np.bool_]:
        """(n_sessions,) of the kind that is planned."""
        return np.asarray(self.kinds[self.kind] == TRAINING)

    @property
    def is_full(self) -> NDArray[np.bool_]:
        """(n_sessions,) as many people asked as there are places, or more."""
        asked = sums_by(self.booking_session, self.people, len(self.week))
        return np.asarray((asked >= self.capacity) & (self.capacity > 0))

    def counts(self, inflation: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """(n_users, n_categories) people who asked for places, those of each session times its `inflation`."""
        people = self.people if inflation is None else self.people * inflation[self.booking_session]
        shape = (len(self.cohorts.of_user), len(self.categories))
        flat = self.booking_user * shape[1] + self.category[self.booking_session]
        return sums_by(flat, people, shape[0] * shape[1]).reshape(shape).astype(np.float32)


def courses(dataset: Dataset, activity_ids: pd.Series) -> NDArray[np.object_]:
    """(n,) what sessions have their luck in common with: the series of their activity, else the activity."""
    series = dataset.activities.set_index("activity_id")["series_id"].astype(object).reindex(activity_ids)
    activities = activity_ids.to_numpy(dtype=object)
    found = series.where(series.notna(), activities).to_numpy(dtype=object)
    return np.array(
        [f"{'series' if one else 'activity'} {key}" for one, key in zip(series.notna(), found, strict=True)],
        dtype=object,
    )


def attending(bookings: pd.DataFrame) -> pd.Series:
    """Whether each booking's person came: marked as attended, or still booked where nobody is ever marked."""
    came = bookings["status"] == "attended"
    return came if came.any() else bookings["status"] == "booked"


def time_cell(weekday: NDArray[np.int64], hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weekend x hour of a weekday (0 = Monday) and hour."""
    return (weekday >= 5) * HOURS + hour


def _audiences(facts: pd.DataFrame) -> NDArray[np.int64]:
    """(n,) number of each stated audience (missing is one), the commonest of those without age limits first."""
    stated = facts["audience"].astype(object).fillna("not stated")
    order = stated[facts["min_age"].isna() & facts["max_age"].isna()].value_counts().index
    names = pd.Index([*order, *sorted(set(stated) - set(order))])
    return np.asarray(names.get_indexer(stated), dtype=np.int64)


def _keeps_waiting(
    people: NDArray[np.float64],
    session: NDArray[np.int64],
    waits: NDArray[np.bool_],
    capacity: NDArray[np.float64],
) -> bool:
    """Whether a fair share of the sessions whose places were all asked for have somebody waiting."""
    full = (sums_by(session, people, len(capacity)) >= capacity) & (capacity > 0)
    waited = sums_by(session, waits, len(capacity)) > 0
    return bool(full.any() and waited[full].mean() >= WAITED_SHARE)


def _held(dataset: Dataset, history_weeks: int) -> pd.DataFrame:
    """Sessions to learn from by id, in whatever order they are told: courses are numbered, and left out, by it."""
    sessions = dataset.sessions
    held = sessions[(sessions["starts_at"] < dataset.data_until) & sessions["cancelled_at"].isna()]
    booked = held.loc[is_among(held["session_id"], dataset.bookings["session_id"]), "starts_at"]
    last = booked.max() if len(booked) else held["starts_at"].max()
    return held[held["starts_at"].between(last - pd.Timedelta(weeks=history_weeks), last)].sort_values("session_id")


def _kinds(stated: pd.Series, unplaced: NDArray[np.bool_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Names of kinds, and (n_sessions,) the row of each session's."""
    of_session = stated.fillna(TRAINING).to_numpy(dtype=object)
    names = np.array([*sorted({TRAINING, *of_session}), UNPLACED], dtype=object)
    row = np.searchsorted(names[:-1].astype(str), of_session.astype(str))
    return names, np.where(unplaced, len(names) - 1, row).astype(np.int64)


def _asked(
    dataset: Dataset, session_ids: IdMap, admission: Cohorts
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Bookings that were not cancelled of people whom the session admits, with rows of user and session."""
    bookings = dataset.bookings[dataset.bookings["status"] != "cancelled"]
    row = session_ids.nums_or_missing(bookings["session_id"])
    bookings, row = bookings[row >= 0], row[row >= 0]
    user = IdMap.of(dataset.users["user_id"], "user_id").nums(bookings["user_id"])
    own = admission.admits[admission.of_user[user], row] > 0
    return bookings[own], user[own], row[own]


def _described(dataset: Dataset, sessions: pd.DataFrame) -> dict[str, Any]:
    """Fields of `Exposure` that say what sessions are, and where."""
    facts = dataset.activities.set_index("activity_id").reindex(sessions["activity_id"])
    course, course_ids = pd.factorize(courses(dataset, sessions["activity_id"]))
    categories = np.array(sorted(dataset.activities["category"].dropna().unique()), dtype=object)
    venue = IdMap.of(dataset.venues["venue_id"], "venue_id").nums_or_missing(sessions["venue_id"])
    unplaced = (venue < 0) | facts["online"].to_numpy(dtype=bool)
    kinds, kind = _kinds(facts["kind"], unplaced)
    return {
        "categories": categories,
        "kinds": kinds,
        "category": np.searchsorted(categories.astype(str), facts["category"].to_numpy(dtype=str)),
        "course": course.astype(np.int64),
        "course_ids": IdMap(np.asarray(course_ids, dtype=object), "course"),
        "venue": np.where(unplaced, len(dataset.venues), venue).astype(np.int64),
        "kind": kind,
        "audience": _audiences(facts),
        "price": sessions["price"].fillna(0.0).clip(lower=0.0).to_numpy(dtype=np.float64),
        "capacity": sessions["capacity"].fillna(np.inf).to_numpy(dtype=np.float64),
    }


def _timed(dataset: Dataset, sessions: pd.DataFrame) -> dict[str, Any]:
    """Fields of `Exposure` that say when sessions were held, and from when on users were there."""
    local = local_times(sessions["starts_at"], dataset.timezone)
    weeks = week_starts(sessions["starts_at"], dataset.timezone)
    monday = weeks.min() if len(weeks) else dataset.data_until.tz_convert(None).normalize()
    week = ((weeks - monday).dt.days // 7).to_numpy(dtype=np.int64)
    weekday = local.dt.dayofweek.to_numpy(dtype=np.int64)
    registered = local_times(dataset.users["registered_at"], dataset.timezone)
    return {
        "week": week,
        "cell": time_cell(weekday, local.dt.hour.to_numpy(dtype=np.int64)),
        "weekday": weekday,
        "day": local.to_numpy().astype("datetime64[D]"),
        "n_weeks": int(week.max()) + 1 if len(week) else 0,
        "first_monday": np.datetime64(monday, "D"),
        "first_week": ((registered - monday).dt.days // 7).fillna(-1).to_numpy(dtype=np.int64),
    }


def exposure(dataset: Dataset, history_weeks: int) -> Exposure:
    """Sessions of the last `history_weeks` in which anything was booked, not cancelled, with their bookings.

    The weeks end with the last session that anybody booked: silence since tells of the platform, not of people.
    Bookings by people whom a session does not admit are for somebody else, and left out.
    """
    sessions = _held(dataset, history_weeks)
    session_ids, admission = IdMap.of(sessions["session_id"], "session_id"), cohorts(dataset, sessions)
    bookings, user, row = _asked(dataset, session_ids, admission)
    described = _described(dataset, sessions)
    capacity = described["capacity"]
    people = plausible(bookings["party_size"].to_numpy(dtype=np.float64), row, described["category"], capacity)
    return Exposure(
        session_ids=session_ids,
        **described,
        **_timed(dataset, sessions),
        booking_user=user,
        booking_session=row,
        people=people,
        keeps_waiting=_keeps_waiting(people, row, (bookings["status"] == "waitlisted").to_numpy(), capacity),
        cohorts=admission,
    )
