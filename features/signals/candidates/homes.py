"""Where the people of a key live: a place for candidates that have none, and a decay of distance that is learned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.geography.cells import Cells, cells_of
from features.signals.candidates.keys import KeyColumns
from features.signals.known.events import Events
from features.signals.known.lookup import LEARNER_LEVEL, Lookup, take_or_missing
from features.signals.known.place import distance_km

MAX_CELLS = 1500
NEAR_KM = 4.0
_PRIOR = 20.0


@dataclass(frozen=True)
class Homes:
    """Density of the homes of each key's people around cells of a grid, against that of all people.

    Attributes:
        cells: Where people live.
        lift: (n_cells, n_keys) log of the key's share of homes near the cell over everybody's; 0 without people.
        centre_lat: (n_keys,) mean home of the key's people, NaN without people.
        centre_lon: (n_keys,) the same.
    """

    cells: Cells
    lift: NDArray[np.float64]
    centre_lat: NDArray[np.float64]
    centre_lon: NDArray[np.float64]

    def lift_at(self, near: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_users, n_keys + 1) lift of each key around people's homes, 0 where a home is unknown and for no key."""
        return self._padded[self.cells.nearest(near[:, 0], near[:, 1])]

    def lift_of(self, cells: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_pairs,) lift of a key around a cell, NaN where either is -1."""
        n_cells, n_keys = self._padded.shape
        found = self._padded.ravel().take(cells % n_cells * n_keys + keys % n_keys)
        found[(cells < 0) | (keys < 0)] = np.nan
        return found

    @cached_property
    def _padded(self) -> NDArray[np.float32]:
        return np.pad(self.lift, ((0, 1), (0, 1))).astype(np.float32)


def homes_of(users: pd.DataFrame, everybody: Events, lookup: Lookup, columns: KeyColumns) -> Homes:
    """Homes of the people of each of the columns' keys; rows of `everybody` are those of `users`."""
    lat, lon = users["lat"].to_numpy(dtype=np.float64), users["lon"].to_numpy(dtype=np.float64)
    cells, cell = cells_of(lat, lon, MAX_CELLS)
    places = take_or_missing(columns.place_of_key, everybody.keys(lookup, LEARNER_LEVEL))
    shape = (len(users), len(columns.keys))
    member = everybody.matrix(np.where(everybody.is_taking, places, -1), shape, np.ones(len(places)))
    member.data[:] = 1.0
    known = cell >= 0
    coo = member.tocoo()
    homed = known[coo.row]
    counts = np.zeros((len(cells), shape[1]))
    np.add.at(counts, (cell[coo.row[homed]], coo.col[homed]), 1.0)
    near = np.exp(
        -distance_km(cells.lat[:, None], cells.lon[:, None], cells.lat[None, :], cells.lon[None, :]) / NEAR_KM
    )
    people = counts.sum(axis=0)
    everyone = counts.sum(axis=1)
    base = near @ everyone / max(everyone.sum(), 1.0) + 1e-9
    lift = np.log((near @ counts + _PRIOR * base[:, None]) / ((people + _PRIOR) * base[:, None]))
    with np.errstate(invalid="ignore", divide="ignore"):
        centre_lat, centre_lon = cells.lat @ counts / people, cells.lon @ counts / people
    return Homes(cells, lift, centre_lat, centre_lon)
