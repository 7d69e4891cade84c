"""Groups of effects and their equations: penalised least squares, courses taken out row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

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
class Solution:
    """Effects, courses, covariance of effects, variance of courses."""

    beta: NDArray[np.float64]
    courses: NDArray[np.float64]
    covariance: NDArray[np.float64]
    unknown: NDArray[np.float64]

    @classmethod
    def before(cls, equations: Equations) -> Solution:
        """Every effect in the middle of what is believed of it."""
        n = len(equations.centre)
        return cls(
            equations.centre.copy(), np.zeros(equations.n_courses), np.zeros((n, n)), np.zeros(equations.n_courses)
        )


@dataclass(frozen=True)
class Equations:
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
    def of(cls, blocks: dict[str, Block], course: NDArray[np.int64]) -> Equations:
        """Of `blocks` whose rows are of a `course` each."""
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

    def eta(self, now: Solution) -> NDArray[np.float64]:
        """(n_rows,) logarithm of what effects make of each row."""
        return np.asarray(self.design @ now.beta + now.courses[self.course])

    def ridge(self, spreads: dict[str, float]) -> NDArray[np.float64]:
        """(n_effects, n_effects) inverse covariance beforehand."""
        each = (self.precision[name] / spreads[name] ** 2 for name in self.blocks)
        return np.asarray(linalg.block_diag(np.zeros((0, 0)), *each))

    def spreads(self, now: Solution, before: dict[str, float]) -> dict[str, float]:
        """Standard deviation of each block's effects, see `fit_mixed`; `before` are those that were solved with."""
        found = {}
        for name, part in self.parts.items():
            off = now.beta[part] - self.centre[part]
            square = off @ self.precision[name] @ off + np.sum(self.precision[name] * now.covariance[part, part])
            block = self.blocks[name]
            # Of an effect that no row has all is unknown that was unknown.
            square += (len(block.centre) - len(off)) * before[name] ** 2
            found[name] = (
                drawn_spread(float(square), len(block.centre), block.spread) if block.is_learned else block.spread
            )
        return found

    def whole(self, name: str, now: Solution, spread: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Effects of a block and their covariance, those that no row has included; `spread` was solved with."""
        block, kept, part = self.blocks[name], self.kept[name], self.parts[name]
        effects, covariance = block.centre.copy(), np.eye(len(block.centre)) * spread**2
        effects[kept] = now.beta[part]
        covariance[np.ix_(kept, kept)] = now.covariance[part, part]
        return effects, covariance


def solved(
    equations: Equations,
    weight: NDArray[np.float64],
    target: NDArray[np.float64],
    ridge: NDArray[np.float64],
    course_precision: float,
) -> Solution:
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
    return Solution(beta, courses, covariance, unknown)


def drawn_spread(square: float, n: int, before: float) -> float:
    """Standard deviation of n effects whose squares add up to `square`, drawn to the one stated `before`."""
    return float(np.clip(np.sqrt((square + PRIOR_EFFECTS * before**2) / (n + PRIOR_EFFECTS)), *SPREAD_RANGE))
