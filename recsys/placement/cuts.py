"""Inequalities that every whole plan of a category keeps and the linear model breaks: seats come in whole classes."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.placement.tight import Columns

MOST_TOGETHER = 5
"""Venues in one inequality at most."""

MOST_NEIGHBOURS = 8
"""Neighbours of a venue, those that share most people with it, that may join it."""

BROKEN_BY = 1e-3
"""People by which an inequality over several venues must be broken to be worth a row."""

WHOLE = 1e-5
"""Numbers of classes closer than this to a whole number count as whole."""


@dataclass(frozen=True)
class Cut:
    """`value @ z[index] <= limit` for z = (counts of classes, shares of people) of a block."""

    index: NDArray[np.int32]
    value: NDArray[np.float64]
    limit: float


class Cuts:
    """Residual capacity inequalities of openings of one category.

    People of points S who go to venues J number at most `D(S) - r (k - Y)`: with `Y` classes fewer than the `k`
    that D(S) needs, each missing class leaves at least the last one's `r` people out (Magnanti, Mirchandani & Vachani
    1993, Mathematical Programming 60). For one venue they give the convex hull (Atamtürk & Rajan 2002, Mathematical
    Programming 92); for venues of different sizes `Y` is counted in classes of one size, by mixed-integer rounding.
    """

    def __init__(self, columns: Columns, seats: NDArray[np.float64], point: NDArray[np.int64]) -> None:
        self.columns = columns
        self.seats = seats
        self.point = point
        n = len(seats)
        self.demand = np.zeros(int(point.max(initial=-1)) + 1)
        self.demand[point] = columns.flow_demand
        ends = np.searchsorted(columns.flow_opening, np.arange(n + 1))
        self.flows = [np.arange(ends[k], ends[k + 1]) for k in range(n)]
        reach = sparse.csr_array((columns.flow_demand, (columns.flow_opening, point)), shape=(n, len(self.demand)))
        shared = sparse.csr_array(reach @ (reach > 0).astype(float).T)
        self.neighbours = [_most_shared(shared, k) for k in range(n)]

    def broken(self, z: NDArray[np.float64], together: bool) -> list[Cut]:
        """Inequalities that z breaks: of single venues, and with `together`, where these hold, of several."""
        n = len(self.seats)
        classes, share = z[:n], z[n:]
        partly = np.flatnonzero(np.abs(classes - np.round(classes)) > WHOLE)
        found: dict[tuple[int, ...], tuple[float, Cut | None]] = {
            (int(k),): self._of(np.array([k]), classes, share) for k in partly
        }
        found = {venues: one for venues, one in found.items() if one[0] > WHOLE}
        if together and not found:
            for k in partly:
                venues, one = self._grow(int(k), classes, share)
                if one[0] > BROKEN_BY:
                    found[venues] = one
        return [one[1] for one in found.values() if one[1] is not None]

    def _grow(
        self, first: int, classes: NDArray[np.float64], share: NDArray[np.float64]
    ) -> tuple[tuple[int, ...], tuple[float, Cut | None]]:
        """The most broken inequality on the way as the neighbour that adds most joins, again and again."""
        venues = [first]
        best: tuple[tuple[int, ...], tuple[float, Cut | None]] = ((first,), (0.0, None))
        while len(venues) < MOST_TOGETHER:
            near = set().union(*(self.neighbours[k] for k in venues)) - set(venues)
            tried = [(self._of(np.array([*venues, k]), classes, share), k) for k in near if classes[k] > WHOLE]
            if not tried:
                break
            one, joins = max(tried, key=lambda pair: pair[0][0])
            venues.append(joins)
            if one[0] > best[1][0]:
                best = (tuple(sorted(venues)), one)
        return best

    def _of(
        self, venues: NDArray[np.int64], classes: NDArray[np.float64], share: NDArray[np.float64]
    ) -> tuple[float, Cut | None]:
        """By how many people the most broken inequality of some venues is broken, and it.

        Points join in the order of how far they are served: for one size of class that is the best set.
        """
        flows = np.concatenate([self.flows[k] for k in venues])
        points, at = np.unique(self.point[flows], return_inverse=True)
        served = np.bincount(at, share[flows])
        order = np.argsort(-served, kind="stable")
        demand = self.demand[points][order]
        people, missed = np.cumsum(demand), np.cumsum(demand * (1 - served[order]))
        best: tuple[float, int, float, float, NDArray[np.float64]] | None = None
        for size in np.unique(self.seats[venues]):
            needed = np.ceil(people / size - 1e-9)
            last = people / size - (needed - 1)
            rest = self.seats[venues] / size
            whole = np.floor(rest + 1e-12)
            counted = whole + np.minimum((rest - whole) / np.maximum(last, 1e-9)[:, None], 1.0)
            broken = size * last * (needed - counted @ classes[venues]) - missed
            broken[(last > 1 - 1e-6) | (last < 1e-6)] = 0.0
            k = int(np.argmax(broken))
            if broken[k] > (best[0] if best else 0.0) + 1e-9:
                best = (float(broken[k]), k, float(size * last[k]), float(needed[k]), counted[k])
        if best is None:
            return 0.0, None
        by, k, weight, needed_k, counted_k = best
        inside = np.isin(at, order[: k + 1])
        index = np.concatenate([len(self.seats) + flows[inside], venues]).astype(np.int32)
        value = np.concatenate([self.columns.flow_demand[flows[inside]], -weight * counted_k])
        return by, Cut(index, value, float(people[k] - weight * needed_k))


def add_rows(highs: highspy.Highs, cuts: list[Cut]) -> None:
    """Adds cuts to a linear model whose columns they speak of."""
    if not cuts:
        return
    sizes = np.array([len(cut.index) for cut in cuts])
    highs.addRows(
        len(cuts),
        np.full(len(cuts), -highspy.kHighsInf),
        np.array([cut.limit for cut in cuts]),
        int(sizes.sum()),
        (np.cumsum(sizes) - sizes).astype(np.int32),
        np.concatenate([cut.index for cut in cuts]),
        np.concatenate([cut.value for cut in cuts]),
    )


def _most_shared(shared: sparse.csr_array, k: int) -> set[int]:
    row = slice(shared.indptr[k], shared.indptr[k + 1])
    others, people = shared.indices[row], shared.data[row]
    order = np.argsort(-people[others != k], kind="stable")
    return set(others[others != k][order][:MOST_NEIGHBOURS].tolist())
