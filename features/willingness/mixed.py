"""Penalised count regression with groups of effects, each group's spread learned along with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.willingness.equations import Block, Equations, Solution, drawn_spread, solved

_ROUNDS = 12
SIZE_RANGE = (1.0, 200.0)


@dataclass(frozen=True)
class MixedFit:
    """Effects by block, on the log scale.

    Attributes:
        effects: (n_effects,) of each block.
        covariance: (n_effects, n_effects) of each block: what is left unknown.
        courses: (n_courses,) what rows of one course have in common beyond the blocks.
        course_spread: Standard deviation of `courses`.
    """

    effects: dict[str, NDArray[np.float64]]
    covariance: dict[str, NDArray[np.float64]]
    courses: NDArray[np.float64]
    course_spread: float


def fit_mixed(
    blocks: dict[str, Block],
    course: NDArray[np.int64],
    counts: NDArray[np.float64],
    expected: NDArray[np.float64],
    course_spread: float,
    learns_spreads: bool = True,
    size: float | None = None,
) -> MixedFit:
    """Negative binomial counts around `expected` times effects, by iterated least squares.

    Courses are taken out of the equations row by row (each row has one), so they may be many. The spread of a block is
    the mean square of its effects and of what is left unknown of them, drawn to the stated one as if by
    `PRIOR_EFFECTS` effects.

    Args:
        blocks: Groups of effects; not too many with a row in all, the equations are dense.
        course: (n_rows,) numbers from 0.
        counts: (n_rows,).
        expected: (n_rows,) means without any effect, above 0.
        course_spread: Standard deviation of courses stated beforehand.
        learns_spreads: Otherwise those stated beforehand hold.
        size: Negative binomial size of a row (variance is mean + mean^2 / size), learned where none is given.
    """
    equations = Equations.of(blocks, course)
    spreads = {name: block.spread for name, block in blocks.items()}
    spread, given_size = course_spread, size
    size = 5.0 if given_size is None else given_size
    now = Solution.before(equations)
    for _ in range(_ROUNDS):
        eta = np.clip(equations.eta(now), -8, 8)
        mean = expected * np.exp(eta)
        weight = mean / (1 + mean / size)
        target = eta + np.clip((counts - mean) / np.maximum(mean, 1e-9), -1.0, 3.0)
        now, used = solved(equations, weight, target, equations.ridge(spreads), spread**-2), spreads
        if learns_spreads:
            spreads = equations.spreads(now, spreads)
            spread = drawn_spread(float(now.courses @ now.courses + now.unknown.sum()), len(now.courses), course_spread)
        if given_size is None:
            size = _size(counts, expected * np.exp(np.clip(equations.eta(now), -8, 8)), course)
    whole = {name: equations.whole(name, now, used[name]) for name in blocks}
    return MixedFit(
        {name: effects for name, (effects, _) in whole.items()},
        {name: covariance for name, (_, covariance) in whole.items()},
        now.courses,
        spread,
    )


@dataclass(frozen=True)
class Regression:
    """Counts to be explained, as `fit_mixed` takes them."""

    blocks: dict[str, Block]
    course: NDArray[np.int64]
    counts: NDArray[np.float64]
    expected: NDArray[np.float64]
    course_spread: float

    def fit(self) -> MixedFit:
        """All spreads learned."""
        return fit_mixed(self.blocks, self.course, self.counts, self.expected, self.course_spread)

    def some(self, rows: NDArray[np.bool_]) -> Regression:
        """Some of its rows; courses of which none is left are left out."""
        blocks = {name: replace(block, matrix=block.matrix[rows]) for name, block in self.blocks.items()}
        course = np.unique(self.course[rows], return_inverse=True)[1].ravel()
        return Regression(blocks, course, self.counts[rows], self.expected[rows], self.course_spread)


def _size(counts: NDArray[np.float64], mean: NDArray[np.float64], course: NDArray[np.int64]) -> float:
    """Size by moments, from courses of several sessions; large where counts spread no more than Poisson ones."""
    n = np.bincount(course)[course] if len(course) else course
    several = n > 1
    # A course's own effect takes one of its sessions' freedom away.
    square = np.square(counts - mean)[several] * (n / np.maximum(n - 1, 1))[several]
    extra = float((square - mean[several]).sum())
    return float(np.clip(np.square(mean[several]).sum() / max(extra, 1e-9), *SIZE_RANGE)) if several.any() else 5.0
