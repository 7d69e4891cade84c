"""What runs now gives people, and what a class brings beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.openings.running import RunningClasses
from features.willingness.ages import AGE_GROUPS
from features.willingness.fit import Willingness
from recsys.openings.learned.saturation import Saturation


@dataclass(frozen=True)
class Beside:
    """What runs now gives each person, and what a class at a mean time brings beside it.

    Attributes:
        access: See `access_now`.
        used: See `access_now`.
        group_gain: See `gain_by_group`.
        group_bend: See `gain_by_group`.
    """

    access: NDArray[np.float32]
    used: NDArray[np.float32]
    group_gain: NDArray[np.float32]
    group_bend: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        rate: NDArray[np.float32],
        reach: NDArray[np.float32],
        slot_fit: NDArray[np.float32],
        now: RunningClasses,
        learned: Willingness,
    ) -> Beside:
        """From (n_users, n_categories) rates, (n_users, n_venues) reach and (n_age_groups, n_slots) fit of slots."""
        age_group = learned.exposure.age_group
        usual = usual_access(reach, slot_fit, age_group)
        access, used = access_now(reach, now.by_week, age_group, learned.saturation, usual)
        return cls(access, used, *gain_by_group(rate, reach, access, age_group, learned.saturation))


def usual_access(
    reach: NDArray[np.float32], slot_fit: NDArray[np.float32], age_group: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n_users,) access that a class gives to each, classes counted by what they give.

    Args:
        reach: (n_users, n_venues).
        slot_fit: (n_age_groups, n_slots).
        age_group: (n_users,).
    """
    by_hour = np.square(slot_fit).sum(axis=1) / np.maximum(slot_fit.sum(axis=1), np.float32(1e-12))
    by_venue = np.einsum("uv,uv->u", reach, reach) / np.maximum(reach.sum(axis=1), np.float32(1e-12))
    return np.asarray(by_venue * by_hour[age_group], dtype=np.float32)


def access_now(
    reach: NDArray[np.float32],
    by_week: NDArray[np.float64],
    age_group: NDArray[np.int64],
    saturation: Saturation,
    usual: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n_users, n_categories) access to what runs now, and the interest that it uses up in the mean of the weeks.

    The access is that beside which a usual class is worth what it is in the mean of the weeks, not the mean access: in
    a week in which nothing is on, a new class takes from nothing.

    Args:
        reach: (n_users, n_venues).
        by_week: See `RunningClasses`.
        age_group: (n_users,).
        saturation: How interest is used up.
        usual: (n_users,) access that a usual class gives.
    """
    shape, share = (len(reach), by_week.shape[2]), np.float32(1 / len(by_week))
    gain, used = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for group in range(len(AGE_GROUPS)):
        mine = age_group == group
        near, given = reach[mine], usual[mine, None]
        for one in by_week[:, group]:
            access = near @ one.T.astype(np.float32)
            gain[mine] += saturation.gain(access, given) * share
            used[mine] += saturation.used(access) * share
    return saturation.access_at(gain, usual[:, None]), used


def gain_by_group(
    rate: NDArray[np.float32],
    reach: NDArray[np.float32],
    access: NDArray[np.float32],
    age_group: NDArray[np.int64],
    saturation: Saturation,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n_age_groups, n_categories, n_venues) gain of a class to first order, and its bend; see `OpeningInputs`.

    The bend is the mean of people's own, each counted by what they would be drawn.

    Args:
        rate: (n_users, n_categories).
        reach: (n_users, n_venues).
        access: (n_users, n_categories) to what runs now.
        age_group: (n_users,).
        saturation: How interest is used up.
    """
    shape = (len(AGE_GROUPS), rate.shape[1], reach.shape[1])
    gain, bend = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for group in range(len(AGE_GROUPS)):
        mine = age_group == group
        left, near = rate[mine] * saturation.slope(access[mine]), reach[mine]
        gain[group] = left.T @ near
        used = (left * saturation.bend(access[mine])).T @ np.square(near)
        bend[group] = used / np.maximum(gain[group], np.float32(1e-12))
    return gain, bend
