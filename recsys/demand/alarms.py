"""Break alarms: a lasting shift of level is said, not smoothed over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SHORTEST_WEEKS, LONGEST_WEEKS = 3, 12
"""A shift is looked for that began so many weeks ago."""

REFERENCE_WEEKS = 26
LEAST_REFERENCE_WEEKS = 8
LEAST_RATIO = 1.4
LEAST_PLACES = 30.0
"""Both sides of a shift need so many places in all, seen or expected: a class that starts is no break."""

LEAST_SCORE = 4.2
"""The best of ten windows is taken, in weeks that correlate: in 20,000 made-up series of 1.5 to 60 places a week, with
correlated lognormal weeks, 0.6 % that go on as before are said to shift."""


@dataclass(frozen=True)
class LevelShifts:
    """Shifts that were found, a row each.

    Attributes:
        series: Row of the series.
        weeks: Weeks ago that it began.
        ratio: Level since over level before.
        score: See `_score`.
    """

    series: NDArray[np.int64]
    weeks: NDArray[np.int64]
    ratio: NDArray[np.float64]
    score: NDArray[np.float64]


def level_shifts(counts: NDArray[np.float64], factors: NDArray[np.float64]) -> LevelShifts:
    """Compares the last weeks with the 26 before them, freed of what the calendar explains.

    For each start the sum is tested with the variance of the weeks before, at least Poisson's; the
    start with the highest score speaks, if its score and ratio are high enough.

    Args:
        counts: (n_series, n_weeks) demand.
        factors: (n_series, n_weeks) what season, holidays and trend multiply the level by.
    """
    n_series, n_weeks = counts.shape
    best_score = np.zeros(n_series)
    best_ratio, best_weeks = np.ones(n_series), np.zeros(n_series, dtype=np.int64)
    for length in range(SHORTEST_WEEKS, LONGEST_WEEKS + 1):
        if n_weeks < length + LEAST_REFERENCE_WEEKS:
            break
        before = slice(max(0, n_weeks - length - REFERENCE_WEEKS), n_weeks - length)
        level = counts[:, before].sum(axis=1) / np.maximum(factors[:, before].sum(axis=1), 1e-9)
        expected = level[:, None] * factors
        # Weeks on end are alike, so the spread of sums over windows counts, not that of single weeks.
        residual = (counts - expected)[:, before]
        dispersion = (residual**2).sum(axis=1) / np.maximum(expected[:, before].sum(axis=1), 1e-9)
        lag = (residual[:, 1:] * residual[:, :-1]).sum(axis=1) / np.maximum((residual**2).sum(axis=1), 1e-9)
        stretch = (1 + np.clip(lag, 0, 0.7)) / (1 - np.clip(lag, 0, 0.7))
        recent = expected[:, -length:].sum(axis=1)
        seen = counts[:, -length:].sum(axis=1)
        reference = expected[:, before].sum(axis=1)
        variance = np.maximum(dispersion, 1.0) * stretch * recent * (1 + recent / np.maximum(reference, 1e-9))
        score = _score(seen, recent, variance)
        ratio = (seen + 0.5) / (recent + 0.5)
        is_running = (counts[:, before] > 0).sum(axis=1) >= LEAST_REFERENCE_WEEKS
        enough = is_running & (reference >= LEAST_PLACES) & (np.maximum(seen, recent) >= LEAST_PLACES)
        better = enough & (np.abs(score) > np.abs(best_score))
        best_score = np.where(better, score, best_score)
        best_ratio = np.where(better, ratio, best_ratio)
        best_weeks = np.where(better, length, best_weeks)
    far = np.maximum(best_ratio, 1 / best_ratio) >= LEAST_RATIO
    found = np.flatnonzero((np.abs(best_score) >= LEAST_SCORE) & far)
    return LevelShifts(found.astype(np.int64), best_weeks[found], best_ratio[found], best_score[found])


def _score(seen: NDArray[np.float64], mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Signed root of the deviance of sums as negative binomial counts of this mean and about this variance.

    A difference over its standard error takes a closed house for chance, since counts cannot lie far below a mean, and
    a crowd for a shift: in the made-up series of `LEAST_SCORE` it found 40 % of three weeks without anybody (this one
    96 %) and 0.9 % of what went on as before, at 4.5.
    """
    mean = np.maximum(mean, 1e-9)
    size = mean / np.maximum((variance + 1.0) / mean - 1.0, 1e-6)
    own = np.where(seen > 0, seen * np.log(np.maximum(seen, 1e-9) / mean), 0.0)
    deviance = 2 * (own - (seen + size) * np.log((seen + size) / (mean + size)))
    return np.asarray(np.sign(seen - mean) * np.sqrt(np.maximum(deviance, 0.0)))
