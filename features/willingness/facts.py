"""What does not change while willingness is learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.geography.positions import Positions
from features.profiles import has_profile
from features.willingness.config import LatentConfig
from features.willingness.distances import Distances
from features.willingness.exposure import Exposure
from features.willingness.offered import exposure
from features.willingness.own_signals import category_signals, own_signals
from recsys.dataset import Dataset
from recsys.regions import RegionTree


@dataclass(frozen=True)
class Facts:
    """What could be booked, from how far, and what is known of people.

    Attributes:
        offered: Past sessions and bookings.
        homes: Where people are, and how far from what could be booked.
        booking_band: (n_bookings,) row of the distance band, the last where unknown.
        mean_km: (n_bands,) mean distance in each band.
        segments: Memberships of users, see `segments`.
        category_signals: (n_categories, 2) see `features.willingness.own_signals`.
        signals: (n_users, n_categories, n_signals) see `features.willingness.own_signals`.
    """

    offered: Exposure
    homes: Distances
    booking_band: NDArray[np.int64]
    mean_km: NDArray[np.float64]
    segments: list[sparse.csr_array]
    signals: NDArray[np.float32]
    category_signals: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        dataset: Dataset,
        tree: RegionTree,
        places: Positions,
        config: LatentConfig,
        offered: Exposure | None = None,
    ) -> Facts:
        """The facts of a data set, and of what its users could have gone to where that is not to be read from it."""
        offered = exposure(dataset, config.history_weeks) if offered is None else offered
        homes = Distances.of(tree, places, offered)
        members = segments(dataset, tree, places, offered.age_group)
        signals = own_signals(dataset, offered.categories, members, config)
        liked = category_signals(dataset, offered.categories)
        return cls(offered, homes, homes.booking_bands(offered), homes.mean_km(), members, signals, liked)

    def some(self, n_users: int) -> Facts:
        """The same for users drawn evenly, at most `n_users`."""
        n_known = len(self.offered.cohorts.of_user)
        rows = np.arange(0, n_known, max(n_known // n_users, 1))
        place = np.full(n_known, -1)
        place[rows] = np.arange(len(rows))
        return replace(
            self,
            offered=self.offered.some(rows),
            homes=self.homes.some(place),
            booking_band=self.booking_band[place[self.offered.booking_user] >= 0],
            segments=[member[rows] for member in self.segments],
            signals=self.signals[rows],
        )


def segments(
    dataset: Dataset, tree: RegionTree, places: Positions, age_group: NDArray[np.int64]
) -> list[sparse.csr_array]:
    """Memberships of users in segments, each (n_users, n_levels).

    First whether they have a profile (`features.profiles`), then age, gender, and regions from the outermost down. Who
    only looks may have none; without a segment of their own such accounts, which never book, would make those look
    unwilling who leave one field empty.
    """
    gender = dataset.users["gender"].fillna("unknown").to_numpy(dtype=object)
    codes = [age_group, np.unique(gender.astype(str), return_inverse=True)[1]]
    told = has_profile(dataset.users)
    if told.any() and not told.all():
        codes.insert(0, told.astype(np.int64))
    for level in ("city", "county", "township", "village"):
        above = tree.ancestors_at(level)
        region = np.where(places.user_regions >= 0, above[np.maximum(places.user_regions, 0)], -1)
        if len(np.unique(region)) > 1:
            codes.append(np.unique(region, return_inverse=True)[1])
    rows = np.arange(len(gender))
    return [
        sparse.csr_array((np.ones(len(rows), dtype=np.float32), (rows, code)), shape=(len(rows), int(code.max()) + 1))
        for code in codes
        if len(rows)
    ]
