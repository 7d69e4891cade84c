"""Accessibility by the Gaussian enhanced two-step floating catchment area method, sparse."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from features.catchments import KM_PER_DEGREE


def gaussian_weight(km: NDArray[np.float64], reach_km: float) -> NDArray[np.float64]:
    """Weight of a distance: 1 next door, 0 from `reach_km` on, Gaussian between.

    `(exp(-(d/r)^2 / 2) - exp(-1/2)) / (1 - exp(-1/2))`. Source: Dai 2010, Health & Place 16(5).
    """
    edge = np.exp(-0.5)
    return np.where(km < reach_km, (np.exp(-0.5 * np.square(km / reach_km)) - edge) / (1 - edge), 0.0)


def catchment(places: NDArray[np.float64], venues: NDArray[np.float64], reach_km: float) -> sparse.csr_array:
    """(n_places, n_venues) Gaussian weights of pairs within reach; latitude and longitude in, NaN reaches nothing."""
    shape = (len(places), len(venues))
    a, b = np.flatnonzero(np.isfinite(places).all(axis=1)), np.flatnonzero(np.isfinite(venues).all(axis=1))
    if not len(a) or not len(b):
        return sparse.csr_array(shape)
    scale = np.array([1.0, np.cos(np.radians(np.concatenate([places[a, 0], venues[b, 0]]).mean()))]) * KM_PER_DEGREE
    near = cKDTree(places[a] * scale).sparse_distance_matrix(
        cKDTree(venues[b] * scale), reach_km, output_type="ndarray"
    )
    weight = gaussian_weight(near["v"], reach_km)
    return sparse.csr_array((weight, (a[near["i"]], b[near["j"]])), shape=shape)


def accessibility(
    weights: sparse.csr_array, people: NDArray[np.float64], supply: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_places, n_categories) supply per person within reach, supply shared among all who reach it.

    Step 1: each venue's supply over the weighted people in its catchment; step 2: the weighted sum of these over the
    venues that a place reaches. Source: Luo & Qi 2009, Health & Place 15(4).

    Args:
        weights: (n_places, n_venues) from `catchment`.
        people: (n_places,) people, or (n_places, n_categories) people who want each category.
        supply: (n_venues, n_categories) places a week.
    """
    demand = weights.T @ (people if people.ndim == 2 else people[:, None])
    ratio = np.divide(supply, demand, out=np.zeros(np.broadcast_shapes(supply.shape, demand.shape)), where=demand > 0)
    return np.asarray(weights @ ratio)
