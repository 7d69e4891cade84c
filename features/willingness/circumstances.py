"""Distance, time of the week and of the year, kind and luck of courses: what makes the same people come or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.geography.decay import PRIOR_DECAY, DistanceDecay
from features.willingness.ages import AGE_GROUPS
from features.willingness.exposure import N_TIME_CELLS, Exposure
from features.willingness.seasons import N_HOLIDAY_EFFECTS, around_holidays, wanted


@dataclass(frozen=True)
class Circumstances:
    """Everything but people.

    Attributes:
        decay: Willingness by distance.
        cell_fit: (n_age_groups, N_TIME_CELLS) fit of weekend x hour.
        weekday_fit: (7,) fit of the weekday.
        kind_fit: (n_age_groups, n_kinds) relative to training.
        course_fit: (n_courses,) how well each course does beside another like it.
        session_fit: (n_sessions,) what audience, price, venue and month make of past sessions.
        wave: (2,) the year's wave that all categories share, 0 before a year is known, see
            `features.willingness.seasons`.
        own_wave: (2 n_categories,) each category's own beside it.
        holidays: What holidays make of training, then of other sessions.
        doubt: Covariance of logarithms, what is left unknown: of categories, of weekend x hour, of weekdays.
        confirmed: How much of what hours and weekdays tell apart is confirmed by courses left out, see
            `features.willingness.hours.confirmed`; 1 until all else is learned.
    """

    decay: DistanceDecay
    cell_fit: NDArray[np.float64]
    weekday_fit: NDArray[np.float64]
    kind_fit: NDArray[np.float64]
    course_fit: NDArray[np.float64]
    session_fit: NDArray[np.float64]
    wave: NDArray[np.float64]
    own_wave: NDArray[np.float64]
    holidays: NDArray[np.float64]
    doubt: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
    confirmed: float = 1.0

    @classmethod
    def before(cls, offered: Exposure) -> Circumstances:
        """What is believed before anything is learned."""
        return cls(
            PRIOR_DECAY,
            np.ones((len(AGE_GROUPS), N_TIME_CELLS)),
            np.ones(7),
            np.ones((len(AGE_GROUPS), len(offered.kinds))),
            np.ones(len(offered.course_ids)),
            np.ones(len(offered.week)),
            np.zeros(2),
            np.zeros(2 * len(offered.categories)),
            np.zeros(N_HOLIDAY_EFFECTS),
            (np.zeros((len(offered.categories),) * 2), np.zeros((N_TIME_CELLS,) * 2), np.zeros((7, 7))),
        )

    def shared(self, offered: Exposure) -> NDArray[np.float64]:
        """(n_sessions,) fit of each session that is the same for all ages."""
        return np.asarray(
            self.weekday_fit[offered.weekday]
            * self.course_fit[offered.course]
            * self.session_fit
            * around_holidays(offered.day, self.holidays, offered.is_training)
        )

    def weight(self, offered: Exposure) -> NDArray[np.float64]:
        """(n_cohorts, n_sessions) access that each session gives next door."""
        by_age = self.cell_fit[:, offered.cell] * self.kind_fit[:, offered.kind] * self.shared(offered)
        return np.asarray(by_age[offered.cohorts.age_group] * offered.cohorts.admits)

    def season(self, offered: Exposure) -> NDArray[np.float64]:
        """(n_categories, n_weeks) what is wanted in the middle of each week."""
        return wanted(offered.first_monday + 3 + 7 * np.arange(offered.n_weeks), self.wave, self.own_wave)
