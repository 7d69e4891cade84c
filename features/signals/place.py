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


def places_of(dataset: Dataset, tree: RegionTree, session_nums: NDArray[np.int64]) -> Places:
    """Places of some sessions of a data set."""
    sessions = dataset.sessions.iloc[session_nums]
    at_venue = dataset.venues.set_index("venue_id")[["lat", "lon", "region_id"]].reindex(
        pd.Index(sessions["venue_id"], dtype=object)
    )
    of_region = dataset.regions.set_index("region_id")[["lat", "lon"]].reindex(
        pd.Index(at_venue["region_id"], dtype=object)
    )
    online = dataset.activities.set_index("activity_id")["online"].reindex(pd.Index(sessions["activity_id"]))
    spots = at_venue[["lat", "lon"]].to_numpy(dtype=np.float64)
    spots = np.where(np.isnan(spots).any(axis=1, keepdims=True), of_region.to_numpy(dtype=np.float64), spots)
    spots[online.to_numpy(dtype=bool)] = np.nan
    return Places(spots[:, 0], spots[:, 1], session_regions(dataset, tree)[session_nums])


def distance_km(
    lat: NDArray[np.float64], lon: NDArray[np.float64], to_lat: NDArray[np.float64], to_lon: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Great-circle distance (haversine), broadcast; NaN where a coordinate is."""
    phi, to_phi = np.radians(lat), np.radians(to_lat)
    half = np.sin((to_phi - phi) / 2) ** 2
    half = half + np.cos(phi) * np.cos(to_phi) * np.sin((np.radians(to_lon) - np.radians(lon)) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(half, 0.0, 1.0)))
