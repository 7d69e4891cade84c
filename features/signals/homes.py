"""Where the people of a key live: a place for candidates that have none, and a decay of distance that is learned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import KDTree

from features.signals.events import Events
from features.signals.keys import KeyColumns
from features.signals.lookup import LEARNER_LEVEL, Lookup, take_or_missing
from features.signals.place import distance_km

MAX_CELLS = 1500
NEAR_KM = 4.0
_PRIOR = 20.0


@dataclass(frozen=True)
class Homes:
    """Density of the homes of each key's people around cells of a grid, against that of all people.

    Attributes:
        lat: (n_cells,) mean home of the cell's people.
        lon: (n_cells,) the same.
        lift: (n_cells, n_keys) log of the key's share of homes near the cell over everybody's; 0 without people.
        centre_lat: (n_keys,) mean home of the key's people, NaN without people.
        centre_lon: (n_keys,) the same.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    lift: NDArray[np.float64]
    centre_lat: NDArray[np.float64]
    centre_lon: NDArray[np.float64]

    def cells(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.int64]:
        """Nearest cell of each place, -1 where it is unknown or there are no cells."""
        nums = np.full(len(lat), -1, dtype=np.int64)
        known = ~np.isnan(lat) & ~np.isnan(lon)
        if len(self.lat) and known.any():
            nums[known] = self._tree.query(_on_sphere(lat[known], lon[known]))[1]
        return nums

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(_on_sphere(self.lat, self.lon))

    def lift_at(self, near: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_users, n_keys + 1) lift of each key around people's homes, 0 where a home is unknown and for no key."""
        return self._padded[self.cells(near[:, 0], near[:, 1])]

    def lift_of(self, cells: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_pairs,) lift of a key around a cell, NaN where either is -1."""
        return np.where((cells >= 0) & (keys >= 0), self._padded[cells, keys], np.float32(np.nan))

    @cached_property
    def _padded(self) -> NDArray[np.float32]:
        return np.pad(self.lift, ((0, 1), (0, 1))).astype(np.float32)


def _on_sphere(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points of the unit sphere: what is nearest there is nearest on the ground."""
    phi, turn = np.radians(lat), np.radians(lon)
    return np.column_stack([np.cos(phi) * np.cos(turn), np.cos(phi) * np.sin(turn), np.sin(phi)])


def homes_of(users: pd.DataFrame, everybody: Events, lookup: Lookup, columns: KeyColumns) -> Homes:
    """Homes of the people of each of the columns' keys; rows of `everybody` are those of `users`."""
    lat, lon = users["lat"].to_numpy(dtype=np.float64), users["lon"].to_numpy(dtype=np.float64)
    cell, n_cells = _cells(lat, lon)
    places = take_or_missing(columns.place_of_key, everybody.keys(lookup, LEARNER_LEVEL))
    shape = (len(users), len(columns.keys))
    member = everybody.matrix(np.where(everybody.is_taking, places, -1), shape, np.ones(len(places)))
    member.data[:] = 1.0
    known = cell >= 0
    weight = np.bincount(cell[known], minlength=n_cells).astype(np.float64)
    cell_lat = np.bincount(cell[known], lat[known], minlength=n_cells) / np.maximum(weight, 1)
    cell_lon = np.bincount(cell[known], lon[known], minlength=n_cells) / np.maximum(weight, 1)
    coo = member.tocoo()
    homed = known[coo.row]
    counts = np.zeros((n_cells, shape[1]))
    np.add.at(counts, (cell[coo.row[homed]], coo.col[homed]), 1.0)
    near = np.exp(-distance_km(cell_lat[:, None], cell_lon[:, None], cell_lat[None, :], cell_lon[None, :]) / NEAR_KM)
    people = counts.sum(axis=0)
    everyone = counts.sum(axis=1)
    base = near @ everyone / max(everyone.sum(), 1.0) + 1e-9
    lift = np.log((near @ counts + _PRIOR * base[:, None]) / ((people + _PRIOR) * base[:, None]))
    with np.errstate(invalid="ignore", divide="ignore"):
        centre_lat, centre_lon = cell_lat @ counts / people, cell_lon @ counts / people
    return Homes(cell_lat, cell_lon, lift, centre_lat, centre_lon)


def _cells(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> tuple[NDArray[np.int64], int]:
    """Grid cell of each home, -1 where unknown; cells grow until there are at most `MAX_CELLS` with people."""
    cell = np.full(len(lat), -1, dtype=np.int64)
    known = ~np.isnan(lat) & ~np.isnan(lon)
    if not known.any():
        return cell, 0
    degrees = 0.01
    while True:
        spots = np.round(np.column_stack([lat[known], lon[known]]) / degrees).astype(np.int64)
        unique, nums = np.unique(spots, axis=0, return_inverse=True)
        if len(unique) <= MAX_CELLS:
            cell[known] = nums.ravel()
            return cell, len(unique)
        degrees *= 1.5
