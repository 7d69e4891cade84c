"""Cells of a grid with people in them: what is worked out for a neighbourhood, not for every home."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

_FINEST_DEGREES = 0.01


@dataclass(frozen=True)
class Cells:
    """Cells by where their people live.

    Attributes:
        lat: (n_cells,) mean home of the cell's people.
        lon: (n_cells,) the same.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.lat)

    def nearest(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.int64]:
        """(n,) nearest cell of each place, -1 where it is unknown or there are no cells."""
        nums = np.full(len(lat), -1, dtype=np.int64)
        known = ~np.isnan(lat) & ~np.isnan(lon)
        if len(self) and known.any():
            nums[known] = self._tree.query(_on_sphere(lat[known], lon[known]))[1]
        return nums

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(_on_sphere(self.lat, self.lon))


def cells_of(lat: NDArray[np.float64], lon: NDArray[np.float64], most: int) -> tuple[Cells, NDArray[np.int64]]:
    """Cells with people, which grow until there are at most `most`, and each home's, -1 where it is unknown."""
    cell = np.full(len(lat), -1, dtype=np.int64)
    known = ~np.isnan(lat) & ~np.isnan(lon)
    if not known.any():
        return Cells(np.zeros(0), np.zeros(0)), cell
    degrees = _FINEST_DEGREES
    while True:
        spots = np.round(np.column_stack([lat[known], lon[known]]) / degrees).astype(np.int64)
        unique, nums = np.unique(spots, axis=0, return_inverse=True)
        if len(unique) <= most:
            break
        degrees *= 1.5
    nums = cell[known] = nums.ravel()
    sizes = np.maximum(np.bincount(nums, minlength=len(unique)), 1)
    means = [np.bincount(nums, values[known], minlength=len(unique)) / sizes for values in (lat, lon)]
    return Cells(means[0], means[1]), cell


def _on_sphere(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 3) points of the unit sphere: what is nearest there is nearest on the ground."""
    phi, turn = np.radians(lat), np.radians(lon)
    return np.column_stack([np.cos(phi) * np.cos(turn), np.cos(phi) * np.sin(turn), np.sin(phi)])
