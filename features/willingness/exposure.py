"""What users could have gone to, as arrays: past sessions by week, place, time of the week, and who booked them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.willingness.ages import Cohorts
from recsys.ids import IdMap
from recsys.sums import sums_by

HOURS = 24
N_TIME_CELLS = 2 * HOURS
"""Hours of a working day, then of a weekend's."""

MONTH_WEEKS = 4
"""Weeks within which a category may be in or out of favour together."""

TRAINING = "training"


@dataclass(frozen=True)
class Exposure:
    """Past sessions as rows, and bookings as (user, session) rows, of all users or of some of them.

    Attributes:
        categories: Category names by row.
        kinds: Kind names by row; the last stands for sessions without a place.
        session_ids: Row of each session used.
        week: (n_sessions,) week number from the first used.
        category: (n_sessions,) category row.
        course: (n_sessions,) number of the session's series, or of its activity where it has none, from 0.
        course_ids: Key of each course, see `features.willingness.offered.courses`.
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
        asked: (n_sessions,) places asked for by all users.
        stands_for: Users for whom each one stands; 1 where all are there.
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
    asked: NDArray[np.float64]
    stands_for: float
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
        return np.asarray((self.asked >= self.capacity) & (self.capacity > 0))

    def some(self, rows: NDArray[np.int64]) -> Exposure:
        """The same of some users alone; how many asked in all, and so what was full, stays as it was."""
        n_users = len(self.cohorts.of_user)
        place = np.full(n_users, -1)
        place[rows] = np.arange(len(rows))
        kept = place[self.booking_user] >= 0
        return replace(
            self,
            first_week=self.first_week[rows],
            cohorts=replace(self.cohorts, of_user=self.cohorts.of_user[rows]),
            booking_user=place[self.booking_user[kept]],
            booking_session=self.booking_session[kept],
            people=self.people[kept],
            stands_for=self.stands_for * n_users / max(len(rows), 1),
        )

    def counts(self, inflation: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """(n_users, n_categories) people who asked for places, those of each session times its `inflation`."""
        people = self.people if inflation is None else self.people * inflation[self.booking_session]
        shape = (len(self.cohorts.of_user), len(self.categories))
        flat = self.booking_user * shape[1] + self.category[self.booking_session]
        return sums_by(flat, people, shape[0] * shape[1]).reshape(shape).astype(np.float32)


def time_cell(weekday: NDArray[np.int64], hour: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weekend x hour of a weekday (0 = Monday) and hour."""
    return (weekday >= 5) * HOURS + hour
