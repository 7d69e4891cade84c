"""Penalised count regression with groups of effects, each group's spread learned along with it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

_ROUNDS = 12
SIZE_RANGE = (1.0, 200.0)
SPREAD_RANGE = (0.03, 1.5)
PRIOR_EFFECTS = 2.0
"""Effects as which the spread that is stated beforehand counts."""


@dataclass(frozen=True)
class Block:
    """A group of effects that are normal beforehand, with `spread` times a known correlation.

    Attributes:
        matrix: (n_rows, n_effects) what each effect adds to the logarithm of a row's mean.
        spread: Standard deviation stated beforehand.
        centre: (n_effects,) means beforehand.
        correlation: (n_effects, n_effects), None where effects are independent.
        is_learned: Its spread is learned; otherwise the one stated holds.
    """

    matrix: sparse.csr_array
    spread: float
    centre: NDArray[np.float64]
    correlation: NDArray[np.float64] | None = None
    is_learned: bool = True

    @classmethod
    def of_codes(
        cls, codes: NDArray[np.int64], n: int, spread: float, correlation: NDArray[np.float64] | None = None
    ) -> Block:
        """One effect a code."""
        rows = np.arange(len(codes))
        matrix = sparse.csr_array((np.ones(len(codes)), (rows, codes)), shape=(len(codes), n))
        return cls(matrix, spread, np.zeros(n), correlation)

    def seen(self) -> NDArray[np.int64]:
        """Effects that some row has; all where they hang together."""
        if self.correlation is not None:
            return np.arange(len(self.centre))
        return np.flatnonzero(np.bincount(self.matrix.indices, minlength=len(self.centre)))

    def precision(self, n: int) -> NDArray[np.float64]:
        """(n, n) inverse correlation of the `seen` effects."""
        return np.eye(n) if self.correlation is None else np.asarray(linalg.inv(self.correlation + 1e-3 * np.eye(n)))


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
    equations = _Equations.of(blocks, course)
    spreads = {name: block.spread for name, block in blocks.items()}
    spread, given_size = course_spread, size
    size = 5.0 if given_size is None else given_size
    now = _Solution.before(equations)
    for _ in range(_ROUNDS):
        eta = np.clip(equations.eta(now), -8, 8)
        mean = expected * np.exp(eta)
        weight = mean / (1 + mean / size)
        target = eta + np.clip((counts - mean) / np.maximum(mean, 1e-9), -1.0, 3.0)
        now, used = _solved(equations, weight, target, equations.ridge(spreads), spread**-2), spreads
        if learns_spreads:
            spreads = equations.spreads(now, spreads)
            spread = _spread(float(now.courses @ now.courses + now.unknown.sum()), len(now.courses), course_spread)
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


@dataclass(frozen=True)
class _Solution:
    """Effects, courses, covariance of effects, variance of courses."""

    beta: NDArray[np.float64]
    courses: NDArray[np.float64]
    covariance: NDArray[np.float64]
    unknown: NDArray[np.float64]

    @classmethod
    def before(cls, equations: _Equations) -> _Solution:
        n = len(equations.centre)
        return cls(
            equations.centre.copy(), np.zeros(equations.n_courses), np.zeros((n, n)), np.zeros(equations.n_courses)
        )


@dataclass(frozen=True)
class _Equations:
    """All blocks side by side; of independent effects only those that some row has.

    The others stay what they were beforehand, whatever is seen: of a province's venues half have no session.

    Attributes:
        blocks: The blocks, whole.
        kept: Of each, the effects that are in the equations.
        parts: Columns of each.
        design: (n_rows, n_effects).
        centre: (n_effects,).
        precision: Of each block, see `Block.precision`.
        course: (n_rows,).
        n_courses: Number of courses.
    """

    blocks: dict[str, Block]
    kept: dict[str, NDArray[np.int64]]
    parts: dict[str, slice]
    design: sparse.csr_array
    centre: NDArray[np.float64]
    precision: dict[str, NDArray[np.float64]]
    course: NDArray[np.int64]
    n_courses: int

    @classmethod
    def of(cls, blocks: dict[str, Block], course: NDArray[np.int64]) -> _Equations:
        kept = {name: block.seen() for name, block in blocks.items()}
        none = sparse.csr_array((len(course), 0))
        ends = np.cumsum([0, *(len(one) for one in kept.values())])
        return cls(
            blocks,
            kept,
            {name: slice(ends[n], ends[n + 1]) for n, name in enumerate(blocks)},
            sparse.hstack([none, *(block.matrix[:, kept[name]] for name, block in blocks.items())], format="csr"),
            np.concatenate([np.zeros(0), *(block.centre[kept[name]] for name, block in blocks.items())]),
            {name: block.precision(len(kept[name])) for name, block in blocks.items()},
            course,
            int(course.max(initial=-1)) + 1,
        )

    def eta(self, now: _Solution) -> NDArray[np.float64]:
        """(n_rows,) logarithm of what effects make of each row."""
        return np.asarray(self.design @ now.beta + now.courses[self.course])

    def ridge(self, spreads: dict[str, float]) -> NDArray[np.float64]:
        """(n_effects, n_effects) inverse covariance beforehand."""
        each = (self.precision[name] / spreads[name] ** 2 for name in self.blocks)
        return np.asarray(linalg.block_diag(np.zeros((0, 0)), *each))

    def spreads(self, now: _Solution, before: dict[str, float]) -> dict[str, float]:
        """Standard deviation of each block's effects, see `fit_mixed`; `before` are those that were solved with."""
        found = {}
        for name, part in self.parts.items():
            off = now.beta[part] - self.centre[part]
            square = off @ self.precision[name] @ off + np.sum(self.precision[name] * now.covariance[part, part])
            block = self.blocks[name]
            # Of an effect that no row has all is unknown that was unknown.
            square += (len(block.centre) - len(off)) * before[name] ** 2
            found[name] = _spread(float(square), len(block.centre), block.spread) if block.is_learned else block.spread
        return found

    def whole(self, name: str, now: _Solution, spread: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Effects of a block and their covariance, those that no row has included; `spread` was solved with."""
        block, kept, part = self.blocks[name], self.kept[name], self.parts[name]
        effects, covariance = block.centre.copy(), np.eye(len(block.centre)) * spread**2
        effects[kept] = now.beta[part]
        covariance[np.ix_(kept, kept)] = now.covariance[part, part]
        return effects, covariance


def _spread(square: float, n: int, before: float) -> float:
    return float(np.clip(np.sqrt((square + PRIOR_EFFECTS * before**2) / (n + PRIOR_EFFECTS)), *SPREAD_RANGE))


def _size(counts: NDArray[np.float64], mean: NDArray[np.float64], course: NDArray[np.int64]) -> float:
    """Size by moments, from courses of several sessions; large where counts spread no more than Poisson ones."""
    n = np.bincount(course)[course] if len(course) else course
    several = n > 1
    # A course's own effect takes one of its sessions' freedom away.
    square = np.square(counts - mean)[several] * (n / np.maximum(n - 1, 1))[several]
    extra = float((square - mean[several]).sum())
    return float(np.clip(np.square(mean[several]).sum() / max(extra, 1e-9), *SIZE_RANGE)) if several.any() else 5.0


def _solved(
    equations: _Equations,
    weight: NDArray[np.float64],
    target: NDArray[np.float64],
    ridge: NDArray[np.float64],
    course_precision: float,
) -> _Solution:
    """Weighted least squares by Schur complement."""
    design, course = equations.design, equations.course
    shape = (equations.n_courses, len(course))
    member = sparse.csr_array((weight, (course, np.arange(len(course)))), shape=shape)
    own = np.asarray(member.sum(axis=1)).ravel() + course_precision
    # A course meets few of the effects: kept sparse, or a province's thousands of courses and venues take minutes.
    shared = sparse.csr_array(member @ design)
    right = design.T @ (weight * target) + ridge @ equations.centre
    left = np.asarray((design.T @ (design * weight[:, None])).toarray()) + ridge
    by_course = np.asarray(member @ target)
    left = left - (shared.T @ (shared / own[:, None])).toarray()
    right = right - shared.T @ (by_course / own)
    covariance = np.asarray(linalg.inv(left + 1e-9 * np.eye(len(left))))
    beta = covariance @ right
    courses = (by_course - shared @ beta) / own
    unknown = 1 / own + np.asarray(shared.multiply(shared @ covariance).sum(axis=1)).ravel() / own**2
    return _Solution(beta, courses, covariance, unknown)
