"""Goes through the weeks: what each person could reach, and who would be expected where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from features.geography.decay import DistanceDecay
from features.willingness.ages import AGE_GROUPS
from features.willingness.distances import N_BANDS, Distances
from features.willingness.exposure import Exposure
from recsys.openings.learned.saturation import Saturation
from recsys.sums import sums_by


@dataclass(frozen=True)
class Walk:
    """Sums over the weeks.

    Attributes:
        exposed: (n_users, n_categories) people booked for at rate 1.
        at_reach_one: (2, N_BANDS) people expected in each distance band, within borders and across, if neither
            distance nor borders were anything.
        expected: (n_age_groups, n_sessions) expected people.
    """

    exposed: NDArray[np.float32]
    at_reach_one: NDArray[np.float64]
    expected: NDArray[np.float64]


@dataclass(frozen=True)
class Programme:
    """The access that past sessions give next door, by place and by category in each week.

    There are n_venues + 1 places, the last being none.

    Attributes:
        place: (n_sessions,) row of `Distances.venues`; their number for sessions without a place.
        column: (n_sessions,) week times n_categories plus category.
        season: (n_weeks, n_categories) what is wanted.
    """

    place: NDArray[np.int64]
    column: NDArray[np.int64]
    season: NDArray[np.float32]

    @classmethod
    def of(cls, offered: Exposure, homes: Distances, season: NDArray[np.float64]) -> Programme:
        """That of what was offered, with `season` (n_categories, n_weeks)."""
        column = offered.week * len(offered.categories) + offered.category
        return cls(homes.columns(offered.venue), column, season.T.astype(np.float32))

    def offer(self, weight: NDArray[np.float64], n_venues: int) -> NDArray[np.float32]:
        """(n_venues + 1, n_weeks * n_categories) access that the sessions of each place and column give next door."""
        shape = (n_venues + 1, self.season.size)
        flat = sums_by(self.place * shape[1] + self.column, weight, shape[0] * shape[1])
        return flat.reshape(shape).astype(np.float32)

    def used(
        self, access: NDArray[np.float32], first_week: NDArray[np.int64], saturation: Saturation
    ) -> NDArray[np.float32]:
        """(n_people, n_weeks, n_categories) interest used up by those who were registered in the week."""
        used = saturation.used(access).reshape(len(access), *self.season.shape) * self.season
        return np.asarray(used * (first_week[:, None] <= np.arange(len(self.season)))[:, :, None], dtype=np.float32)


def walk(
    offered: Exposure,
    homes: Distances,
    decay: DistanceDecay,
    weight: NDArray[np.float64],
    season: NDArray[np.float64],
    saturation: Saturation,
    rate: NDArray[np.float32] | None = None,
) -> Walk:
    """Exposure of people, and with rates also expected counts (else 0).

    All weeks of the people of one cohort and square are worked out at once. What is far from a square gives all of
    its people the same access.

    Args:
        offered: Past sessions.
        homes: Where people are.
        decay: Willingness by distance.
        weight: (n_cohorts, n_sessions) access that each session gives next door.
        season: (n_categories, n_weeks) what is wanted.
        saturation: How interest is used up.
        rate: (n_users, n_categories).
    """
    programme, n_venues = Programme.of(offered, homes, season), len(homes.venues)
    far = decay.reach(homes.far_km, homes.far_across) * homes.is_far
    far = np.column_stack([far, np.full(len(far), decay.unknown, dtype=np.float32)])
    exposed = np.zeros((len(offered.cohorts.of_user), len(offered.categories)), dtype=np.float32)
    at_one = np.zeros((2, N_BANDS))
    expected = np.zeros((len(AGE_GROUPS), len(offered.week)))
    for cohort, group in enumerate(offered.cohorts.age_group):
        offer = programme.offer(weight[cohort], n_venues)
        at_place, beyond, drawn = np.zeros_like(offer), far @ offer, np.zeros((len(far), offer.shape[1]), np.float32)
        for block in (block for block in homes.blocks if block.cohort == cohort):
            near, here = decay.reach(block.km, block.across), offer[block.near]
            access = near @ here + beyond[block.square]
            used = programme.used(access, offered.first_week[block.people], saturation)
            exposed[block.people] = used.sum(axis=1)
            if rate is not None:
                share = (rate[block.people][:, None, :] * used).reshape(access.shape) / np.maximum(access, 1e-9)
                at_place[block.near] += near.T @ share
                drawn[block.square] += share.sum(axis=0)
                at_one += sums_by(block.band.ravel(), (share @ here.T).ravel(), at_one.size).reshape(at_one.shape)
        if rate is not None:
            at_place += far.T @ drawn
            at_one += homes.by_band(drawn @ offer[:-1].T)
            expected[group] += at_place[programme.place, programme.column] * weight[cohort]
    return Walk(exposed, at_one, expected)


def turned_away(
    asked: NDArray[np.float64], full: NDArray[np.bool_], capacity: NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_sessions,) factor from people who asked to people who wanted to come, where waiting lists are not kept.

    Where all places are taken, the Poisson mean above the capacity given what was expected, at most thrice as many.
    """
    limit = np.where(full, capacity, 0.0)
    mean = np.clip(expected, 1e-6, 3.0 * np.maximum(limit, 1.0))
    tail = poisson.sf(limit - 1, mean)
    wanted = mean * poisson.sf(limit - 2, mean) / np.maximum(tail, 1e-12)
    factor = np.where(full & (tail > 1e-9), np.maximum(wanted, asked) / np.maximum(asked, 1.0), 1.0)
    return np.clip(factor, 1.0, 3.0)
