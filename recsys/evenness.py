"""How evenly something is spread over people."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def gini(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Gini coefficient of weighted values >= 0: 0 where all have the same, towards 1 where one has all; 0 for nothing.

    >>> gini(np.array([1.0, 1.0]), np.array([1.0, 3.0]))
    0.0
    """
    return float(ginis(values[None, :], weights)[0])


def ginis(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) Gini coefficients of the rows of (n, n_groups) values, see `gini`; `weights` are people of each group."""
    order = np.argsort(values, axis=1, kind="stable")
    v, w = np.take_along_axis(values, order, axis=1), weights[order]
    total, people = (v * w).sum(axis=1), float(weights.sum())
    below = np.cumsum(v * w, axis=1)
    spread = ((2 * below - v * w) * w).sum(axis=1)
    # Rounding may leave less than nothing.
    return np.where(total > 0, np.maximum(1.0 - spread / np.maximum(total * people, 1e-300), 0.0), 0.0)
