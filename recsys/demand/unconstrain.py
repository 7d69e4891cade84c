"""Demand behind full sessions: censored overdispersed counts with one pooled dispersion, by EM."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.demand.speed import Speed
from recsys.demand.tails import Mixing, likelier_mixing, tail_means

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_RATIOS = np.geomspace(0.01, 30.0, 128)
"""Grid of mean / limit on which tail means are tabulated for each distinct limit."""

_ROUNDS = 24
_MOST_LIMITS = 300
_JUDGED_SESSIONS = 100_000
_SIZE_RANGE = (0.3, 200.0)
_CHAIN_STRENGTH = 1.5
"""Sessions that the mean of the level above counts for."""

_WEEK_PLACES = 50.0
"""A week's season is drawn to 1 as if by a usual week of so many places."""


def unconstrain_sessions(
    places: Floats, limits: Floats, waiting: Floats, chain: Sequence[Ints], week: Ints, speed: Speed | None = None
) -> Floats:
    """(n_sessions,) expected demand of single sessions; a session is full when places reach its limit (NaN: none).

    The mean of a session is that of its like times the season of its week. Its like: of the codes of `chain`, from
    the general to the particular, each drawn to the one before by a session and a half; code -1 takes the one before.
    The season is pooled over all sessions, so that a busy week is told apart from a busy series. The tail is negative
    binomial, or that of a lognormal-Poisson where half-way the counts are likelier under it. Where it is known how
    quickly a session filled, that tells more of it than its like do; and without waitlists, a session that stopped
    filling was full. Who waits for a session that is not full any more wanted to come too.

    Args:
        places: (n_sessions,) places taken.
        limits: (n_sessions,) places offered.
        waiting: (n_sessions,) places on the waitlist.
        chain: Arrays of (n_sessions,) codes.
        week: (n_sessions,) number of the week, from any.
        speed: How quickly sessions filled.
    """
    speed = speed or Speed.unknown(len(places))
    full = _is_full(places, limits, waiting, speed)
    demand = places + np.where(full, 0.0, waiting)
    if not full.any():
        return demand
    taken, queue = places[full], waiting[full]
    tails = _FullTails.of(places, limits, full, speed)
    week = week - week.min()
    season = np.ones(int(week.max()) + 1)
    size = 5.0
    mixing: Mixing = "gamma"
    for turn in range(_ROUNDS):
        usual = np.maximum(chained_means(demand, chain, season[week], _CHAIN_STRENGTH), 1e-3)
        means = usual * season[week]
        if turn == _ROUNDS // 2:
            mixing = _mixing(places, means, full, size)
        if turn % 4 == 0 or turn == _ROUNDS // 2:
            tail = tails.at_size(size, mixing, means[full])
        above, second = tail(means[full])
        demand[full] = taken + _turned_away(np.maximum(above - taken, 0.0), queue)
        drew, expected = (np.bincount(week, weights=what, minlength=len(season)) for what in (demand, usual))
        season = (drew + _WEEK_PLACES) / (expected + _WEEK_PLACES)
        squares = (demand - means) ** 2
        squares[full] = _squares(above, second, means[full])
        size = _size(squares, means, size)
    return demand


def _is_full(places: Floats, limits: Floats, waiting: Floats, speed: Speed) -> Flags:
    full = (places >= limits) & (limits > 0)
    return full if waiting.any() else full | speed.has_stopped(places, limits)


def _turned_away(excess: Floats, queue: Floats) -> Floats:
    """(n_full,) people turned away, by those expected above the limit and those on the waitlist.

    People on a waitlist are a share of those turned away; the share is halfway (on the log scale) between all of them
    and what makes the waitlists fit the censored counts, which hang on the shape of the tail.
    """
    if not queue.any():
        return excess
    joined = float(np.sqrt(np.clip(queue.sum() / max(float(excess.sum()), 1e-9), 0.05, 1.0)))
    # Turned away X: geometric of mean `excess`, of whom each joins with that share; this is E[X | queue].
    return queue + (1 + queue) * (1 - joined) * excess / (1 + joined * excess)


def chained_means(values: Floats, chain: Sequence[Ints], exposure: Floats, strength: float) -> Floats:
    """(n,) mean of each row's like by the last code of `chain`, each code drawn to the one before it.

    Means are of a row with `exposure` (n,) 1.
    """
    means = np.full(len(values), float(values.sum() / exposure.sum()))
    for codes in chain:
        # Code -1 has a place of its own, which is not looked at.
        place = codes + 1
        sums, priors, held = (np.bincount(place, weights=what) for what in (values, means * exposure, exposure))
        shrunk = (sums + strength * priors / np.maximum(held, 1e-9)) / (held + strength)
        means = np.where(place > 0, shrunk[place], means)
    return means


_Tail = Callable[[Floats], tuple[Floats, Floats]]


@dataclass(frozen=True)
class _Tails:
    """Tail means at given limits; for many of them tabulated by distinct limit and ratio of mean to limit.

    Exact ones cost a microsecond each.

    Attributes:
        limit: (n,) limits, positive.
        distinct: Those that are tabulated.
        place: (n,) which of them is each row's.
    """

    limit: Floats
    distinct: Floats
    place: Ints

    @classmethod
    def of(cls, limit: Floats) -> _Tails:
        limit = np.maximum(limit, 1e-9)
        distinct, place = np.unique(limit, return_inverse=True)
        if len(distinct) > _MOST_LIMITS:
            distinct = np.unique(np.quantile(limit, np.linspace(0, 1, _MOST_LIMITS)))
            place = np.clip(np.searchsorted(distinct, limit), 0, len(distinct) - 1)
        return cls(limit, distinct, place)

    def at_size(self, size: float, mixing: Mixing) -> _Tail:
        """What gives E[D | D >= limit] and E[D (D - 1) | D >= limit] by (n,) means."""
        if len(self.limit) <= len(self.distinct) * len(_RATIOS):
            return lambda means: tail_means(means, self.limit, size, mixing)
        grid = self.distinct[:, None] * _RATIOS
        first, second = tail_means(grid, np.broadcast_to(self.distinct[:, None], grid.shape), size, mixing)
        table = (first / self.distinct[:, None]).ravel(), (second / self.distinct[:, None] ** 2).ravel()
        return lambda means: self._looked_up(means, *table)

    def _looked_up(self, means: Floats, first: Floats, second: Floats) -> tuple[Floats, Floats]:
        step = np.log(_RATIOS[1] / _RATIOS[0])
        where = np.clip(np.log(means / self.limit / _RATIOS[0]) / step, 0, len(_RATIOS) - 1.001)
        low = where.astype(np.int64)
        part = where - low
        flat = self.place * len(_RATIOS) + low
        first, second = (one[flat] * (1 - part) + one[flat + 1] * part for one in (first, second))
        return np.maximum(first, 1.0) * self.limit, second * self.limit**2


@dataclass(frozen=True)
class _FullTails:
    """Tail means of full sessions: by how quickly one filled, where that is known, else by its limit.

    Attributes:
        by_limit: At what was taken of each.
        told: (n_full,) of which it is known.
        taken: (n_told,) places taken of those.
        speed: How quickly those filled.
    """

    by_limit: _Tails
    told: Flags
    taken: Floats
    speed: Speed

    @classmethod
    def of(cls, places: Floats, limits: Floats, full: Flags, speed: Speed) -> _FullTails:
        taken, told = places[full], np.isfinite(speed.due[full])
        return cls(_Tails.of(np.minimum(limits[full], taken)), told, taken[told], speed.where(full).where(told))

    def at_size(self, size: float, mixing: Mixing, means: Floats) -> _Tail:
        """What gives both tail means by (n_full,) means; by speed they are of `means`, whatever is asked."""
        tail, by_speed = self.by_limit.at_size(size, mixing), self.speed.tails(means[self.told], self.taken, size)

        def both(asked: Floats) -> tuple[Floats, Floats]:
            above, second = tail(asked)
            above[self.told], second[self.told] = by_speed
            return above, second

        return both


def _mixing(counts: Floats, means: Floats, full: Flags, size: float) -> Mixing:
    """The likelier mixing by sessions from all over, the same ones every time."""
    chosen = np.arange(len(counts))
    if len(chosen) > _JUDGED_SESSIONS:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, _JUDGED_SESSIONS, replace=False))
    return likelier_mixing(counts[chosen], means[chosen], full[chosen], size)


def _squares(first: Floats, second: Floats, mean: Floats) -> Floats:
    """E[(D - mean)^2] by E[D] and E[D (D - 1)], see `tail_means`."""
    return second + first - 2 * first * mean + mean**2


def _size(squares: Floats, means: Floats, before: float) -> float:
    """Moment estimate by expected squares about the means; halfway, on the log scale, from the size before."""
    extra = float((squares - means).sum())
    found = float((means**2).sum()) / extra if extra > 0 else _SIZE_RANGE[1]
    return float(np.clip(np.sqrt(np.clip(found, *_SIZE_RANGE) * before), *_SIZE_RANGE))
