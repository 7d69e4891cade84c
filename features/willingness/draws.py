"""Draws of what is not known for certain: how much categories are liked, and hours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.willingness.circumstances import Circumstances

N_DRAWS = 16


def drawn_levels(circumstances: Circumstances, rng: np.random.Generator) -> NDArray[np.float32]:
    """(N_DRAWS, n_categories) factors on people's rates, 1 in the mean."""
    return _factors(_normal(circumstances.doubt[0], rng))


def drawn_slots(
    circumstances: Circumstances, weekday: NDArray[np.int64], cell: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(N_DRAWS, n_slots) factors on the fit of slots given by weekday and cell, 1 in the mean."""
    _, cells, weekdays = circumstances.doubt
    return _factors(_normal(cells, rng)[:, cell] + _normal(weekdays, rng)[:, weekday])


def _normal(covariance: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(N_DRAWS, n) in pairs of opposite sign, so that half as many draws do."""
    value, vector = np.linalg.eigh(covariance)
    half = rng.standard_normal((N_DRAWS // 2, len(value))) @ (vector * np.sqrt(np.maximum(value, 0.0))).T
    return np.concatenate([half, -half])


def _factors(logarithms: NDArray[np.float64]) -> NDArray[np.float32]:
    factors = np.exp(logarithms)
    return np.asarray(factors / factors.mean(axis=0), dtype=np.float32)
