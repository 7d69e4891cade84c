"""Inequalities that every whole plan of a category keeps and the linear model breaks: seats come in whole classes."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from recsys.placement.reach import Reach
from recsys.placement.tight import Columns

MOST_TOGETHER = 10
"""Venues in one inequality at most."""

MOST_NEIGHBOURS = 30
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

    def __init__(self, columns: Columns, reach: Reach, point: NDArray[np.int64]) -> None:
        self.columns = columns
        self.reach = reach
        self.seats = reach.seats
        n = len(self.seats)
        self.demand = np.zeros(int(point.max(initial=-1)) + 1)
        self.demand[point] = columns.flow_demand
        self.flow = np.full((n, len(self.demand)), -1)
        self.flow[columns.flow_opening, point] = np.arange(len(point))
        shared = np.where(self.flow >= 0, self.demand, 0.0) @ (self.flow >= 0).T
        np.fill_diagonal(shared, 0.0)
        self.neighbours = [_most_shared(row) for row in shared]

    def by_point(self, of_flow: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_openings, n_points) numbers of flows, 0 where an opening does not reach a point."""
        return np.where(self.flow >= 0, of_flow[self.flow], 0.0)

    def broken(self, z: NDArray[np.float64], together: bool) -> list[Cut]:
        """Inequalities that z breaks: of single venues, and with `together`, where these hold, of several."""
        n = len(self.seats)
        classes, share = z[:n], z[n:]
        partly = np.flatnonzero(np.abs(classes - np.round(classes)) > WHOLE)
        alone = self._alone(partly, classes, share)
        if alone or not together:
            return alone
        spread = self.by_point(share)
        found: dict[tuple[int, ...], Cut] = {}
        for k in partly:
            venues, by, at = self._grow(int(k), classes, spread)
            if by > BROKEN_BY:
                found[tuple(sorted(venues.tolist()))] = self._cut(venues, spread, *at)
        return list(found.values())

    def _alone(self, venues: NDArray[np.int64], classes: NDArray[np.float64], share: NDArray[np.float64]) -> list[Cut]:
        """The most broken inequality of each venue by itself, where any is."""
        size = self.seats[venues][:, None]
        spread = self.reach.spread(share)[venues]
        order = np.argsort(-spread, axis=1, kind="stable")
        served = np.take_along_axis(spread, order, axis=1)
        demand = np.take_along_axis(self.reach.demand[venues], order, axis=1)
        people, missed = np.cumsum(demand, axis=1), np.cumsum(demand * (1 - served), axis=1)
        needed = np.ceil(people / size - 1e-9)
        last = people / size - (needed - 1)
        broken = size * last * (needed - classes[venues][:, None]) - missed
        broken[(last > 1 - 1e-6) | (last < 1e-6) | (served < 0)] = 0.0
        most = broken.argmax(axis=1)
        cuts = []
        for row in np.flatnonzero(broken.max(axis=1) > WHOLE):
            k = int(most[row])
            inside = np.sort(self.reach.flow[venues[row], order[row, : k + 1]])
            weight = float(size[row, 0] * last[row, k])
            index = np.append(len(self.seats) + inside, venues[row]).astype(np.int32)
            value = np.append(self.columns.flow_demand[inside], -weight)
            cuts.append(Cut(index, value, float(people[row, k] - weight * needed[row, k])))
        return cuts

    def _grow(
        self, first: int, classes: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], float, tuple[float, int]]:
        """The most broken inequality on the way as the neighbour that adds most joins, again and again.

        Returns its venues, by how many people it is broken, and where (see `_cut`).
        """
        venues = np.array([first])
        best: tuple[NDArray[np.int64], float, tuple[float, int]] = (venues, 0.0, (1.0, 0))
        while len(venues) < MOST_TOGETHER:
            near = set().union(*(self.neighbours[k] for k in venues)) - set(venues.tolist())
            may_join = [k for k in near if classes[k] > WHOLE]
            if not may_join:
                break
            sets = np.column_stack([np.tile(venues, (len(may_join), 1)), may_join])
            by, size, place = self._most_broken(sets, classes, spread)
            row = int(np.argmax(by))
            venues = sets[row]
            if by[row] > best[1]:
                best = (venues, float(by[row]), (float(size[row]), int(place[row])))
        return best

    def _served(
        self, sets: NDArray[np.int64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """(sets, points) points in the order in which they join, the share of each that is served, and its people.

        Points join in the order of how far they are served: for one size of class that is the best set.
        """
        reached = (self.flow[sets] >= 0).any(axis=1)
        served = spread[sets].sum(axis=1)
        order = np.argsort(-np.where(reached, served, -1.0), axis=1, kind="stable")
        people = np.take_along_axis(np.where(reached, self.demand, 0.0), order, axis=1)
        return order, np.take_along_axis(served, order, axis=1), people

    def _most_broken(
        self, sets: NDArray[np.int64], classes: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """For each set of venues by how many people its most broken inequality is broken, its size, its last point."""
        _, served, demand = self._served(sets, spread)
        people, missed = np.cumsum(demand, axis=1), np.cumsum(demand * (1 - served), axis=1)
        most, size_of, place = np.zeros(len(sets)), np.ones(len(sets)), np.zeros(len(sets), dtype=np.int64)
        for size in np.unique(self.seats[sets]):
            needed, last, counted = self._counted(sets, people, size)
            open_to = (counted * classes[sets][:, :, None]).sum(axis=1)
            broken = size * last * (needed - open_to) - missed
            broken[(last > 1 - 1e-6) | (last < 1e-6) | (demand <= 0)] = 0.0
            broken[~(self.seats[sets] == size).any(axis=1)] = 0.0
            by = broken.max(axis=1)
            better = by > most + 1e-9
            most[better], size_of[better], place[better] = by[better], size, broken.argmax(axis=1)[better]
        return most, size_of, place

    def _counted(
        self, sets: NDArray[np.int64], people: NDArray[np.float64], size: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Classes of a size that so many people need, the part of the last one, and how each venue's count."""
        needed = np.ceil(people / size - 1e-9)
        last = people / size - (needed - 1)
        rest = self.seats[sets] / size
        whole = np.floor(rest + 1e-12)
        part = (rest - whole)[:, :, None] / np.maximum(last, 1e-9)[:, None, :]
        return needed, last, whole[:, :, None] + np.minimum(part, 1.0)

    def _cut(self, venues: NDArray[np.int64], spread: NDArray[np.float64], size: float, place: int) -> Cut:
        """The inequality of venues and of the first points to join, up to a place."""
        order, _, demand = self._served(venues[None, :], spread)
        people = np.cumsum(demand, axis=1)[:, place : place + 1]
        needed, last, counted = self._counted(venues[None, :], people, size)
        weight = float(size * last[0, 0])
        flows = self.flow[np.ix_(venues, order[0, : place + 1])]
        flows = np.sort(flows[flows >= 0])
        index = np.concatenate([len(self.seats) + flows, venues]).astype(np.int32)
        value = np.concatenate([self.columns.flow_demand[flows], -weight * counted[0, :, 0]])
        return Cut(index, value, float(people[0, 0] - weight * needed[0, 0]))


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


def _most_shared(people: NDArray[np.float64]) -> set[int]:
    """Venues that share most people with one, given what each shares with it."""
    order = np.argsort(-people, kind="stable")[:MOST_NEIGHBOURS]
    return set(order[people[order] > 0].tolist())
