"""Which venues share their people: who goes to one could have gone to another nearby."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.geography.cells import cells_of
from features.geography.decay import PRIOR_DECAY
from features.geography.positions import Positions, positions
from recsys.dataset import Dataset
from recsys.regions import RegionTree

_MOST_CELLS = 2_000
_LEAST_REACH = 0.02
"""Who would come that rarely is not counted among a venue's people."""


@dataclass(frozen=True)
class VenuePeople:
    """People near venues by row; the last row is of sessions without a venue, which are open to all.

    Attributes:
        reached: (n + 1,) people, each counted as far as they would come.
        overlap: (n + 1, n + 1) how much likelier who goes to one venue is to be of the people of another, over people
            at large; 1 with what is open to all.
    """

    reached: NDArray[np.float64]
    overlap: sparse.csr_array


def venue_people(dataset: Dataset, tree: RegionTree, venue_ids: NDArray[np.object_]) -> VenuePeople:
    """People near venues of these ids, and how far venues share them.

    A venue's people are weighed by how readily they come from where they live, by the decay that is believed of any
    place (Huff 1964, Journal of Marketing 28(3), on trade areas that overlap). Where no home is known people are taken
    to live about the venues. A venue that has no place is as near to everybody.
    """
    people, homes = _people(positions(dataset, tree))
    rows = pd.Index(dataset.venues["venue_id"]).get_indexer(pd.Index(venue_ids))
    km = np.full((len(people), len(rows)), np.nan, dtype=np.float32)
    km[:, rows >= 0] = homes.km(tree, venues=rows[rows >= 0])
    reach = np.column_stack([PRIOR_DECAY.reach(km), np.ones(len(people))]).astype(np.float64)
    reach[reach < _LEAST_REACH] = 0.0
    reached = people @ reach
    share = sparse.csr_array(reach / np.where(reached > 0, reached, 1.0))
    return VenuePeople(reached, sparse.csr_array(share.T @ (share * people[:, None])) * float(people.sum()))


def _people(places: Positions) -> tuple[NDArray[np.float64], Positions]:
    """(n_cells,) people of each neighbourhood, and these as the users of places."""
    for spots in (places.users, places.venues):
        cells, cell = cells_of(spots[:, 0], spots[:, 1], _MOST_CELLS)
        if len(cells):
            people = np.bincount(cell[cell >= 0], minlength=len(cells)).astype(np.float64)
            homes = np.column_stack([cells.lat, cells.lon])
            return people, replace(places, users=homes, user_regions=np.full(len(cells), -1, dtype=np.int64))
    return np.ones(1), replace(places, users=np.full((1, 2), np.nan), user_regions=np.full(1, -1, dtype=np.int64))
