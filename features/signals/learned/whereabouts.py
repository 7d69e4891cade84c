"""What distances leave to people who gave no home: where they may live is told by where they booked.

A home is believed to lie in a neighbourhood by how much people there want, times the chance that the person's bookings
are at the venues where they are, given how far people go (Bayes). Without a booking it may lie wherever people live: a
venue amid many is near to more of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.signals.catalogue import Catalogue
from features.signals.learned.pull import FromCells, Pull
from features.signals.learned.reached import NO_DISTANCE
from features.signals.people import UserBlock
from recsys.products import row_products

_LEAST = 1e-9


@dataclass(frozen=True)
class Whereabouts:
    """What distances leave to the people of a block without a known home.

    Attributes:
        place: (n_users,) row in `left`, -1 for people with a known home.
        venue: (n_candidates,) column in `left`, -1 for what has no place.
        left: (n_unknown, n_venues) in logarithms, over all venues as much as what has no distance.
    """

    place: NDArray[np.int64]
    venue: NDArray[np.int64]
    left: NDArray[np.float64]

    def of_pairs(
        self, rows: NDArray[np.int64], cols: NDArray[np.int64], otherwise: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n_pairs,) what the distance leaves, `otherwise` for people with a known home and for what has no place."""
        if not len(self.left):
            return otherwise
        place, venue = self.place[rows], self.venue[cols]
        return np.where((place >= 0) & (venue >= 0), self.left[place, venue], otherwise)


def whereabouts(pull: Pull, catalogue: Catalogue, block: UserBlock) -> Whereabouts:
    """What distances leave to people without a known home."""
    here = pull.candidates(catalogue).from_cells
    rows = np.flatnonzero(np.isnan(block.near).any(axis=1))
    venue = catalogue.lookup.of_sessions["venue"][catalogue.session_nums]
    is_placed = ~np.isnan(catalogue.places.lat) & ~np.isnan(np.append(catalogue.venue_lat, np.nan)[venue])
    place = np.full(len(block), -1, dtype=np.int64)
    if not here.held.any() or not here.living.any():
        rows = rows[:0]
    place[rows] = np.arange(len(rows))
    left = np.zeros((len(rows), len(here.held)))
    ages, booked = block.profiles.groups["age"][rows], _booked(catalogue, block, place, left.shape)
    for age in np.unique(ages):
        left[ages == age] = _left(here, age, booked[ages == age]) + pull.decay[age, NO_DISTANCE]
    return Whereabouts(place, np.where(is_placed, venue, -1), left)


def _booked(
    catalogue: Catalogue, block: UserBlock, place: NDArray[np.int64], shape: tuple[int, int]
) -> NDArray[np.float64]:
    """(n_unknown, n_venues) bookings."""
    theirs = block.events.only(place[block.events.rows] >= 0)
    venues = theirs.keys(catalogue.lookup, "venue")
    return replace(theirs, rows=place[theirs.rows]).table(venues, shape, np.ones(len(venues)))


def _left(here: FromCells, age: int, booked: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_people, n_venues) log of what distances leave to people of an age, over what they leave to all of them."""
    left = here.left[age].astype(np.float64)
    chance = left / np.maximum(left @ here.held, _LEAST)[:, None]
    logs = np.log(np.maximum(here.living, _LEAST)) + row_products(booked, np.log(np.maximum(chance.T, _LEAST)))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    usual = here.living @ left @ here.held
    return np.log(np.maximum(row_products(weights, left), _LEAST) / max(usual, _LEAST))
