"""Goes through the weeks: what each person could reach, and who would be expected where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from features.openings.exposure import AGE_GROUPS, Exposure
from recsys.openings.saturation import Saturation


@dataclass(frozen=True)
class Walk:
    """Sums over the weeks.

    Attributes:
        exposed: (n_users, n_categories) people booked for at rate 1.
        at_reach_one: (n_users, n_venues) expected people if distance were nothing.
        expected: (n_age_groups, n_sessions) expected people.
    """

    exposed: NDArray[np.float32]
    at_reach_one: NDArray[np.float32]
    expected: NDArray[np.float64]


def walk(
    offered: Exposure,
    reach: NDArray[np.float32],
    weight: NDArray[np.float64],
    season: NDArray[np.float64],
    saturation: Saturation,
    rate: NDArray[np.float32] | None = None,
) -> Walk:
    """Exposure of people, and with rates also expected counts (else 0).

    Args:
        offered: Past sessions.
        reach: (n_users, n_venues + 1) willingness by distance.
        weight: (n_age_groups, n_sessions) pull of each session next door.
        season: (n_categories, n_weeks) what is wanted.
        saturation: How interest is used up.
        rate: (n_users, n_categories).
    """
    o, (n_users, n_places), n_categories = offered, reach.shape, len(offered.categories)
    exposed = np.zeros((n_users, n_categories), dtype=np.float32)
    at_one = np.zeros((n_users, n_places - 1), dtype=np.float32)
    expected = np.zeros((len(AGE_GROUPS), len(o.week)))
    groups = [np.flatnonzero(o.age_group == g) for g in range(len(AGE_GROUPS))]
    order = np.argsort(o.week, kind="stable")
    for rows in np.split(order, np.searchsorted(o.week[order], np.arange(1, max(o.n_weeks, 1)))):
        for g, group in enumerate(groups):
            people = group[o.first_week[group] <= o.week[rows[0]]] if len(rows) else group[:0]
            if not len(people):
                continue
            offer = np.zeros((n_places, n_categories), dtype=np.float32)
            np.add.at(offer, (o.venue[rows], o.category[rows]), weight[g, rows].astype(np.float32))
            near = reach[people]
            access = near @ offer
            used = saturation.used(access) * season[:, o.week[rows[0]]].astype(np.float32)
            exposed[people] += used
            if rate is not None:
                share = rate[people] * used / np.maximum(access, 1e-9)
                at_one[people] += share @ offer[:-1].T
                at_place = near.T @ share
                expected[g, rows] = at_place[o.venue[rows], o.category[rows]] * weight[g, rows]
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
