"""Weekly hours beside each other: which of a venue may be the best of a class, and which are much alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_KINDS = 2
"""Kinds of hours that whole classes are told apart by: evenings and weekends are liked by others than working hours."""


def undominated(fit: NDArray[np.floating[Any]], rooms: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_venues, n_slots) slots with a room beside which no other with one is as good or better for everybody.

    >>> undominated(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 0.5]]), np.ones((1, 3), dtype=bool))
    array([[False,  True,  True]])

    Args:
        fit: (n_groups, n_slots) how much groups of people like each.
        rooms: (n_venues, n_slots) where there is a room.
    """
    n = np.arange(fit.shape[1])
    as_good = (fit[:, None, :] >= fit[:, :, None]).all(axis=0)
    better = (fit[:, None, :] > fit[:, :, None]).any(axis=0) | (n[None, :] < n[:, None])
    beaten = rooms.astype(np.int64) @ (as_good & better).T.astype(np.int64) > 0
    return np.asarray(rooms & ~beaten)


@dataclass(frozen=True)
class Kinds:
    """Hours alike as one that everybody likes as the best of them.

    Attributes:
        kind: (n_slots,) kind of each slot that may be the best of a class somewhere, -1 of the others.
        fit: (n_venues, n_kinds, n_groups) most that a group likes any of them at a venue, 0 where there is none.
    """

    kind: NDArray[np.int64]
    fit: NDArray[np.float32]


def kinds_of(fit: NDArray[np.float32], rooms: NDArray[np.bool_], people: NDArray[np.float64]) -> Kinds:
    """Slots in at most `N_KINDS` kinds: again and again the two that lose least by becoming one.

    Args:
        fit: (n_groups, n_slots) how much groups of people like each.
        rooms: (n_venues, n_slots) where there is a room.
        people: (n_groups,) how much each group counts.
    """
    open_at = undominated(fit, rooms)
    kinds = [[slot] for slot in np.flatnonzero(open_at.any(axis=0)).tolist()]
    while len(kinds) > N_KINDS:
        best = [people @ fit[:, kind].max(axis=1) for kind in kinds]
        lost = [
            (people @ fit[:, one + other].max(axis=1) - max(best[a], best[b]), a, b)
            for a, one in enumerate(kinds)
            for b, other in enumerate(kinds[:a])
        ]
        _, a, b = min(lost)
        kinds[b] += kinds.pop(a)
    kind_of = np.full(fit.shape[1], -1)
    most = np.zeros((len(rooms), len(kinds), len(fit)), dtype=np.float32)
    for num, slots in enumerate(kinds):
        kind_of[slots] = num
        most[:, num] = np.where(open_at[:, None, slots], fit[None, :, slots], 0.0).max(axis=2)
    return Kinds(kind_of, most)
