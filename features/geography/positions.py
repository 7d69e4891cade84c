"""Where people and venues are, and how far apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset
from recsys.regions import RegionTree

Rows = NDArray[np.int64] | slice

KM_PER_DEGREE = 111.195
TREE_KM = {"village": 0.7, "township": 3.0, "county": 12.0, "city": 40.0, "province": 120.0}
"""Distance assumed between two places without coordinates, by the level of the smallest region that holds both."""

FAR_KM = 300.0


@dataclass(frozen=True)
class Positions:
    """Where users and venues are.

    Attributes:
        users: (n_users, 2) latitude and longitude, NaN where unknown.
        venues: (n_venues, 2) the same.
        user_regions: (n_users,) region row, -1 where unknown.
        venue_regions: (n_venues,) region row; the root where unknown.
        centres: (n_regions, 2) centres of townships and villages, NaN where unknown and above.
    """

    users: NDArray[np.float64]
    venues: NDArray[np.float64]
    user_regions: NDArray[np.int64]
    venue_regions: NDArray[np.int64]
    centres: NDArray[np.float64]

    def km(self, tree: RegionTree, users: Rows = slice(None), venues: Rows = slice(None)) -> NDArray[np.float32]:
        """(n_users, n_venues) kilometres as the crow flies between those of some rows.

        By the tree where coordinates are unknown, NaN where the region is too. Equirectangular projection at the mean
        latitude of all users and venues: within 0.1 % over a province.
        """
        a, b = (
            (places * KM_PER_DEGREE * [1.0, self._cosine]).astype(np.float32)
            for places in (self.users[users], self.venues[venues])
        )
        from_regions, to_regions = self.user_regions[users], self.venue_regions[venues]
        km = np.hypot(a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1])
        # Only who or what has no place is looked up in the tree: of a province's people and venues a few.
        lost = np.flatnonzero(~np.isfinite(a).all(axis=1) & (from_regions >= 0))
        km[lost] = _tree_km(tree, from_regions[lost], to_regions)
        lost = np.flatnonzero(~np.isfinite(b).all(axis=1) & (to_regions > 0))
        km[:, lost] = _tree_km(tree, from_regions, to_regions[lost])
        return np.asarray(km, dtype=np.float32)

    @cached_property
    def _cosine(self) -> float:
        """Of the mean latitude; 1 where none is known."""
        latitudes = np.concatenate([self.users[:, 0], self.venues[:, 0]])
        known = latitudes[np.isfinite(latitudes)]
        return float(np.cos(np.radians(known.mean()))) if len(known) else 1.0


def positions(dataset: Dataset, tree: RegionTree) -> Positions:
    """Coordinates of users and venues; who has none stands at the centre of the region, if that is known.

    A region's centre is what its row says, else the mean of the users and venues that state both the region
    and coordinates. A centre above the township says too little about where somebody lives to be used.
    """
    user_regions = tree.ids.nums_or_missing(dataset.users["region_id"])
    venue_regions = tree.ids.nums_or_missing(dataset.venues["region_id"])
    users = dataset.users[["lat", "lon"]].to_numpy(dtype=np.float64)
    venues = dataset.venues[["lat", "lon"]].to_numpy(dtype=np.float64)
    centres = _centres(dataset, tree, np.concatenate([user_regions, venue_regions]), np.concatenate([users, venues]))
    return Positions(
        _filled(users, user_regions, centres),
        _filled(venues, venue_regions, centres),
        user_regions,
        np.maximum(venue_regions, 0),
        centres,
    )


def _centres(
    dataset: Dataset, tree: RegionTree, nums: NDArray[np.int64], places: NDArray[np.float64]
) -> NDArray[np.float64]:
    stated = dataset.regions.set_index("region_id")[["lat", "lon"]].reindex(tree.ids.ids).to_numpy(dtype=np.float64)
    usable = (nums >= 0) & np.isfinite(places).all(axis=1)
    seen = pd.DataFrame(places[usable]).groupby(nums[usable]).mean().reindex(range(len(tree))).to_numpy()
    centres: NDArray[np.float64] = np.where(np.isfinite(stated).all(axis=1)[:, None], stated, seen)
    for num in range(len(tree)):
        parent = tree.parents[num]
        if np.isnan(centres[num]).any() and parent >= 0 and tree.levels[parent] in ("township", "village"):
            centres[num] = centres[parent]
    is_small = np.isin(tree.levels, ("township", "village"))
    return np.where(is_small[:, None], centres, np.nan)


def _filled(
    places: NDArray[np.float64], regions: NDArray[np.int64], centres: NDArray[np.float64]
) -> NDArray[np.float64]:
    missing = np.asarray(~np.isfinite(places).all(axis=1))
    filled = np.where(missing[:, None], np.nan, places)
    use = missing & (regions >= 0)
    filled[use] = centres[regions[use]]
    return filled


def _tree_km(tree: RegionTree, from_regions: NDArray[np.int64], to_regions: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n_from, n_to) by the smallest region that holds both; NaN from nowhere (-1), and to nowhere or the root."""
    if not len(from_regions) or not len(to_regions):
        return np.zeros((len(from_regions), len(to_regions)), dtype=np.float32)
    rows, row_of = np.unique(from_regions, return_inverse=True)
    columns, column_of = np.unique(to_regions, return_inverse=True)
    table = np.full((len(rows), len(columns)), np.nan, dtype=np.float32)
    # From the root down: the last region that both have in common stands.
    for above, beyond in zip(_lineages(tree, rows), _lineages(tree, np.where(columns > 0, columns, -1)), strict=False):
        km = np.array([TREE_KM.get(str(tree.levels[num]), FAR_KM) for num in above], dtype=np.float32)
        shared = (above[:, None] == beyond[None, :]) & (above >= 0)[:, None]
        table = np.where(shared, km[:, None], table)
    return table[row_of][:, column_of]


def _lineages(tree: RegionTree, regions: NDArray[np.int64]) -> NDArray[np.int64]:
    """(depth, n) the region that holds each at every depth from the root down to itself, -1 below; -1 is nowhere."""
    down = [_down(tree, int(num)) for num in regions]
    found = np.full((max(map(len, down), default=0), len(down)), -1, dtype=np.int64)
    for place, path in enumerate(down):
        found[: len(path), place] = path
    return found


def _down(tree: RegionTree, region: int) -> list[int]:
    """Rows from the root down to a region."""
    path = []
    while region >= 0:
        path.append(region)
        region = int(tree.parents[region])
    return path[::-1]
