"""Inequalities that every whole plan of a category keeps and the linear model breaks: seats come in whole classes."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.reach import Reach
from recsys.placement.whole.tight import Columns

BROKEN_BY = 1e-3
"""People by which an inequality over several venues must be broken to be worth a row."""

MOST_AT_ONCE, MOST_OF_VENUE = 20, 3
"""Inequalities over several venues found at once at most, and how many of them may speak of the same venue."""

STEPS = 3
"""How often points are chosen anew for venues, and venues for points."""

GONE_ON_FROM = 30
"""The most broken sets, though none may be broken, that points and venues are chosen anew for."""

WHOLE = 1e-5
"""Numbers of classes closer than this to a whole number count as whole."""


@dataclass(frozen=True)
class Cut:
    """`value @ z[index] <= limit` for z = (counts of classes, shares of people) of a block."""

    index: NDArray[np.int32]
    value: NDArray[np.float64]
    limit: float


@dataclass(frozen=True)
class _Sets:
    """Inequalities: (n, points) and (n, venues) that each speaks of, (n,) people it is broken by, (n,) size counted."""

    points: NDArray[np.bool_]
    venues: NDArray[np.bool_]
    by: NDArray[np.float64]
    size: NDArray[np.float64]

    @classmethod
    def joined(cls, sets: list[_Sets]) -> _Sets:
        return cls(
            np.concatenate([one.points for one in sets]),
            np.concatenate([one.venues for one in sets]),
            np.concatenate([one.by for one in sets]),
            np.concatenate([one.size for one in sets]),
        )


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
        self.reached = np.where(self.flow >= 0, self.demand, 0.0)

    def by_point(self, of_flow: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_openings, n_points) numbers of flows, 0 where an opening does not reach a point."""
        return np.where(self.flow >= 0, of_flow[self.flow], 0.0)

    def broken(self, z: NDArray[np.float64], together: bool) -> list[Cut]:
        """Inequalities that z breaks: of single venues, and with `together` of several."""
        n = len(self.seats)
        classes, share = z[:n], z[n:]
        partly = np.flatnonzero(np.abs(classes - np.round(classes)) > WHOLE)
        alone = self._alone(partly, classes, share)
        if not together or not len(partly):
            return alone
        return alone + self._together(partly, classes, self.by_point(share))

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

    def _together(
        self, partly: NDArray[np.int64], classes: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> list[Cut]:
        """Broken inequalities of several venues: from single points, pairs, and all that a venue serves, onwards.

        For points and a size of class the best venues are known (`_most_broken`); for venues points join in the order
        of how far these serve them.
        """
        sets = self._most_broken(self._first_points(spread[partly] > WHOLE, spread), classes, spread)
        found = [sets]
        for _ in range(STEPS):
            near = np.argsort(-sets.by, kind="stable")[:GONE_ON_FROM]
            sets = self._most_broken(self._first_served(sets.venues[near], spread), classes, spread)
            found.append(sets)
        cuts: list[Cut] = []
        spoken_of, known = np.zeros(len(self.seats), dtype=np.int64), set()
        every = _Sets.joined(found)
        for k in np.argsort(-every.by, kind="stable"):
            key = every.points[k].tobytes() + every.venues[k].tobytes()
            if every.by[k] <= BROKEN_BY or len(cuts) == MOST_AT_ONCE:
                break
            open_to = every.venues[k] & (classes > WHOLE)
            if key in known or spoken_of[open_to].max(initial=0) == MOST_OF_VENUE:
                continue
            known.add(key)
            spoken_of[open_to] += 1
            cuts.append(self._cut(every.points[k], every.venues[k], float(every.size[k])))
        return cuts

    def _first_points(self, served: NDArray[np.bool_], spread: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n, points) each point that is served; pairs, and all points, that a venue with a part of a class serves."""
        n = len(self.demand)
        one = np.eye(n, dtype=bool)
        first, second = np.nonzero(np.triu(served.T.astype(float) @ served, 1))
        points = np.concatenate([one[spread.sum(axis=0) > WHOLE], one[first] | one[second], served])
        return np.unique(points[points.any(axis=1)], axis=0)

    def _first_served(self, venues: NDArray[np.bool_], spread: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(n, points) for each set of venues the points that it serves most, one, two and so on."""
        served = np.unique(venues, axis=0) @ spread
        rank = np.argsort(np.argsort(-served, axis=1, kind="stable"), axis=1)
        n = int((served > WHOLE).sum(axis=1).max(initial=0))
        points = (rank[:, None, :] <= np.arange(n)[:, None]) & (served > WHOLE)[:, None, :]
        points = points.reshape(-1, len(self.demand))
        return np.unique(points[points.any(axis=1)], axis=0)

    def _most_broken(
        self, points: NDArray[np.bool_], classes: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> _Sets:
        """The most broken inequality of each set of points: a venue joins where that breaks it more."""
        people, taken = points @ self.demand, points @ (spread * self.demand).T
        seats = np.minimum(self.seats, points @ self.reached.T)
        best = _Sets(points, np.zeros(taken.shape, dtype=bool), np.full(len(points), -np.inf), np.ones(len(points)))
        for size in np.unique(self.seats):
            needed, last, counted = _counted(people, seats, size)
            more = taken - (size * last)[:, None] * counted * classes
            by = size * last * needed - people + np.maximum(more, 0.0).sum(axis=1)
            better = (by > best.by) & (last > 1e-6) & (last < 1 - 1e-6)
            best.by[better], best.size[better], best.venues[better] = by[better], size, more[better] > 0
        return best

    def _cut(self, points: NDArray[np.bool_], venues: NDArray[np.bool_], size: float) -> Cut:
        """The inequality of points and venues, with classes counted in a size."""
        inside, people = np.flatnonzero(venues), np.array([points @ self.demand])
        seats = np.minimum(self.seats, self.reached @ points)[None, inside]
        needed, last, counted = _counted(people, seats, size)
        weight = float(size * last[0])
        flows = self.flow[np.ix_(inside, np.flatnonzero(points))]
        flows = np.sort(flows[flows >= 0])
        index = np.concatenate([len(self.seats) + flows, inside]).astype(np.int32)
        value = np.concatenate([self.columns.flow_demand[flows], -weight * counted[0]])
        return Cut(index, value, float(people[0] - weight * needed[0]))


def _counted(
    people: NDArray[np.float64], seats: NDArray[np.float64], size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(n,) classes of a size that people need, (n,) the part of the last one, (n, venues) how a class counts."""
    needed = np.ceil(people / size - 1e-9)
    last = people / size - (needed - 1)
    whole = np.floor(seats / size + 1e-12)
    part = np.maximum(seats / size - whole, 0.0) / np.maximum(last, 1e-9)[:, None]
    return needed, last, whole + np.minimum(part, 1.0)


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
