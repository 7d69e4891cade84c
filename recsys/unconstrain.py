"""Demand behind full sessions: censored overdispersed counts with one pooled dispersion, by EM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.tails import Mixing, likelier_mixing, tail_means

_RATIOS = np.geomspace(0.01, 30.0, 128)
"""Grid of mean / limit on which tail means are tabulated for each distinct limit."""

_PANEL_ROUNDS, _SESSION_ROUNDS = 24, 30
_MOST_LIMITS = 300
_LEAST_OPEN_WEEKS = 2
_JUDGED_WEEKS = 100_000
_SIZE_RANGE = (0.3, 200.0)
_CHAIN_STRENGTH = 1.5
"""Sessions that the mean of the level above counts for."""


@dataclass(frozen=True)
class Unconstrained:
    """Demand of a panel of series and weeks.

    Attributes:
        demand: (n_series, n_weeks) expected demand given what was seen; the count where nothing was full.
        means: (n_series, n_weeks) fitted means before seeing the week.
        size: Pooled size of the negative binomial; variance is mean + mean^2 / size.
        is_identified: (n_series,) False where nearly every week is sold out, so that the level comes from other series.
    """

    demand: NDArray[np.float64]
    means: NDArray[np.float64]
    size: float
    is_identified: NDArray[np.bool_]


def unconstrain_panel(counts: NDArray[np.float64], limits: NDArray[np.float64]) -> Unconstrained:
    """Demand of series sold out in the weeks in which the count reaches the limit (NaN: no limit).

    The mean of a series and week is level x season; the season is pooled over all series, so a busy week is told
    apart from a busy series. The tail is negative binomial, or that of a lognormal-Poisson where half-way the
    counts are likelier under it. Levels are drawn to the pooled ratio of demand to limit as if by half a week.

    Args:
        counts: (n_series, n_weeks) places taken.
        limits: (n_series, n_weeks) places offered, NaN for no limit.
    """
    full = counts >= limits
    rows, weeks = np.nonzero(full)
    limit = limits[rows, weeks]
    table = _TailTable.of(limit)
    demand = counts.astype(np.float64)
    n_weeks = max(counts.shape[1], 1)
    usual_limit = np.where(np.isfinite(limits), limits, 0.0).sum(axis=1) / n_weeks
    size = 5.0
    mixing: Mixing = "gamma"
    season = np.ones(counts.shape[1])
    level = demand.sum(axis=1) / n_weeks
    for turn in range(_PANEL_ROUNDS):
        means = np.maximum(level[:, None] * season, 1e-6)
        if turn == _PANEL_ROUNDS // 2:
            mixing = _mixing(counts, means, full, size)
        if turn % 4 == 0:
            tails = table.at_size(size, mixing)
        first, second = tails(means[rows, weeks])
        demand[rows, weeks] = first
        exposure = float(season.sum())
        # Half a week at the ratio of all series: decides only where nothing else does.
        pooled = demand.sum() / max(float(usual_limit.sum()) * exposure, 1e-9) if usual_limit.any() else 0.0
        prior = np.where(usual_limit > 0, pooled * usual_limit, level)
        stretched = (demand.sum(axis=1) + 0.5 * prior) / (exposure + 0.5)
        # EM creeps where most weeks are full: a step and a half, kept in bounds, gets there sooner.
        level = np.clip(level + 1.5 * (stretched - level), 0.5 * stretched, 2.0 * stretched)
        # Drawn to 1 as if by a week of 50 people.
        season = (demand.sum(axis=0) + 50.0) / (level.sum() + 50.0)
        squares = (counts - means) ** 2
        squares[full] = _squares(first, second, means[full])
        size = _size(squares, means, size)
    # Exact at the end where that takes two beta functions and not dozens of gamma functions.
    is_quick = mixing == "gamma"
    first, _ = tail_means(means[rows, weeks], limit, size) if is_quick else tails(means[rows, weeks])
    demand[rows, weeks] = first
    identified = (~full).sum(axis=1) >= min(_LEAST_OPEN_WEEKS, counts.shape[1])
    return Unconstrained(demand, means, size, identified | ~full.any(axis=1))


@dataclass(frozen=True)
class _TailTable:
    """Tail means tabulated by distinct limit and ratio of mean to limit: exact tails cost a microsecond each."""

    distinct: NDArray[np.float64]
    place: NDArray[np.int64]
    limit: NDArray[np.float64]

    @classmethod
    def of(cls, limit: NDArray[np.float64]) -> _TailTable:
        distinct, place = np.unique(limit, return_inverse=True)
        if len(distinct) > _MOST_LIMITS:
            distinct = np.unique(np.quantile(limit, np.linspace(0, 1, _MOST_LIMITS)))
            place = np.clip(np.searchsorted(distinct, limit), 0, len(distinct) - 1)
        return cls(np.maximum(distinct, 1e-9), place, np.maximum(limit, 1e-9))

    def at_size(self, size: float, mixing: Mixing) -> _Tails:
        grid = self.distinct[:, None] * _RATIOS
        first, second = tail_means(grid, np.broadcast_to(self.distinct[:, None], grid.shape), size, mixing)
        return _Tails(self, (first / self.distinct[:, None]).ravel(), (second / self.distinct[:, None] ** 2).ravel())


@dataclass(frozen=True)
class _Tails:
    table: _TailTable
    first: NDArray[np.float64]
    second: NDArray[np.float64]

    def __call__(self, mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        limit = self.table.limit
        step = np.log(_RATIOS[1] / _RATIOS[0])
        where = np.clip(np.log(mean / limit / _RATIOS[0]) / step, 0, len(_RATIOS) - 1.001)
        low = where.astype(np.int64)
        part = where - low
        flat = self.table.place * len(_RATIOS) + low
        first = self.first[flat] * (1 - part) + self.first[flat + 1] * part
        second = self.second[flat] * (1 - part) + self.second[flat + 1] * part
        return np.maximum(first, 1.0) * limit, second * limit**2


def _mixing(counts: NDArray[np.float64], means: NDArray[np.float64], full: NDArray[np.bool_], size: float) -> Mixing:
    """The likelier mixing by weeks from all over the panel, the same ones every time."""
    cells = np.arange(counts.size)
    if len(cells) > _JUDGED_WEEKS:
        cells = np.sort(np.random.default_rng(0).choice(cells, _JUDGED_WEEKS, replace=False))
    return likelier_mixing(counts.ravel()[cells], means.ravel()[cells], full.ravel()[cells], size)


def _squares(first: NDArray[np.float64], second: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """E[(D - mean)^2] by E[D] and E[D (D - 1)], see `tail_means`."""
    return second + first - 2 * first * mean + mean**2


def _size(squares: NDArray[np.float64], means: NDArray[np.float64], before: float) -> float:
    """Moment estimate by expected squares about the means; halfway, on the log scale, from the size before."""
    extra = float((squares - means).sum())
    found = float((means**2).sum()) / extra if extra > 0 else _SIZE_RANGE[1]
    return float(np.clip(np.sqrt(np.clip(found, *_SIZE_RANGE) * before), *_SIZE_RANGE))


def unconstrain_sessions(
    places: NDArray[np.float64],
    limits: NDArray[np.float64],
    waiting: NDArray[np.float64],
    chain: Sequence[NDArray[np.int64]],
) -> NDArray[np.float64]:
    """(n_sessions,) expected demand of single sessions; a session is full when places reach its limit (NaN: none).

    The mean of a session is that of its like: of the codes of `chain`, from the general to the particular, each
    drawn to the one before by a session and a half; code -1 takes the one before. People on a waitlist are a share
    of those turned away; the share is halfway (on the log scale) between all of them and what makes the waitlists
    fit the censored counts, which hang on the shape of the tail. Who waits for a session that is not full any more
    wanted to come too.

    Args:
        places: (n_sessions,) places taken.
        limits: (n_sessions,) places offered.
        waiting: (n_sessions,) places on the waitlist.
        chain: Arrays of (n_sessions,) codes.
    """
    full = (places >= limits) & (limits > 0)
    demand = places + np.where(full, 0.0, waiting)
    if not full.any():
        return demand
    size, joined = 5.0, 1.0
    taken, limit, queue = places[full], np.minimum(limits[full], places[full]), waiting[full]
    for _ in range(_SESSION_ROUNDS):
        means = np.maximum(chained_means(demand, chain, _CHAIN_STRENGTH), 1e-3)
        above, second = tail_means(means[full], limit, size)
        excess = np.maximum(above - taken, 0.0)
        if queue.any():
            joined = float(np.sqrt(np.clip(queue.sum() / max(float(excess.sum()), 1e-9), 0.05, 1.0)))
            # Turned away X: geometric of mean `excess`, of whom each joins with that share; this is E[X | queue].
            excess = queue + (1 + queue) * (1 - joined) * excess / (1 + joined * excess)
        demand[full] = taken + excess
        squares = (demand - means) ** 2
        squares[full] = _squares(above, second, means[full])
        size = _size(squares, means, size)
    return demand


def chained_means(
    values: NDArray[np.float64], chain: Sequence[NDArray[np.int64]], strength: float
) -> NDArray[np.float64]:
    """(n,) mean of each row's like by the last code of `chain`, each code drawn to the one before it."""
    means = np.full(len(values), float(values.mean()) if len(values) else 0.0)
    for codes in chain:
        known = codes >= 0
        n_codes = int(codes.max(initial=-1)) + 1
        sums = np.bincount(codes[known], weights=values[known], minlength=n_codes)
        priors = np.bincount(codes[known], weights=means[known], minlength=n_codes)
        counts = np.bincount(codes[known], minlength=n_codes)
        held = np.maximum(counts, 1)
        shrunk = (sums + strength * priors / held) / (counts + strength)
        means = np.where(known, shrunk[np.maximum(codes, 0)] if n_codes else means, means)
    return means
