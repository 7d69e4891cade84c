"""What was on offer of late, by age and home: how often people could have done what they did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.geography.cells import Cells, cells_of
from features.signals.candidates.reach import CENTRES_KM, Reach, centre_places
from features.signals.known.groups import AGE_EDGES
from features.signals.known.lookup import SLOT_HOURS, WISH_LEVEL, Lookup
from features.signals.known.place import distance_km
from recsys.availability import ADULT_AGE, for_children
from recsys.dataset import Dataset
from recsys.instants import NEVER, NS_PER_DAY, nanoseconds

MOST_WEEKS = 52
"""Age of the oldest week that is looked back on."""

MOST_CELLS = 600
DAYS_A_WEEK = 7.0
N_HOURS = 4 * 24 // SLOT_HOURS
"""Parts of a workday and of a weekend's day, for all and for children."""


@dataclass(frozen=True)
class Offer:
    """Sessions held and weeks on offer, by key of `WISH_LEVEL`, in the weeks before an instant.

    Attributes:
        cells: Neighbourhoods.
        near: (n_ages + 1, n_cells + 1, n_keys) sessions held that people of an age may come to, each counting as much
            as its distance from the cell lets it; the last row of each is of the unknown.
        held: (n_weeks + 1, n_keys) share of those sessions that the last so many weeks held.
        weeks: (n_weeks + 1, n_keys) how many of the last so many weeks had something that could be booked.
        hours: (n_keys, N_HOURS) share of those sessions at each hour, see `hour_kinds`.
        category: (n_keys,) category row.
        is_for_children: (n_keys,) whether it is for children.
    """

    cells: Cells
    near: NDArray[np.float32]
    held: NDArray[np.float64]
    weeks: NDArray[np.float64]
    hours: NDArray[np.float64]
    category: NDArray[np.int64]
    is_for_children: NDArray[np.bool_]

    @property
    def n_weeks(self) -> int:
        """Weeks looked back on."""
        return len(self.weeks) - 1

    def seen_by(
        self, near: NDArray[np.float64], ages: NDArray[np.int64], days_known: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_users, n_keys) sessions held near home since people registered, and weeks in which there was something.

        Args:
            near: (n_users, 2) lat and lon of homes, NaN where unknown.
            ages: (n_users,) age group, -1 where unknown.
            days_known: (n_users,) days since they registered.
        """
        weeks = np.minimum(np.ceil(days_known / DAYS_A_WEEK), self.n_weeks).astype(np.int64)
        cells = self.cells.nearest(near[:, 0], near[:, 1])
        return self.near[ages, cells] * self.held[weeks], self.weeks[weeks]


def offer_of(
    dataset: Dataset,
    lookup: Lookup,
    at: pd.Timestamp,
    since_days: float,
    homes: NDArray[np.float64],
    venues: NDArray[np.float64],
    reach: Reach,
) -> Offer:
    """What was on offer since so many days before `at`, at most `MOST_WEEKS`.

    Args:
        dataset: What is known.
        lookup: Its activities and sessions.
        at: The instant.
        since_days: Age of the oldest event.
        homes: (n_users, 2) lat and lon of everybody's home or its region, NaN where unknown.
        venues: (n_venue_keys, 2) lat and lon, NaN where unknown.
        reach: How far people of each age go.
    """
    n_weeks = int(min(np.ceil(since_days / DAYS_A_WEEK), MOST_WEEKS))
    keys = lookup.of_sessions[WISH_LEVEL]
    n_keys = len(lookup.keys[WISH_LEVEL])
    held_days = (at.value - lookup.session_start) / NS_PER_DAY
    took_place = dataset.sessions["cancelled_at"].isna().to_numpy() & (keys >= 0)
    past = np.flatnonzero(took_place & (held_days > 0) & (held_days <= n_weeks * DAYS_A_WEEK))
    cells, _ = cells_of(homes[:, 0], homes[:, 1], MOST_CELLS)
    held = np.zeros((n_weeks + 1, n_keys))
    np.add.at(held, (np.ceil(held_days[past] / DAYS_A_WEEK).astype(np.int64), keys[past]), 1.0)
    total = np.maximum(held.sum(axis=0), 1.0)
    is_for_children, category = _described(lookup, dataset)
    hours = np.zeros((n_keys, N_HOURS))
    np.add.at(hours, (keys[past], hour_kinds(lookup, is_for_children)[past]), 1.0)
    return Offer(
        cells=cells,
        near=_near(dataset, lookup, past, cells, venues, reach, is_for_children),
        held=held.cumsum(axis=0) / total,
        weeks=_weeks(dataset, at, held_days, keys, took_place, (n_weeks, n_keys)),
        hours=hours / total[:, None],
        category=category,
        is_for_children=is_for_children,
    )


def _described(lookup: Lookup, dataset: Dataset) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """(n_keys,) whether a key is for children, and its category."""
    keys = lookup.activity_keys[WISH_LEVEL]
    n_keys = len(lookup.keys[WISH_LEVEL])
    is_for_children, category = np.zeros(n_keys, dtype=bool), np.full(n_keys, -1, dtype=np.int64)
    is_for_children[keys] = for_children(dataset.activities["max_age"])
    category[keys] = lookup.activity_keys["category"]
    return is_for_children, category


def _weeks(
    dataset: Dataset,
    at: pd.Timestamp,
    held_days: NDArray[np.float64],
    keys: NDArray[np.int64],
    took_place: NDArray[np.bool_],
    shape: tuple[int, int],
) -> NDArray[np.float64]:
    """(n_weeks + 1, n_keys): see `Offer.weeks`."""
    n_weeks, n_keys = shape
    opened = dataset.sessions["booking_opens_at"].fillna(dataset.sessions["published_at"])
    opens = nanoseconds(opened)
    open_days = np.where(opens == NEVER, np.inf, (at.value - opens) / NS_PER_DAY)
    first = np.maximum(np.floor(held_days / DAYS_A_WEEK), 0.0).astype(np.int64)
    end = np.clip(np.ceil(open_days / DAYS_A_WEEK), 0.0, n_weeks).astype(np.int64)
    some = np.flatnonzero(took_place & (first < end))
    open_now = np.zeros((n_weeks + 1, n_keys))
    np.add.at(open_now, (first[some], keys[some]), 1.0)
    np.add.at(open_now, (end[some], keys[some]), -1.0)
    is_open = open_now.cumsum(axis=0)[:n_weeks] > 0
    return np.vstack([np.zeros(n_keys), is_open.cumsum(axis=0)])


def _near(
    dataset: Dataset,
    lookup: Lookup,
    past: NDArray[np.int64],
    cells: Cells,
    venues: NDArray[np.float64],
    reach: Reach,
    is_for_children: NDArray[np.bool_],
) -> NDArray[np.float32]:
    """(n_ages + 1, n_cells + 1, n_keys): see `Offer.near`. Sessions without a place count 1 for everybody."""
    n_ages, n_cells, n_keys = len(AGE_EDGES), len(cells), len(lookup.keys[WISH_LEVEL])
    keys, venue = lookup.of_sessions[WISH_LEVEL][past], lookup.of_sessions["venue"][past]
    least = np.nan_to_num(dataset.activities["min_age"].to_numpy(dtype=np.float64))[lookup.session_activity[past]]
    # Children come with those who book for them.
    least = np.where(is_for_children[keys], 0.0, least)
    band = np.searchsorted(AGE_EDGES, least, side="right") - 1
    by_distance = distance_shares(cells, venues)
    found = np.zeros((n_ages + 1, n_cells + 1, n_keys))
    for one in np.unique(band):
        counts = np.zeros((len(venues) + 1, n_keys))
        np.add.at(counts, (venue[band == one], keys[band == one]), 1.0)
        placed, anywhere = counts[:-1], counts.sum(axis=0)
        is_placed = ~np.isnan(venues).any(axis=1)
        lone = anywhere - placed[is_placed].sum(axis=0)
        binned = (by_distance @ placed).reshape(len(CENTRES_KM), n_cells, n_keys)
        for age in [*range(one, n_ages), *([-1] if AGE_EDGES[one] < ADULT_AGE else [])]:
            left = np.exp(reach.decay[age])
            found[age, :n_cells] += np.tensordot(left, binned, axes=1) + lone
            found[age, n_cells] += anywhere
    return found.astype(np.float32)


def hour_kinds(lookup: Lookup, is_for_children: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n_sessions,) part of a workday or of a weekend's day, below `N_HOURS`; of those for children the latter half."""
    weekday, hour = np.divmod(lookup.session_slot, 24)
    keys = lookup.of_sessions[WISH_LEVEL]
    children = np.append(is_for_children, False)[keys]
    return (children * 2 + (weekday >= 5)) * (24 // SLOT_HOURS) + hour // SLOT_HOURS


def distance_shares(cells: Cells, venues: NDArray[np.float64]) -> sparse.csr_array:
    """(n_centres * n_cells, n_venues) share of each venue in the two distances of `CENTRES_KM` next to its own."""
    km = distance_km(cells.lat[:, None], cells.lon[:, None], venues[None, :, 0], venues[None, :, 1])
    cell, venue = np.nonzero(~np.isnan(km))
    below, share = centre_places(km[cell, venue])
    rows = np.concatenate([below, below + 1]) * len(cells) + np.tile(cell, 2)
    shape = (len(CENTRES_KM) * len(cells), len(venues))
    return sparse.coo_array((np.concatenate([1 - share, share]), (rows, np.tile(venue, 2))), shape=shape).tocsr()
