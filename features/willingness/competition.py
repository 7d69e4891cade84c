"""How strongly sessions take people from each other: chosen by what the same course drew in weeks with more beside it.

Between places, much on offer and much interest go together, so places cannot tell. Within a course they can: a week
in which more of the category is near is worth less to it, the more so the faster interest is used up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom

from features.willingness.equations import Block
from features.willingness.exposure import Exposure
from features.willingness.mixed import fit_mixed
from recsys.demand.tails import tail_means

FREE_SPREAD = 4.0
"""Standard deviation of courses wide enough to leave nothing of what is between them to be explained."""

FAVOUR_SPREAD = 0.3
"""Standard deviation of how much a category is in favour within a month, and all categories within a week."""

SESSION_SIZE = 8.0
"""Negative binomial size of a session: sessions of a course spread by about a third around their mean."""

MIN_SESSIONS = 100
"""Sessions in courses of several, below which strengths are not told apart."""

DILUTION = 3.0
"""How much stronger competition is than it looks within courses.

Sessions that stand beside each other draw different people, by hours and ways of their own that nobody tells, so a
mean person's slope on what is near comes out too weak. The size is between those with which openings came out as
predicted on simulated counties of both shapes (docs/decisions/0041-new-classes.md).
"""

CUT_ROUNDS = 3
"""Times that demand behind full sessions and what is expected of them are learned from each other."""


def compared(offered: Exposure) -> NDArray[np.int64]:
    """Rows of sessions in courses of three or more; full ones too: without the best weeks competition is hidden."""
    n = np.bincount(offered.course, minlength=len(offered.course_ids))
    return np.flatnonzero(n[offered.course] >= 3)


def within_courses(
    offered: Exposure,
    rows: NDArray[np.int64],
    seen: NDArray[np.float64],
    expected: NDArray[np.float64],
    is_cut: NDArray[np.bool_],
) -> float:
    """Log-likelihood of sessions' counts around what is expected.

    Each course's level, each week's, and each category's in each month are free.

    Args:
        offered: Past sessions.
        rows: See `compared`.
        seen: (n_sessions,) people who asked.
        expected: (n_sessions,) people expected at each.
        is_cut: (n_sessions,) at least so many asked: the session was full, and who came too late is not known.
    """
    n_months = len(offered.categories) * offered.n_months
    blocks = {
        "week": Block.of_codes(offered.week[rows], offered.n_weeks, FAVOUR_SPREAD),
        "month": Block.of_codes(offered.category_month[rows], n_months, FAVOUR_SPREAD),
    }
    course = np.unique(offered.course[rows], return_inverse=True)[1].ravel()
    counts, plain, cut = seen[rows], np.maximum(expected[rows], 1e-6), is_cut[rows]
    wanted = counts
    for _ in range(CUT_ROUNDS if cut.any() else 1):
        fit = fit_mixed(blocks, course, wanted, plain, FREE_SPREAD, learns_spreads=False, size=SESSION_SIZE)
        effects = fit.courses[course] + sum(blocks[name].matrix @ fit.effects[name] for name in blocks)
        mean = np.maximum(plain * np.exp(np.clip(effects, -9, 9)), 1e-9)
        wanted = np.where(cut, tail_means(mean, counts, SESSION_SIZE)[0], counts)
    return float(_log_likelihood(counts, mean, cut).sum())


def _log_likelihood(
    counts: NDArray[np.float64], mean: NDArray[np.float64], is_cut: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n,) negative binomial; of at least so many where the count is cut."""
    law = nbinom(SESSION_SIZE, SESSION_SIZE / (SESSION_SIZE + mean))
    return np.where(is_cut, np.log(np.maximum(law.sf(counts - 1), 1e-300)), law.logpmf(counts))


def weighed(strengths: NDArray[np.float64], fits: NDArray[np.float64]) -> float:
    """Mean strength, on the log scale, each weighed by its likelihood."""
    weight = np.exp(fits - fits.max())
    return float(np.exp(np.average(np.log(strengths), weights=weight)))
