"""Decayed means of what sessions drew, by key and origin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def decayed_sums(
    codes: NDArray[np.int64],
    ages: NDArray[np.int64],
    values: NDArray[np.float64],
    n_origins: int,
    half_life_weeks: float,
) -> NDArray[np.float64]:
    """(n_codes + 1, n_origins) sum of the values of ages > j, halved each half-life; the last row is for code -1.

    Rows with code -1 or age < 1 are left out.
    """
    n_codes = int(codes.max(initial=-1)) + 1
    oldest = max(int(ages.max(initial=0)), n_origins)
    inside = (codes >= 0) & (ages >= 1)
    flat = codes[inside] * (oldest + 1) + ages[inside]
    by_age = np.bincount(flat, weights=values[inside], minlength=n_codes * (oldest + 1))
    by_age = by_age.reshape(n_codes, oldest + 1)
    decay = 0.5 ** (1 / half_life_weeks)
    sums = np.zeros((n_codes + 1, n_origins))
    running = np.zeros(n_codes)
    for origin in range(oldest - 1, -1, -1):
        running = by_age[:, origin + 1] + decay * running
        if origin < n_origins:
            sums[:n_codes, origin] = running
    return sums
