"""Alarms: a level that broke or has been drifting is said, not smoothed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Floats = NDArray[np.float64]
Kind = Literal["break", "drift"]

WEEKS: dict[Kind, tuple[int, ...]] = {"break": (*range(3, 13), 16, 20, 26), "drift": (13, 18, 26, 39, 52)}
"""So many weeks ago a level broke, or began to drift, if it did: each is tried that enough weeks lie before."""

LEAST_SCORE = 3.65
"""Best of all starts, in weeks that go together: `benchmarks/demand/alarms.py` shows what these let through."""

REFERENCE_WEEKS, SPREAD_WEEKS = 52, 104
"""Before a start the level is that of a year, and what weeks vary by that of two."""

LEAST_REFERENCE_WEEKS = 8
"""A level of fewer weeks is none; before a drift, of less than half as many as it takes."""

LEAST_RATIO = 1.4
LEAST_PLACES = 30.0
"""Both sides of a shift need so many places in all, seen or expected: a class that starts is no break."""

_PRIOR_WEEKS = 10.0
"""By so many weeks a series' own spread is drawn to that of all series."""

_UNSURE_WEEKS = 10.0
"""A variance learned from n weeks is taken to be 1 + 10 / n times as large: it may be too small by chance."""

_DENSE_PLACES = 5.0
_MOST_ALIKE = 0.9
_LEAST = 1e-9


@dataclass(frozen=True)
class LevelShifts:
    """Shifts that were found, a row each.

    Attributes:
        series: Row of the series.
        kind: `break` or `drift`.
        weeks: Weeks ago that it began.
        ratio: Level over that before: since a break; of the last quarter of a drift, so that it still holds.
        score: See `_score`.
    """

    series: NDArray[np.int64]
    kind: NDArray[np.object_]
    weeks: NDArray[np.int64]
    ratio: Floats
    score: Floats

    def ratios_of(self, values: Floats) -> Floats:
        """(n_found,) like `ratio`, of other figures (n_series, n_weeks) of the series, as they are."""
        found = np.empty(len(self.series))
        for row, (series, kind, weeks) in enumerate(zip(self.series, self.kind, self.weeks.tolist(), strict=True)):
            before = values[series, -weeks - REFERENCE_WEEKS : -weeks].mean()
            found[row] = values[series, -weeks:][_lately(kind, weeks)].mean() / max(before, _LEAST)
        return found


def level_shifts(counts: Floats, factors: Floats) -> LevelShifts:
    """Compares the last weeks with those before them, frozen and freed of what the calendar explains.

    A break moves all weeks since its start alike, a drift the more the later they are. For each start the places of
    the weeks since, so weighed, are tested against what the weeks before lead to expect; the kind and start of the
    highest score speak, if it is at least `LEAST_SCORE`.

    Args:
        counts: (n_series, n_weeks) demand.
        factors: (n_series, n_weeks) what season and holidays multiply the level by.
    """
    rows = np.flatnonzero(counts.sum(axis=1) >= LEAST_PLACES)
    counts, factors = counts[rows], factors[rows]
    starts = [
        (kind, length) for kind in WEEKS for length in WEEKS[kind] if counts.shape[1] >= _least_known(kind, length)
    ]
    tested = np.array([_tested(counts, factors, *start) for start in starts]).reshape(len(starts), 2, len(rows))
    score, ratio = tested[:, 0], tested[:, 1]
    is_far = (np.where(score > 0, ratio, 1 / ratio) >= LEAST_RATIO) & (score != 0)
    told = np.where(is_far, np.abs(score), 0.0)
    best = told.argmax(axis=0) if starts else np.zeros(0, dtype=np.int64)
    found = np.flatnonzero(told[best, np.arange(len(best))] >= LEAST_SCORE)
    best = best[found]
    return LevelShifts(
        series=rows[found],
        kind=np.array([kind for kind, _ in starts], dtype=object)[best],
        weeks=np.array([length for _, length in starts], dtype=np.int64)[best],
        ratio=ratio[best, found],
        score=score[best, found],
    )


def _least_known(kind: Kind, length: int) -> int:
    """Weeks that have to be known to tell a shift that began so many weeks ago."""
    return length + (LEAST_REFERENCE_WEEKS if kind == "break" else max(LEAST_REFERENCE_WEEKS, length // 2))


def _tested(counts: Floats, factors: Floats, kind: Kind, length: int) -> tuple[Floats, Floats]:
    """(n_series,) score and ratio of a shift that began so many weeks ago; no score where too little is known."""
    profile = np.ones(length) if kind == "break" else np.arange(1, length + 1) / length
    past, since = (counts[:, -length - REFERENCE_WEEKS : -length], counts[:, -length:])
    past_factors = factors[:, -length - REFERENCE_WEEKS : -length]
    level = _level(past, past_factors)[:, None]
    reference, expected = level * past_factors, level * factors[:, -length:]
    before, before_factors = (part[:, -length - SPREAD_WEEKS : -length] for part in (counts, factors))
    fitted = [_level(before, before_factors)[:, None] * before_factors, _moved(since, expected, profile)]
    spread = _Spread.of(np.concatenate([before, since], axis=1), np.concatenate(fitted, axis=1))
    # Weighed places in a unit in which their Poisson variance is their mean.
    unit = (expected @ profile**2 + _LEAST) / (expected @ profile + _LEAST)
    seen, mean = since @ profile / unit, expected @ profile / unit
    of_level = spread.variance(reference) * (mean / np.maximum(reference.sum(axis=1), _LEAST)) ** 2
    score = _score(seen, mean, spread.variance(expected * profile / unit[:, None], mean) + of_level)
    is_known = (
        ((past > 0).sum(axis=1) >= LEAST_REFERENCE_WEEKS)
        & (reference.sum(axis=1) >= LEAST_PLACES)
        & (np.maximum(since.sum(axis=1), expected.sum(axis=1)) >= LEAST_PLACES)
    )
    lately = _lately(kind, length)
    ratio = (since[:, lately].sum(axis=1) + 0.5) / (expected[:, lately].sum(axis=1) + 0.5)
    return np.where(is_known, score, 0.0), ratio


def _level(counts: Floats, factors: Floats) -> Floats:
    """(n_series,) places a week where the calendar neither lifts nor lowers them."""
    return np.asarray(counts.sum(axis=1) / np.maximum(factors.sum(axis=1), _LEAST))


def _moved(since: Floats, expected: Floats, profile: Floats) -> Floats:
    """(n_series, length) means that are expected, moved by the shift that fits best.

    With these the weeks since a shift tell what weeks vary by as those before it do: half a year has none to spare.
    """
    slope = ((since - expected) @ profile) / np.maximum(expected @ profile**2, _LEAST)
    return np.asarray(expected * (1 + np.maximum(slope, -1.0)[:, None] * profile))


def _lately(kind: Kind, length: int) -> slice:
    """The weeks of a shift that tell where the level is now: of a drift the last quarter."""
    return slice(None) if kind == "break" else slice(length - length // 4, None)


@dataclass(frozen=True)
class _Spread:
    """What weeks vary by beyond Poisson counts.

    Attributes:
        relative: (n_series,) variance of a week's mean of 1.
        alike: (n_series,) correlation of a week's mean with that of the week before.
    """

    relative: Floats
    alike: Floats

    @classmethod
    def of(cls, counts: Floats, expected: Floats) -> _Spread:
        """By moments, each series drawn to all by how little its own weeks tell.

        `expected` (n_series, n_weeks) are means that a level and a shift were fitted to.
        """
        n_weeks = counts.shape[1]
        off = counts - expected
        squares = np.maximum((expected**2).sum(axis=1), _LEAST)
        pairs = np.maximum((expected[:, 1:] * expected[:, :-1]).sum(axis=1), _LEAST)
        relative = ((off**2).sum(axis=1) * n_weeks / (n_weeks - 2) - expected.sum(axis=1)) / squares
        shared = (off[:, 1:] * off[:, :-1]).sum(axis=1) / pairs
        mean = np.maximum(expected.mean(axis=1), _LEAST)
        weight = mean / (mean + _DENSE_PLACES)
        # The weeks of a small series vary by single sessions: what all tell of it has a part that goes with 1 / mean.
        parts = optimize.nnls(np.column_stack([weight, weight / mean]), weight * relative)[0]
        of_all = np.maximum(parts[0] + parts[1] / mean, 1e-3)
        told = n_weeks * (of_all * mean / (of_all * mean + 1)) ** 2
        share = told / (told + _PRIOR_WEEKS)
        # On the log scale, and no less than chance leaves unseen: many small series make no large one look wild.
        own = np.maximum(relative, np.sqrt(0.5 / n_weeks) / np.maximum(mean, 1.0)) ** share * of_all ** (1 - share)
        alike_of_all = (weight**2 @ shared) / max(float(weight**2 @ of_all), _LEAST)
        alike = share * shared / np.maximum(own, 1e-6) + (1 - share) * alike_of_all
        return cls(own * (1 + _UNSURE_WEEKS / n_weeks), np.clip(alike, 0.0, _MOST_ALIKE))

    def variance(self, expected: Floats, poisson: Floats | None = None) -> Floats:
        """(n_series,) variance of the sum of (n_series, n_weeks); its Poisson part is the sum unless given."""
        total, carried = (expected**2).sum(axis=1), np.zeros(len(expected))
        for week in range(1, expected.shape[1]):
            carried = self.alike * (carried + expected[:, week - 1])
            total += 2 * carried * expected[:, week]
        return self.relative * total + (expected.sum(axis=1) if poisson is None else poisson)


def _score(seen: Floats, mean: Floats, variance: Floats) -> Floats:
    """Signed root of the deviance of sums as negative binomial counts of this mean and about this variance.

    A difference over its standard error takes a closed house for chance, since counts cannot lie far below a mean, and
    a crowd for a shift.
    """
    mean = np.maximum(mean, _LEAST)
    size = mean / np.maximum((variance + 1.0) / mean - 1.0, 1e-6)
    own = np.where(seen > 0, seen * np.log(np.maximum(seen, _LEAST) / mean), 0.0)
    deviance = 2 * (own - (seen + size) * np.log((seen + size) / (mean + size)))
    return np.asarray(np.sign(seen - mean) * np.sqrt(np.maximum(deviance, 0.0)))
