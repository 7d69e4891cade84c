"""People by where they live and their age: what is near them is told person by person, what is far together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.geography.borders import Borders
from features.geography.decay import BAND_EDGES_KM, band_of
from features.geography.positions import Positions
from features.willingness.exposure import Exposure
from recsys.regions import RegionTree
from recsys.sums import sums_by

SQUARE_DEGREES = 0.4
"""Side of the squares in which people are taken together: about 40 km."""

NEAR_KM = 60.0
"""Up to here everybody's own distance counts; beyond, the mean of the people of a square."""

N_BANDS = len(BAND_EDGES_KM)
"""Bands of distance, that of unknown ones included."""

MOST_PEOPLE = 2000
"""People of a block: what is worked out for them at once stays small."""


@dataclass(frozen=True)
class Block:
    """People of one cohort who live in one square.

    Attributes:
        people: (n_people,) user rows.
        cohort: Row of their cohort, see `features.willingness.ages.Cohorts`.
        square: Row of their square.
        near: (n_near,) columns of `Distances.venues` that are not far from the square.
        km: (n_people, n_near) distance, NaN where unknown.
        band: (n_people, n_near) see `features.geography.decay.band_of`; `N_BANDS` more across a border.
    """

    people: NDArray[np.int64]
    cohort: int
    square: int
    near: NDArray[np.int64]
    km: NDArray[np.float32]
    band: NDArray[np.int8]

    @property
    def across(self) -> NDArray[np.bool_]:
        """(n_people, n_near) a border lies between, see `features.geography.borders`."""
        return np.asarray(self.band >= N_BANDS)

    def some(self, place: NDArray[np.int64]) -> Block:
        """Those of the people who have a `place`, which is their new row."""
        kept = place[self.people] >= 0
        return replace(self, people=place[self.people[kept]], km=self.km[kept], band=self.band[kept])


@dataclass(frozen=True)
class Distances:
    """How far everybody is from every venue at which there was something to go to.

    Attributes:
        venues: (n_venues,) venue rows.
        blocks: The people.
        is_far: (n_squares, n_venues) beyond `NEAR_KM` from all people of the square, or alike for them all.
        far_km: (n_squares, n_venues) mean distance of a square's people, NaN where unknown, of no use where near.
        far_across: (n_squares, n_venues) share of them for whom a border lies between.
    """

    venues: NDArray[np.int64]
    blocks: tuple[Block, ...]
    is_far: NDArray[np.bool_]
    far_km: NDArray[np.float32]
    far_across: NDArray[np.float32]

    @classmethod
    def of(cls, tree: RegionTree, places: Positions, borders: Borders, offered: Exposure) -> Distances:
        """Those of a data set; distances are worked out for the people of one square at a time."""
        venues = np.unique(offered.venue[offered.venue < len(places.venues)])
        far, far_km, far_across, blocks = [], [], [], []
        for square, people in enumerate(_squares(places)):
            km, across = places.km(tree, people, venues), borders.across(people[:, None], venues)
            same = ((km == km[0]) | (np.isnan(km) & np.isnan(km[0]))) & (across == across[0])
            far.append((km > NEAR_KM).all(axis=0) | same.all(axis=0))
            far_km.append(km.mean(axis=0))
            far_across.append(across.mean(axis=0, dtype=np.float32))
            near = np.flatnonzero(~far[-1])
            cohort = offered.cohorts.of_user[people]
            for one in np.unique(cohort):
                rows = np.flatnonzero(cohort == one)
                for some in np.array_split(rows, -(-len(rows) // MOST_PEOPLE)):
                    own = np.ix_(some, near)
                    band = band_of(km[own]) + np.int8(N_BANDS) * across[own]
                    blocks.append(Block(people[some], int(one), square, near, km[own], band))
        shape = (len(far), len(venues))
        is_far = np.array(far, dtype=bool).reshape(shape)
        mean_km, share = (np.array(each, dtype=np.float32).reshape(shape) for each in (far_km, far_across))
        return cls(venues, tuple(blocks), is_far, mean_km, share)

    def some(self, place: NDArray[np.int64]) -> Distances:
        """The same for those users who have a `place`, which is their new row."""
        blocks = (block.some(place) for block in self.blocks)
        return replace(self, blocks=tuple(block for block in blocks if len(block.people)))

    @cached_property
    def far_band(self) -> NDArray[np.int64]:
        """(n_squares, n_venues) band of `far_km`; number of bands where the venue is near."""
        return np.where(self.is_far, band_of(self.far_km), N_BANDS).astype(np.int64)

    def by_band(self, of_square: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(2, N_BANDS) sums of (n_squares, n_venues) figures where far, within borders and across."""
        parts = (of_square * (1 - self.far_across), of_square * self.far_across)
        return np.stack([sums_by(self.far_band.ravel(), one.ravel(), N_BANDS + 1)[:-1] for one in parts])

    def columns(self, venue: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n,) columns of venue rows that are among `venues`; number of `venues` for others."""
        at = np.searchsorted(self.venues, venue)
        return np.where(np.append(self.venues, -1)[at] == venue, at, len(self.venues))

    def mean_km(self) -> NDArray[np.float64]:
        """(n_bands,) mean distance of people and venues in each band."""
        n, total = np.zeros((2, N_BANDS))
        in_square = np.zeros(len(self.far_km))
        for block in self.blocks:
            band = block.band.ravel() % N_BANDS
            n += np.bincount(band, minlength=N_BANDS)
            total += sums_by(band, np.nan_to_num(block.km).ravel(), N_BANDS)
            in_square[block.square] += len(block.people)
        people = np.broadcast_to(in_square[:, None], self.far_km.shape)
        n += self.by_band(people).sum(axis=0)
        total += self.by_band(people * np.nan_to_num(self.far_km)).sum(axis=0)
        return np.asarray(total / np.maximum(n, 1))

    def booking_bands(self, borders: Borders, offered: Exposure) -> NDArray[np.int64]:
        """(n_bookings,) distance band of each booking, `N_BANDS` more across a border; the last where unknown."""
        column, no_place = self.columns(offered.venue)[offered.booking_session], N_BANDS - 1
        bands = np.full(len(column), no_place)
        block_of, person = np.zeros((2, len(offered.cohorts.of_user)), dtype=np.int64)
        for num, block in enumerate(self.blocks):
            block_of[block.people], person[block.people] = num, np.arange(len(block.people))
        booked_in = block_of[offered.booking_user]
        order = np.argsort(booked_in, kind="stable")
        first = np.searchsorted(booked_in[order], np.arange(1, len(self.blocks)))
        for block, rows in zip(self.blocks, np.split(order, first), strict=False):
            bands[rows] = np.append(self.far_band[block.square], no_place)[column[rows]]
            place = np.full(len(self.venues) + 1, -1)
            place[block.near] = np.arange(len(block.near))
            near = rows[place[column[rows]] >= 0]
            bands[near] = block.band[person[offered.booking_user[near]], place[column[near]]] % N_BANDS
        placed = np.flatnonzero(column < len(self.venues))
        bands[placed] += N_BANDS * borders.across(offered.booking_user[placed], self.venues[column[placed]])
        return bands


def _squares(places: Positions) -> list[NDArray[np.int64]]:
    """User rows of each square; who has no coordinates is with those of the same region."""
    corner = np.floor(places.users / SQUARE_DEGREES)
    lost = np.asarray(~np.isfinite(corner).all(axis=1))
    key = np.where(lost[:, None], np.column_stack([np.full(len(lost), np.inf), places.user_regions]), corner)
    square = np.unique(key, axis=0, return_inverse=True)[1].ravel()
    order = np.argsort(square, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(square[order])) + 1) if len(order) else []
