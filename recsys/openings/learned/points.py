"""What people are to one venue or one hour, point by point: laid out for reading once it is asked for, then kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Numbers = TypeVar("Numbers", bound=NDArray[np.generic])

DISTANCES_KM = (1.0, 2.0, 3.0, 5.0, 10.0, 20.0)
"""Upper ends of the bands in which distances are told."""


@dataclass(frozen=True)
class ByAge:
    """Points in the order of their age groups: what depends on the group is a matrix product for each.

    Attributes:
        order: (n_points,) rows of points.
        groups: Of each age group its part of `order`.
        reach: (n_points, n_venues) willingness by distance, in that order.
    """

    order: NDArray[np.int64]
    groups: tuple[slice, ...]
    reach: NDArray[np.float32]


class Points:
    """Columns of arrays by point: of row-major ones they are slow to read again and again.

    Once everything was asked for they hold 13 bytes a point and venue in each process, and 4 a point and slot.

    Args:
        reach: These and the rest as in `recsys.openings.learned.inputs.OpeningInputs`.
        km: In which NaN is unknown.
        age_group: (n_points,) rows of `slot_fit`.
        slot_fit: Of age groups.
    """

    def __init__(
        self,
        reach: NDArray[np.float32],
        km: NDArray[np.float16],
        age_group: NDArray[np.int64],
        slot_fit: NDArray[np.float32],
    ) -> None:
        self._reach, self._km, self._age_group, self._slot_fit = reach, km, age_group, slot_fit
        self._kept: dict[tuple[str, int], Any] = {}

    def reach(self, venue: int) -> NDArray[np.float32]:
        """(n_points,) willingness by distance to a venue."""
        return self._of("reach", venue, lambda: np.ascontiguousarray(self._reach[:, venue]))

    def fit(self, slot: int) -> NDArray[np.float32]:
        """(n_points,) fit of a slot."""
        return self._of("fit", slot, lambda: self._slot_fit[:, slot][self._age_group])

    @cached_property
    def by_age(self) -> ByAge:
        """Points by age group."""
        order = np.argsort(self._age_group, kind="stable")
        ends = np.searchsorted(self._age_group[order], np.arange(len(self._slot_fit) + 1)).tolist()
        return ByAge(order, tuple(slice(*pair) for pair in itertools.pairwise(ends)), self._reach[order])

    def tenths(self, venue: int) -> NDArray[np.int32]:
        """(n_points,) distance to a venue in tenths of a kilometre, and one more; 0 where it is unknown."""
        return self._of("tenths", venue, lambda: _in_tenths(self._km[:, venue].astype(np.float64)))

    def band(self, venue: int) -> NDArray[np.int8]:
        """(n_points,) row of `DISTANCES_KM`; beyond them one for what is farther, and one for what is unknown."""
        return self._of("band", venue, lambda: _in_bands(self._km[:, venue].astype(np.float64)))

    def _of(self, what: str, num: int, make: Callable[[], Numbers]) -> Numbers:
        if (what, num) not in self._kept:
            self._kept[what, num] = make()
        kept: Numbers = self._kept[what, num]
        return kept


def _in_tenths(km: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.where(np.isfinite(km), np.rint(10 * np.nan_to_num(km)) + 1, 0).astype(np.int32)


def _in_bands(km: NDArray[np.float64]) -> NDArray[np.int8]:
    band = np.searchsorted(DISTANCES_KM, np.nan_to_num(km))
    return np.where(np.isfinite(km), band, len(DISTANCES_KM) + 1).astype(np.int8)
