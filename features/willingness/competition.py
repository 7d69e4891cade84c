"""How strongly sessions take people from each other: chosen by what the same course drew in weeks with more beside it.

Between places, much on offer and much interest go together, so places cannot tell. Within a course they can: a week
in which more of the category is near is worth less to it, the more so the faster interest is used up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from features.exposure import Exposure, sums_by
from features.willingness.mixed import Block, fit_mixed

FREE_SPREAD = 4.0
"""Standard deviation of courses wide enough to leave nothing of what is between them to be explained."""

SESSION_SIZE = 8.0
"""Negative binomial size of a session: sessions of a course spread by about a third around their mean."""

MIN_SESSIONS = 100
"""Sessions with room, in courses of several, below which strengths are not told apart."""


def compared(offered: Exposure) -> NDArray[np.int64]:
    """Rows of sessions with room, three at least in their course: full ones do not show what was wanted."""
    asked = sums_by(offered.booking_session, offered.people, len(offered.week))
    room = np.flatnonzero(asked < offered.capacity)
    n = np.bincount(offered.course[room], minlength=len(offered.course_ids))
    return room[n[offered.course[room]] >= 3]


def within_courses(
    offered: Exposure, rows: NDArray[np.int64], seen: NDArray[np.float64], expected: NDArray[np.float64]
) -> float:
    """Log-likelihood of sessions' counts around what is expected, each course's level and each week's being free.

    Args:
        offered: Past sessions.
        rows: See `compared`.
        seen: (n_sessions,) people who asked.
        expected: (n_sessions,) people expected at each.
    """
    week = Block.of_codes(offered.week[rows], offered.n_weeks, 0.3)
    course = np.unique(offered.course[rows], return_inverse=True)[1].ravel()
    counts, mean = seen[rows], np.maximum(expected[rows], 1e-6)
    fit = fit_mixed({"week": week}, course, counts, mean, FREE_SPREAD, learns_spreads=False, size=SESSION_SIZE)
    mean = np.maximum(mean * np.exp(np.clip(week.matrix @ fit.effects["week"] + fit.courses[course], -9, 9)), 1e-9)
    odds = np.log(SESSION_SIZE + mean)
    each = gammaln(counts + SESSION_SIZE) - gammaln(SESSION_SIZE) + SESSION_SIZE * (np.log(SESSION_SIZE) - odds)
    return float((each + counts * (np.log(mean) - odds)).sum())


def weighed(strengths: NDArray[np.float64], fits: NDArray[np.float64]) -> float:
    """Mean strength, on the log scale, each weighed by its likelihood."""
    weight = np.exp(fits - fits.max())
    return float(np.exp(np.average(np.log(strengths), weights=weight)))
