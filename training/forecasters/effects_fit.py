"""How crossed effects are learned: a penalised negative binomial regression, and what makes means add up."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from training.forecasters.session_design import EffectDesign

_DISPERSION, _DISPERSION_RANGE = 0.25, (0.02, 3.0)
_DISPERSION_PRIOR = 20.0
"""Courses and single events vary by themselves as far as is seen, drawn to that as if by so many sessions."""

_FIRST_ROUNDS, _ROUNDS, _FOLD_ROUNDS = 16, 5, 3
_SETTLE_ROUNDS = 4
_FOLDS, _ROWS_OF_FOLDS = (2, 10), 30_000
"""Folds that sessions are judged in, the more the fewer sessions there are: fits to many cost time."""

_LIFT_ROUNDS = 25
_HALF, _LIFT_RANGE = 0.5, ((-1.0, 1.0), (0.0, 2.0))
"""A lognormal effect that nothing is known of has a mean above its median, by half its variance on the log scale."""

_LIFT_ACTIVITIES = 100.0
"""Activities that this counts for, with what makes the sessions learned from add up, and with events about a festival
being told as others are."""

_PRIOR_EFFECTS = 2.0
_SPREAD_RANGE = (0.01, 1.4)
_FREE = 1e-4


@dataclass(frozen=True)
class Lift:
    """What makes a session's mean of its logarithm: added to it, so that sessions learned from add up.

    Attributes:
        constant: For every session.
        by_unknown: For each unit of its variance that is unknown.
        festive: For single events about a festival.
    """

    constant: float
    by_unknown: float
    festive: float

    def means(
        self, log: NDArray[np.float64], unknown: NDArray[np.float64], is_festive: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n,) means of sessions by logarithms, what is unknown of them, and whether they are about a festival."""
        return np.exp(np.clip(log + self.constant + self.by_unknown * unknown + self.festive * is_festive, -5, 9))


@dataclass(frozen=True)
class EffectFit:
    """Effects, how much they spread, and how well they are known.

    Attributes:
        effects: (n_columns,) on the log scale.
        spreads: (n_groups,) standard deviation of a group's effects, learned with them.
        unknown: (n_columns,) variance that is left of each effect.
        dispersion: (2,) own variance of single events and of dates of courses, relative to the squared mean. It weighs
            sessions while effects are learned, and is no part of what is unknown of a level.
        lift: What is added to a session's logarithm.
    """

    effects: NDArray[np.float64]
    spreads: NDArray[np.float64]
    unknown: NDArray[np.float64]
    dispersion: NDArray[np.float64]
    lift: Lift

    def means(self, design: EffectDesign) -> NDArray[np.float64]:
        """(n_sessions,) expected places; who is not known yet may be great."""
        log = design.exposure + design.matrix @ self.effects
        return self.lift.means(log, self.open_variances(design), design.is_festive)

    def open_variances(self, design: EffectDesign) -> NDArray[np.float64]:
        """(n_sessions,) variance of a session's logarithm that is left of its effects."""
        return np.asarray(design.matrix @ self.unknown)


@dataclass(frozen=True)
class CountedSessions:
    """Sessions that effects are learned from.

    Attributes:
        design: Of these and of others.
        rows: (n_counted,) rows in the design.
        counts: (n_counted,) places.
        weight: (n_counted,) how much each counts.
    """

    design: EffectDesign
    rows: NDArray[np.int64]
    counts: NDArray[np.float64]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def activity(self) -> NDArray[np.int64]:
        """(n_counted,) activity."""
        return self.design.activity[self.rows]

    def only(self, chosen: NDArray[np.int64]) -> CountedSessions:
        """Some of them, by place."""
        return CountedSessions(self.design, self.rows[chosen], self.counts[chosen], self.weight[chosen])

    def logs(self, fit: EffectFit) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_counted,) logarithms of the sessions' medians, and what is unknown of them."""
        matrix = self.design.matrix[self.rows]
        return self.design.exposure[self.rows] + matrix @ fit.effects, matrix @ fit.unknown


def fit_effects(counted: CountedSessions, start: EffectFit | None = None, *, learns_lift: bool = True) -> EffectFit:
    """Penalised negative binomial regression on some sessions of a design, each group's spread learned along.

    Sessions that were learned from are known better than those to come, so that what makes means of the ones add up
    leaves those of the others too low. The lift is learned from sessions whose activity the fit does not know, fold by
    fold; without `learns_lift` it is the start's.
    """
    fit = _fitted(counted, start or _blank(counted), _FIRST_ROUNDS if start is None else _ROUNDS)
    return replace(fit, lift=_lift(counted, fit)) if learns_lift else fit


def _blank(counted: CountedSessions) -> EffectFit:
    design = counted.design
    effects = np.zeros(design.matrix.shape[1])
    effects[0] = np.log(max(float(np.average(counted.counts, weights=counted.weight)), 0.05))
    return EffectFit(effects, design.spreads, np.zeros(len(effects)), np.full(2, _DISPERSION), Lift(0.0, _HALF, 0.0))


def _fitted(counted: CountedSessions, start: EffectFit, n_rounds: int, *, learns_spreads: bool = True) -> EffectFit:
    """Iterated least squares, each step solved by conjugate gradients.

    The variance of a group is the mean of its squared effects and of what is left unknown of them (by the diagonal of
    the curvature alone), drawn to the spread of the design as if by two effects.
    """
    design, rows, counts, weight = counted.design, counted.rows, counted.counts, counted.weight
    is_serial, dispersion = design.is_serial[rows], start.dispersion
    matrix, exposure = design.matrix[rows], design.exposure[rows]
    transposed, squared = matrix.T.tocsr(), matrix.T.tocsr().power(2)
    effects, spreads, curvature = start.effects, start.spreads, np.ones(len(start.effects))
    for number in range(n_rounds):
        has_settled = n_rounds < _FIRST_ROUNDS or number >= _SETTLE_ROUNDS
        ridge = np.where(design.group < 0, _FREE, spreads[np.maximum(design.group, 0)] ** -2.0)
        mean = np.exp(np.clip(exposure + matrix @ effects, -5, 9))
        working = weight * mean / (1 + mean * dispersion[is_serial])
        # Counts far above a small mean would throw the first steps.
        residual = working * np.clip((counts - mean) / mean, -1, 50 if has_settled else 3)
        curvature = squared @ working + ridge
        step = _solved(matrix, transposed, working, ridge, curvature, transposed @ residual - ridge * effects)
        effects = effects + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
        if has_settled and learns_spreads:
            spreads = _spreads(design, effects, 1 / curvature)
            dispersion = _dispersion(counts, mean, weight, is_serial, dispersion)
    return EffectFit(effects, spreads, np.where(design.group < 0, 0.0, 1 / curvature), dispersion, start.lift)


def _dispersion(
    counts: NDArray[np.float64],
    mean: NDArray[np.float64],
    weight: NDArray[np.float64],
    is_serial: NDArray[np.int64],
    before: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(2,) by moments, each squared error weighed by its variance under the dispersion before."""
    scale = weight / (1 + before[is_serial] * mean) ** 2
    extra, squares = (
        np.bincount(is_serial, weights=scale * what, minlength=2) for what in ((counts - mean) ** 2 - mean, mean**2)
    )
    prior = _DISPERSION_PRIOR * float((scale * mean**2).mean())
    return np.clip((extra + prior * _DISPERSION) / (squares + prior), *_DISPERSION_RANGE)


def _lift(counted: CountedSessions, fit: EffectFit) -> Lift:
    """See `Lift`: Poisson regression on each session as fits without its fold of activities see it.

    Counts spread more than what the effects leave unknown says, so it is learned how far that lifts a mean. Where
    there are few activities, it is a lognormal's, and a constant with which the sessions learned from add up. What a
    festival does is told by few activities, and too little of it for being drawn to none: its events are made to add up
    apart.
    """
    counts, weight = counted.counts, counted.weight
    log, unknown = counted.logs(fit)
    usual = float(counts @ weight), float(np.exp(np.clip(log + _HALF * unknown, -5, 9)) @ weight)
    plain = np.array([np.clip(np.log(max(usual[0], 0.05) / max(usual[1], 1e-9)), *_LIFT_RANGE[0]), _HALF])
    n_folds = int(np.clip(_ROWS_OF_FOLDS // len(counted), *_FOLDS))
    fold = counted.activity % n_folds
    for number in range(n_folds):
        left, seen = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        if len(left) and len(seen):
            part = _fitted(counted.only(seen), fit, _FOLD_ROUNDS, learns_spreads=False)
            log[left], unknown[left] = counted.only(left).logs(part)
    n_activities = len(np.unique(counted.activity))
    share = n_activities / (n_activities + _LIFT_ACTIVITIES)
    constant, by_unknown = plain + share * (_regressed(counts, weight, log, unknown, plain) - plain)
    lift = Lift(float(constant), float(by_unknown), 0.0)
    is_festive = counted.design.is_festive[counted.rows]
    told = lift.means(log, unknown, is_festive)
    return replace(lift, festive=_missed_festive(counted, told, is_festive == 1))


def _missed_festive(counted: CountedSessions, told: NDArray[np.float64], is_festive: NDArray[np.bool_]) -> float:
    """Logarithm of what events about a festival drew over what was told of them, as far as so many tell."""
    n_activities = len(np.unique(counted.activity[is_festive]))
    came, said = (float(counted.weight[is_festive] @ places[is_festive]) for places in (counted.counts, told))
    missed = np.clip(np.log(max(came, 0.05) / max(said, 0.05)), *_LIFT_RANGE[0])
    return float(missed * n_activities / (n_activities + _LIFT_ACTIVITIES))


def _regressed(
    counts: NDArray[np.float64],
    weight: NDArray[np.float64],
    log: NDArray[np.float64],
    unknown: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(2,) constant and slope by `unknown` with which means exp(log + ...) fit the counts, in their ranges."""
    centre = float(np.average(unknown, weights=weight))
    steps = np.array([start[0] + start[1] * centre, start[1]])
    for number in range(_LIFT_ROUNDS):
        # One at a time: at its bound the slope stays there, and the level still makes means add up.
        which = number % 2
        column = np.ones(len(log)) if which == 0 else unknown - centre
        mean = weight * np.exp(np.clip(log + steps[0] + steps[1] * (unknown - centre), -5, 9))
        step = float(column @ (weight * counts - mean)) / max(float(column**2 @ mean), 1e-9)
        steps[which] = np.clip(steps[which] + np.clip(step, -0.5, 0.5), *_LIFT_RANGE[which])
    return np.array([steps[0] - steps[1] * centre, steps[1]])


def _spreads(design: EffectDesign, effects: NDArray[np.float64], unknown: NDArray[np.float64]) -> NDArray[np.float64]:
    n_groups = len(design.spreads)
    inside = design.group >= 0
    sums = np.bincount(design.group[inside], weights=(effects**2 + unknown)[inside], minlength=n_groups)
    n_effects = np.bincount(design.group[inside], minlength=n_groups)
    variance = (sums + _PRIOR_EFFECTS * design.spreads**2) / (n_effects + _PRIOR_EFFECTS)
    return np.where(design.is_learned, np.clip(np.sqrt(variance), *_SPREAD_RANGE), design.spreads)


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
