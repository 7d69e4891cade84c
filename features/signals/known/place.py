"""Where candidates and people are, and how far apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset
from recsys.regions import RegionTree, session_regions

EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True)
class Places:
    """Coordinates and regions of sessions.

    Attributes:
        lat: (n,) the venue's, else its region's; NaN where unknown or online.
        lon: (n,) the same.
        regions: (n,) region row; 0, the root, when online or without a venue.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    regions: NDArray[np.int64]


def region_spots(dataset: Dataset, users: pd.DataFrame, tree: RegionTree) -> NDArray[np.float64]:
    """(n_regions, 2) a region's lat and lon, else the mean of the venues and homes in it, else its parent's.

    Args:
        dataset: Regions and venues.
        users: Profiles that may be used.
        tree: The regions.
    """
    spots = ["lat", "lon"]
    of_region = dataset.regions.set_index("region_id")[spots].reindex(pd.Index(tree.ids.ids, dtype=object))
    own = of_region.to_numpy(dtype=np.float64)
    sums, counts = np.zeros((len(tree), 2)), np.zeros(len(tree))
    for table in (dataset.venues, users):
        region = tree.ids.nums_or_missing(table["region_id"])
        at = table[spots].to_numpy(dtype=np.float64)
        known = (region >= 0) & ~np.isnan(at).any(axis=1)
        np.add.at(sums, region[known], at[known])
        counts += np.bincount(region[known], minlength=len(tree))
    for num in range(len(tree) - 1, 0, -1):
        sums[tree.parents[num]] += sums[num]
        counts[tree.parents[num]] += counts[num]
    with np.errstate(invalid="ignore"):
        found = np.where(np.isnan(own).any(axis=1, keepdims=True), sums / counts[:, None], own)
    for num in range(1, len(tree)):
        if np.isnan(found[num]).any():
            found[num] = found[tree.parents[num]]
    return np.asarray(found, dtype=np.float64)


def areas(users: pd.DataFrame, tree: RegionTree, regions_at: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_users, 2) lat and lon of each one's region; NaN where it is unknown."""
    region = tree.ids.nums_or_missing(users["region_id"])
    return np.where(region[:, None] >= 0, regions_at[region], np.nan)


def near_home(homes: NDArray[np.float64], area: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 2) lat and lon of the home, else of its region."""
    return np.where(np.isnan(homes).any(axis=1, keepdims=True), area, homes)


def places_of(
    dataset: Dataset, tree: RegionTree, session_nums: NDArray[np.int64], regions_at: NDArray[np.float64]
) -> Places:
    """Places of some sessions of a data set, without coordinates those of the region in `regions_at`."""
    sessions = dataset.sessions.iloc[session_nums]
    at_venue = dataset.venues.set_index("venue_id")[["lat", "lon", "region_id"]].reindex(
        pd.Index(sessions["venue_id"], dtype=object)
    )
    online = dataset.activities.set_index("activity_id")["online"].reindex(pd.Index(sessions["activity_id"]))
    spots = at_venue[["lat", "lon"]].to_numpy(dtype=np.float64)
    region = tree.ids.nums_or_missing(at_venue["region_id"])
    of_region = np.where(region[:, None] >= 0, regions_at[region], np.nan)
    spots = np.where(np.isnan(spots).any(axis=1, keepdims=True), of_region, spots)
    spots[online.to_numpy(dtype=bool)] = np.nan
    return Places(spots[:, 0], spots[:, 1], session_regions(dataset, tree)[session_nums])


def distance_km(
    lat: NDArray[np.float64], lon: NDArray[np.float64], to_lat: NDArray[np.float64], to_lon: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Great-circle distance (haversine), broadcast; NaN where a coordinate is."""
    phi, to_phi = np.radians(lat), np.radians(to_lat)
    return _haversine_km(to_phi - phi, np.cos(phi) * np.cos(to_phi), np.radians(to_lon) - np.radians(lon))


def pair_km(
    spots: NDArray[np.float64], to_spots: NDArray[np.float64], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n_pairs,) `distance_km` of pairs of many spots, to the last bit; NaN where a coordinate is or `cols` is -1.

    What only one spot of a pair decides is computed once for each spot.

    Args:
        spots: (n_spots, 2) lat and lon.
        to_spots: (n_to, 2) the same.
        rows: (n_pairs,) row of `spots`.
        cols: (n_pairs,) row of `to_spots`.
    """
    phi, lam = np.radians(spots).T
    to_phi, to_lam = np.radians(np.vstack([to_spots, [np.nan, np.nan]])).T
    cols = np.where(cols < 0, len(to_spots), cols)
    cosines = np.cos(phi).take(rows) * np.cos(to_phi).take(cols)
    return _haversine_km(to_phi.take(cols) - phi.take(rows), cosines, to_lam.take(cols) - lam.take(rows))


def _haversine_km(
    d_phi: NDArray[np.float64], cosines: NDArray[np.float64], d_lam: NDArray[np.float64]
) -> NDArray[np.float64]:
    half = np.sin(d_phi / 2) ** 2 + cosines * np.sin(d_lam / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
