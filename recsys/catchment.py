"""How far people go: weights of a distance, and the way that is usual."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

USUAL_SHARE = 0.9
"""Of those who come; the farthest of their ways is what is usual."""

LEAST_KM, MOST_KM = 1.5, 50.0
"""Bounds of what can be usual."""

DEFAULT_KM = 5.0
"""Where nobody's way is known."""


def gaussian_weight(km: NDArray[np.float64], reach_km: float) -> NDArray[np.float64]:
    """Weight of a distance: 1 next door, 0 from `reach_km` on and where unknown (NaN), Gaussian between.

    `(exp(-(d/r)^2 / 2) - exp(-1/2)) / (1 - exp(-1/2))`. Source: Dai 2010, Health & Place 16(5).

    >>> gaussian_weight(np.array([0.0, 5.0, np.nan]), 5.0).tolist()
    [1.0, 0.0, 0.0]
    """
    edge = np.exp(-0.5)
    return np.where(km < reach_km, (np.exp(-0.5 * np.square(km / reach_km)) - edge) / (1 - edge), 0.0)
