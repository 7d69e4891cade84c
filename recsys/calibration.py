"""Counts of a given mean and variance, and calibration: randomised PIT, and quantile levels put right by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

_LEAST = 1e-9
_WIDE = 1.001


def count_quantile(level: float | Floats, mean: Floats, variance: Floats) -> Floats:
    """Quantile of a count: negative binomial, or a rounded gamma where it varies less than Poisson.

    >>> count_quantile(0.5, np.array([4.0]), np.array([6.0])).tolist()
    [4.0]
    """
    mean, variance = np.maximum(mean, _LEAST), np.maximum(variance, _LEAST)
    is_wide, size = _size(mean, variance)
    wide = stats.nbinom.ppf(level, size, _chance(size, mean))
    narrow = np.round(stats.gamma.ppf(level, mean**2 / variance, scale=variance / mean))
    return np.where(is_wide, wide, narrow)


def count_pit(counts: Floats, mean: Floats, variance: Floats, rng: np.random.Generator) -> Floats:
    """Randomised PIT: uniform between P(Y < y) and P(Y <= y), so uniform on [0, 1] if the forecast is right.

    Source: Czado, Gneiting & Held 2009, Biometrics 65(4); plain coverage misleads where counts are small.
    """
    mean, variance = np.maximum(mean, _LEAST), np.maximum(variance, _LEAST)
    is_wide, size = _size(mean, variance)
    chance = _chance(size, mean)
    shape, scale = mean**2 / variance, variance / mean
    at = np.where(is_wide, stats.nbinom.cdf(counts, size, chance), stats.gamma.cdf(counts + 0.5, shape, scale=scale))
    below = np.where(
        is_wide, stats.nbinom.cdf(counts - 1, size, chance), stats.gamma.cdf(counts - 0.5, shape, scale=scale)
    )
    return below + rng.random(np.shape(counts)) * (at - below)


def calibrated_levels(pits: Floats, levels: Sequence[float], strength: float = 100.0) -> Floats:
    """Levels to ask of a forecast so that the share of outcomes below is `levels`.

    The empirical quantiles of past PITs, drawn to the levels themselves as if by `strength` ideal outcomes: weeks
    and regions go together, so a hundred outcomes say less than a hundred.

    >>> calibrated_levels(np.array([]), (0.1, 0.9)).tolist()
    [0.1, 0.9]
    """
    wanted = np.asarray(levels, dtype=np.float64)
    if not len(pits):
        return wanted
    share = len(pits) / (len(pits) + strength)
    found = share * np.quantile(pits, wanted) + (1 - share) * wanted
    return np.clip(np.maximum.accumulate(found), 0.001, 0.999)


def pit_coverage(pits: Floats, share: float) -> float:
    """Share of outcomes inside the central interval of `share`, by their PIT; NaN without outcomes."""
    if not len(pits):
        return float("nan")
    return float((np.abs(pits - 0.5) <= share / 2).mean())


def _size(mean: Floats, variance: Floats) -> tuple[NDArray[np.bool_], Floats]:
    is_wide = variance > _WIDE * mean
    return is_wide, np.maximum(mean**2 / np.where(is_wide, variance - mean, 1.0), _LEAST)


def _chance(size: Floats, mean: Floats) -> Floats:
    return np.clip(size / (size + mean), 1e-12, 1 - 1e-12)
