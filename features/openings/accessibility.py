"""Accessibility by the Gaussian enhanced two-step floating catchment area method, sparse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import KDTree

from features.geography.positions import KM_PER_DEGREE, Positions
from recsys.catchment import gaussian_weight
from recsys.dataset import Dataset
from recsys.regions import RegionTree


@dataclass(frozen=True)
class Dwellings:
    """The regions that have none under them, and how many live there.

    Attributes:
        regions: (n_dwellings,) region rows.
        spots: (n_dwellings, 2) latitude and longitude, NaN where unknown.
        people: (n_dwellings,) population, or registered users where too few of the regions state theirs.
        is_population: Whether `people` is population.
        estimated_from: (n_dwellings,) registered users that `people` goes by, 0 where the region states its population.
        n_estimated: Regions that state none, if the others' is used.
    """

    regions: NDArray[np.int64]
    spots: NDArray[np.float64]
    people: NDArray[np.float64]
    is_population: bool
    estimated_from: NDArray[np.float64]
    n_estimated: int


def dwellings_of(dataset: Dataset, tree: RegionTree, places: Positions) -> Dwellings:
    """Villages, and townships without villages, with their people.

    A region that states no population is taken to have as many people for each registered user as those that do, as
    long as at least half of the users live in such regions.
    """
    regions = np.setdiff1d(np.arange(len(tree)), tree.parents)
    stated = dataset.regions.set_index("region_id")["population"].reindex(tree.ids.ids[regions])
    population = stated.to_numpy(dtype=np.float64)
    homes = places.user_regions[places.user_regions >= 0]
    registered = np.bincount(homes, minlength=len(tree))[regions].astype(np.float64)
    is_stated = population >= 0
    users = float(registered[is_stated].sum())
    is_population = bool(is_stated.any()) and (bool(is_stated.all()) or 0 < users >= 0.5 * registered.sum())
    people = registered
    if is_population:
        a_user = float(population[is_stated].sum()) / max(users, 1.0)
        people = np.where(is_stated, population, a_user * registered)
    estimated_from = np.where(is_stated & is_population, 0.0, registered)
    n_estimated = int((~is_stated).sum()) if is_population else 0
    return Dwellings(regions, places.centres[regions], people, is_population, estimated_from, n_estimated)


def catchment(places: NDArray[np.float64], venues: NDArray[np.float64], reach_km: float) -> sparse.csr_array:
    """(n_places, n_venues) Gaussian weights of pairs within reach; latitude and longitude in, NaN reaches nothing."""
    shape = (len(places), len(venues))
    a, b = np.flatnonzero(np.isfinite(places).all(axis=1)), np.flatnonzero(np.isfinite(venues).all(axis=1))
    if not len(a) or not len(b):
        return sparse.csr_array(shape)
    scale = _scale(places[a], venues[b])
    near = KDTree(places[a] * scale).sparse_distance_matrix(KDTree(venues[b] * scale), reach_km, output_type="ndarray")
    weight = gaussian_weight(near["v"], reach_km)
    return sparse.csr_array((weight, (a[near["i"]], b[near["j"]])), shape=shape)


def nearest_km(places: NDArray[np.float64], venues: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_places,) kilometres to the nearest venue, NaN for a place without coordinates or where there is no venue."""
    km = np.full(len(places), np.nan)
    a, b = np.isfinite(places).all(axis=1), np.isfinite(venues).all(axis=1)
    if a.any() and b.any():
        scale = _scale(places[a], venues[b])
        km[a] = KDTree(venues[b] * scale).query(places[a] * scale)[0]
    return km


def _scale(places: NDArray[np.float64], venues: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kilometres of a degree of latitude and of longitude, in the middle of them all."""
    middle = np.concatenate([places[:, 0], venues[:, 0]]).mean()
    return np.array([1.0, np.cos(np.radians(middle))]) * KM_PER_DEGREE


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
