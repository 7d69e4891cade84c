"""Whom sessions reach: what people of each age want of them, by how far they live from the venue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.geography.cells import Cells
from features.signals.candidates.offer import distance_shares
from features.signals.candidates.reach import CENTRES_KM
from features.signals.catalogue import Catalogue
from features.signals.known.groups import AGE_EDGES
from features.signals.known.lookup import WISH_LEVEL, take_or_missing
from recsys.availability import ADULT_AGE
from recsys.ids import IdMap

N_AGES = len(AGE_EDGES)
NO_DISTANCE = len(CENTRES_KM)
"""Column of what has no distance: a session without a place, or a person whose home is unknown."""


def people_reached(
    wanted: NDArray[np.float32], keys: IdMap, cells: Cells, catalogue: Catalogue, sessions: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n_ages + 1, n_centres + 1, n_sessions) what people of an age want of a session's key, by distance to its venue.

    0 for ages that may not come.

    Args:
        wanted: (n_ages + 1, n_cells + 1, n_keys) what all people of an age in a neighbourhood want together; the last
            row of each is of the unknown.
        keys: Their ids of `WISH_LEVEL`.
        cells: Neighbourhoods.
        catalogue: Where venues are.
        sessions: (n_sessions,) session row.
    """
    lookup = catalogue.lookup
    columns = keys.nums_or_missing(lookup.keys[WISH_LEVEL].ids)
    of_sessions = take_or_missing(columns, lookup.of_sessions[WISH_LEVEL][sessions])
    venues = lookup.of_sessions["venue"][sessions]
    spots = np.column_stack([catalogue.venue_lat, catalogue.venue_lon])
    n_keys = wanted.shape[2] + 1
    pairs, of_session = np.unique((venues + 1) * n_keys + of_sessions + 1, return_inverse=True)
    venue, key = np.divmod(pairs, n_keys)
    venue, key = venue - 1, key - 1
    padded = np.pad(wanted, ((0, 0), (0, 0), (0, 1)))
    placed = np.append(~np.isnan(spots).any(axis=1), False)[venue]
    shares = distance_shares(cells, spots)
    found = np.zeros((N_AGES + 1, NO_DISTANCE + 1, len(pairs)), dtype=np.float32)
    for age, people in enumerate(padded):
        everywhere, homeless = people.sum(axis=0), people[-1]
        found[age, NO_DISTANCE] = np.where(placed, homeless[key], everywhere[key])
        for centre in range(NO_DISTANCE):
            near = shares[centre * len(cells) : (centre + 1) * len(cells)].T @ people[:-1]
            found[age, centre, placed] = near[venue[placed], key[placed]]
    return found[:, :, of_session] * _may_come(catalogue, sessions)[:, None, :]


def _may_come(catalogue: Catalogue, sessions: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n_ages + 1, n_sessions) 1 where people of the age may come; children come with those who book for them."""
    keys = catalogue.lookup.of_sessions[WISH_LEVEL][sessions]
    least = np.where(catalogue.offer.is_for_children[keys], 0.0, catalogue.least_ages[sessions])
    oldest = np.append(np.append(AGE_EDGES[1:], np.inf), ADULT_AGE)
    return (oldest[:, None] > least).astype(np.float32)
