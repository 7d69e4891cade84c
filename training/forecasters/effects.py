"""What a session draws as a product of crossed effects: category, venue, organiser, hour, festival, course."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from features.panel_sessions import SessionBook
from training.forecasters.session_design import EffectDesign

REFIT_WEEKS = 4
"""Effects are learned anew at every fourth origin, and used until the next."""

_HALF_LIFE_WEEKS = 160.0
"""Half-lives of 60 to 400 weeks came within one per cent of each other (docs/decisions/0030-demand-programme.md)."""

_SIZE = 4.0
"""Size of the negative binomial that weighs sessions; the spread that is served is learned from a back-test."""

_FIRST_ROUNDS, _ROUNDS = 16, 5
_SETTLE_ROUNDS = 4
_PRIOR_EFFECTS = 2.0
_SPREAD_RANGE = (0.01, 1.4)
_FREE = 1e-4


@dataclass(frozen=True)
class EffectFit:
    """Effects, how much they spread, and how well they are known.

    Attributes:
        effects: (n_columns,) on the log scale.
        spreads: (n_groups,) standard deviation of a group's effects, learned with them.
        unknown: (n_columns,) variance that is left of each effect.
        offset: What makes the means of the sessions learned from add up.
    """

    effects: NDArray[np.float64]
    spreads: NDArray[np.float64]
    unknown: NDArray[np.float64]
    offset: float

    def means(self, design: EffectDesign) -> NDArray[np.float64]:
        """(n_sessions,) expected places; who is not known yet may be great: half the unknown variance is added."""
        log = design.exposure + design.matrix @ self.effects + 0.5 * (design.matrix @ self.unknown) + self.offset
        return np.exp(np.clip(log, -5, 9))


def effect_means(
    book: SessionBook, design: EffectDesign, values: NDArray[np.float64], n_origins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_sessions, n_refits) mean of each session, and variance of its logarithm that is left unknown.

    Column k is by what had begun at origin 4 k weeks back.

    Origin j must read column ceil(j / 4), which knows nothing after it. Older sessions count less.
    """
    n_refits = -(-(n_origins - 1) // REFIT_WEEKS) + 1
    means, unknown = np.ones((len(book), n_refits)), np.ones((len(book), n_refits))
    fit: EffectFit | None = None
    for refit in range(n_refits - 1, -1, -1):
        cut = refit * REFIT_WEEKS
        begun = np.flatnonzero((book.age > cut) & ~book.is_cancelled)
        if len(begun):
            weight = 0.5 ** ((book.age[begun] - cut) / _HALF_LIFE_WEEKS)
            fit = fit_effects(design, begun, values[begun], weight, fit)
            means[:, refit] = fit.means(design)
            unknown[:, refit] = design.matrix @ fit.unknown
    return means, unknown


def fit_effects(
    design: EffectDesign,
    rows: NDArray[np.int64],
    counts: NDArray[np.float64],
    weight: NDArray[np.float64],
    start: EffectFit | None = None,
) -> EffectFit:
    """Penalised negative binomial regression on some rows of a design, each group's spread learned along.

    Iterated least squares, each step solved by conjugate gradients; the variance of a group is the mean of its
    squared effects and of what is left unknown of them (by the diagonal of the curvature alone), drawn to the
    spread of the design as if by two effects.
    """
    matrix, exposure = design.matrix[rows], design.exposure[rows]
    transposed, squared = matrix.T.tocsr(), matrix.T.tocsr().power(2)
    effects = np.zeros(matrix.shape[1]) if start is None else start.effects
    spreads = design.spreads if start is None else start.spreads
    if start is None:
        effects[0] = np.log(max(float(np.average(counts, weights=weight)), 0.05))
    curvature = np.ones(len(effects))
    for number in range(_FIRST_ROUNDS if start is None else _ROUNDS):
        has_settled = start is not None or number >= _SETTLE_ROUNDS
        ridge = np.where(design.group < 0, _FREE, spreads[np.maximum(design.group, 0)] ** -2.0)
        mean = np.exp(np.clip(exposure + matrix @ effects, -5, 9))
        working = weight * mean / (1 + mean / _SIZE)
        # Counts far above a small mean would throw the first steps.
        pull = working * np.clip((counts - mean) / mean, -1, 50 if has_settled else 3)
        curvature = squared @ working + ridge
        step = _solved(matrix, transposed, working, ridge, curvature, transposed @ pull - ridge * effects)
        effects = effects + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
        if has_settled:
            spreads = _spreads(design, effects, 1 / curvature)
    unknown = np.where(design.group < 0, 0.0, 1 / curvature)
    said = np.exp(np.clip(exposure + matrix @ effects + 0.5 * (matrix @ unknown), -5, 9))
    offset = np.log(max(float(counts @ weight), 0.05) / max(float(said @ weight), 1e-9))
    return EffectFit(effects, spreads, unknown, float(np.clip(offset, -1.0, 1.0)))


def _spreads(design: EffectDesign, effects: NDArray[np.float64], unknown: NDArray[np.float64]) -> NDArray[np.float64]:
    n_groups = len(design.spreads)
    inside = design.group >= 0
    sums = np.bincount(design.group[inside], weights=(effects**2 + unknown)[inside], minlength=n_groups)
    n_effects = np.bincount(design.group[inside], minlength=n_groups)
    variance = (sums + _PRIOR_EFFECTS * design.spreads**2) / (n_effects + _PRIOR_EFFECTS)
    return np.clip(np.sqrt(variance), *_SPREAD_RANGE)


def _solved(
    matrix: sparse.csr_array,
    transposed: sparse.csr_array,
    working: NDArray[np.float64],
    ridge: NDArray[np.float64],
    curvature: NDArray[np.float64],
    gradient: NDArray[np.float64],
) -> NDArray[np.float64]:
    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(transposed @ (working * (matrix @ vector)) + ridge * vector)

    shape = (len(ridge), len(ridge))
    step, _ = sparse_linalg.cg(
        sparse_linalg.LinearOperator(shape, matvec=product, dtype=np.float64),
        gradient,
        rtol=1e-3,
        maxiter=60,
        M=sparse_linalg.LinearOperator(shape, matvec=lambda vector: vector / curvature, dtype=np.float64),
    )
    return np.asarray(step)
