"""What does not change while willingness is learned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.geography.borders import Borders
from features.geography.positions import Positions
from features.profiles import has_profile
from features.willingness.config import LatentConfig
from features.willingness.distances import Distances
from features.willingness.exposure import Exposure
from features.willingness.offered import exposure
from features.willingness.own_signals import category_signals, own_signals
from features.willingness.people import alike
from recsys.dataset import Dataset
from recsys.regions import RegionTree


@dataclass(frozen=True)
class Facts:
    """What could be booked, from how far, and what is known of people.

    Attributes:
        offered: Past sessions and bookings.
        homes: Where people are, and how far from what could be booked.
        booking_band: (n_bookings,) see `Distances.booking_bands`.
        mean_km: (n_bands,) mean distance in each band.
        segments: Memberships of users, see `segments` and `home_segments`.
        strengths: Of each, (n_levels, 1 + n_categories) bookings that its own figures must outweigh, in all and in each
            category.
        category_signals: (n_categories, 2) see `features.willingness.own_signals`.
        signals: (n_users, n_categories, n_signals) see `features.willingness.own_signals`.
    """

    offered: Exposure
    homes: Distances
    booking_band: NDArray[np.int64]
    mean_km: NDArray[np.float64]
    segments: list[sparse.csr_array]
    strengths: list[NDArray[np.float64]]
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
        borders = Borders.of(tree, places)
        homes = Distances.of(tree, places, borders, offered)
        bands = homes.booking_bands(borders, offered)
        people, homes_of = segments(dataset, offered.age_group), home_segments(tree, places)
        firm = alike(people, len(offered.categories), config.factor_strength)
        firm += [home_strengths(member, offered, config) for member in homes_of]
        members = people + homes_of
        signals = own_signals(dataset, offered.categories, members, config)
        liked = category_signals(dataset, offered.categories)
        return cls(offered, homes, bands, homes.mean_km(), members, firm, signals, liked)

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


def segments(dataset: Dataset, age_group: NDArray[np.int64]) -> list[sparse.csr_array]:
    """Memberships of users in segments of people, each (n_users, n_levels).

    First whether they have a profile (`features.profiles`), then age and gender. Who only looks may have none; without
    a segment of their own such accounts, which never book, would make those look unwilling who leave one field empty.
    """
    gender = dataset.users["gender"].fillna("unknown").to_numpy(dtype=object)
    codes = [age_group, np.unique(gender.astype(str), return_inverse=True)[1]]
    told = has_profile(dataset.users)
    if told.any() and not told.all():
        codes.insert(0, told.astype(np.int64))
    return [_memberships(code) for code in codes if len(gender)]


def home_segments(tree: RegionTree, places: Positions) -> list[sparse.csr_array]:
    """The same of the regions in which they live, from the outermost down, but for levels that tell nobody apart."""
    known, row = places.user_regions >= 0, np.maximum(places.user_regions, 0)
    found = []
    for level in ("city", "county", "township", "village"):
        names, code = np.unique(np.where(known, tree.ancestors_at(level)[row], -1), return_inverse=True)
        if len(names) > 1:
            found.append(_memberships(code))
    return found


def _memberships(code: NDArray[np.int64]) -> sparse.csr_array:
    """(n_users, n_levels) of one code a user."""
    ones = np.ones(len(code), dtype=np.float32)
    return sparse.csr_array((ones, (np.arange(len(code)), code)), shape=(len(code), int(code.max()) + 1))


def home_strengths(member: sparse.csr_array, offered: Exposure, config: LatentConfig) -> NDArray[np.float64]:
    """(n_levels, 1 + n_categories) bookings that regions' own figures must outweigh, in all and in each category.

    What people of a region booked carries the luck of the few courses near it: of a category with one course a thousand
    bookings say no more of the region than one course does. So the variance of that luck adds to that of a count, as in
    a sample of clusters (Kish 1965, Survey Sampling, 5.4).
    """
    return np.asarray(config.place_strength * (1 + config.course_luck * _bunched(member, offered)))


def _bunched(member: sparse.csr_array, offered: Exposure) -> NDArray[np.float64]:
    """(n_levels, 1 + n_categories) bookings of a course beside a booking, in the mean over bookings."""
    category = np.zeros(int(offered.course.max(initial=0)) + 1, dtype=np.int64)
    category[offered.course] = offered.category
    level, course = member.indices[offered.booking_user], offered.course[offered.booking_session]
    pairs, place = np.unique(level * len(category) + course, return_inverse=True)
    people = np.bincount(place, offered.people, len(pairs))
    level, category = pairs // len(category), category[pairs % len(category)]
    shape = (member.shape[1], len(offered.categories))
    squares, sums = (
        np.bincount(level * shape[1] + category, values, shape[0] * shape[1]).reshape(shape)
        for values in (people**2, people)
    )
    squares, sums = (np.column_stack([one.sum(axis=1), one]) for one in (squares, sums))
    return np.asarray(squares / np.maximum(sums, 1e-9))
