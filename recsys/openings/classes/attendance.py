"""How many of those who want a place come: rooms that fill, places that are planned, weeks that differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr

BUSY = 2.326
"""Standard deviations above the mean of a week that one in a hundred is busier than: a place kept free costs nothing, a
person turned away is lost."""


def filled(mean: NDArray[np.float64] | float, size: NDArray[np.float64] | float, spread: float) -> NDArray[np.float64]:
    """Expected places taken of `size` when demand is about normal with a Poisson and a relative spread."""
    mean = np.asarray(mean, dtype=np.float64)
    sd = np.sqrt(np.maximum(mean + (spread * mean) ** 2, 1e-12))
    z = (np.asarray(size, dtype=np.float64) - mean) / sd
    over = sd * (np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) - z * ndtr(-z))
    return np.minimum(np.maximum(mean - over, 0.0), size)


def more_filled(
    mean: NDArray[np.float64] | float, size: NDArray[np.float64] | float, spread: float
) -> NDArray[np.float64]:
    """How many more places of `size` are taken by one more of whom demand has in the mean, see `filled`.

    At most 1, and less the more there are: `filled` is concave in the mean where a class has half a place or more.

    >>> more_filled(np.array([1.0, 10.0, 30.0]), 10.0, 0.3).round(2)
    array([1.  , 0.37, 0.01])
    """
    mean = np.asarray(mean, dtype=np.float64)
    sd = np.sqrt(np.maximum(mean + (spread * mean) ** 2, 1e-12))
    z = (np.asarray(size, dtype=np.float64) - mean) / sd
    wider = (1 + 2 * spread**2 * mean) / (2 * sd)
    return np.asarray(ndtr(z) - wider * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi))


def seated(mean: float, size: float, spread: float) -> float:
    """`filled` of one class: arrays take ten times as long for it, and a plan asks for hundreds.

    >>> round(seated(12.0, 10.0, 0.3), 3)
    8.849
    """
    sd = math.sqrt(max(mean + (spread * mean) ** 2, 1e-12))
    z = (size - mean) / sd
    over = sd * (math.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) - 0.5 * z * math.erfc(z / math.sqrt(2)))
    return min(max(mean - over, 0.0), size)


def planned_places(
    coming: NDArray[np.float64] | float,
    most: NDArray[np.float64] | float,
    usual: NDArray[np.float64] | float,
    spread: float,
) -> NDArray[np.float64]:
    """Places for one week in a hundred to be full of `coming` people a week: at least the usual, at most `most`."""
    busy = np.asarray(coming + BUSY * np.sqrt(coming + np.square(spread * coming)), dtype=np.float64)
    return np.minimum(most, np.maximum(usual, np.ceil(busy)))


def places_for(coming: float, most: float, usual: float, spread: float) -> float:
    """`planned_places` of one class, in a sixth of the time of arrays.

    >>> places_for(12.0, 40.0, 10.0, 0.3)
    24.0
    """
    busy = coming + BUSY * math.sqrt(coming + (spread * coming) ** 2)
    return float(min(most, max(usual, math.ceil(busy))))


def week_interval(mean: float, spread: float, weeks: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """10 and 90 % quantiles of the people of one week drawn from several: negative-binomial counts, mixed.

    Args:
        mean: People a week in the mean of the weeks.
        spread: Standard deviation of a week relative to its mean, beyond counting noise.
        weeks: (n_weeks,) how much each is wanted, 1 in the mean.

    >>> week_interval(10.0, 0.3, np.ones(13))
    (5.0, 16.0)
    """
    means = np.maximum(mean * np.asarray(weeks, dtype=np.float64), 1e-9)
    shape = 1.0 / max(spread, 1e-3) ** 2
    asked, chance = np.array([0.1, 0.9]), shape / (shape + means)
    # Nine weeks of ten have fewer people than three standard deviations more than the mean (Cantelli's inequality).
    most = np.ceil((means + 3 * np.sqrt(means + means**2 / shape)).max())
    low, high = np.full(2, -1.0), np.full(2, most)
    while (high - low > 1).any():
        middle = np.floor(0.5 * (low + high))
        reached = betainc(shape, middle[:, None] + 1, chance).mean(axis=1) >= asked
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return float(high[0]), float(high[1])
