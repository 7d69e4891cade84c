"""Blocks: openings of one category that share people, priced exactly one by one."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from recsys.placement.blocks.reach import Reach
from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.tight import Columns, model, only_prove


@dataclass(frozen=True)
class Plan:
    """One block's plan: a column of the master.

    Attributes:
        block: Row of the block.
        classes: (n_venues of the block,) classes.
        value: People.
        points: Points served.
        people: People of each.
    """

    block: int
    classes: NDArray[np.int64]
    value: float
    points: NDArray[np.int64]
    people: NDArray[np.float64]


class Block:
    """Openings of one category at venues linked by points that both reach.

    Where others may take the same people, these have a price, `people` (n_points,) of one person of each point, or are
    shared out: `demand` (n_points,) is what the block may take.
    """

    def __init__(
        self,
        instance: PlacementInstance,
        num: int,
        category: int,
        venues: NDArray[np.int64],
        most: NDArray[np.int64],
        people: NDArray[np.float64] | None = None,
        demand: NDArray[np.float64] | None = None,
    ) -> None:
        self.instance = instance
        self.num = num
        self.category = category
        self.venues = venues
        self.most = most
        demand = None if demand is None else np.broadcast_to(demand[:, None], instance.demand.shape)
        self.columns = Columns.of(instance, np.full(len(venues), category), venues, most, demand)
        self.taken = np.zeros(len(self.columns.flow_point)) if people is None else people[self.columns.flow_point]
        self._highs: highspy.Highs | None = None

    def best(
        self, price: NDArray[np.float64], worth: NDArray[np.float64], seconds: float, gap: float = 1e-6
    ) -> tuple[float, Plan | None]:
        """Upper bound on the block's worth at prices, and the best plan found (None: open nothing).

        Args:
            price: (n_venues of the block,) price of a class.
            worth: (n_points,) worth of one person.
            seconds: Limit for a block of several venues.
            gap: Relative distance of bound and plan that is close enough for a block of several venues.
        """
        weight = self._net(worth)
        if len(self.venues) == 1:
            return self._best_alone(float(price[0]), weight)
        return self._best_together(price, weight, seconds, gap)

    def at_most(self, price: NDArray[np.float64], worth: NDArray[np.float64]) -> float:
        """A quick bound on the block's worth: every opening at its best, as if alone; arguments as in `best`."""
        return self._alone_at_most(price, self._net(worth))

    def _net(self, worth: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_flows,) worth of taking one person."""
        return np.maximum(self.columns.flow_weight * worth[self.columns.flow_point] - self.taken, 0.0)

    def _alone_at_most(self, price: NDArray[np.float64], weight: NDArray[np.float64]) -> float:
        gains = Reach(self.columns, self.instance.seats[self.venues]).knapsacks(weight, np.arange(self.most.max() + 1))
        net = gains - price[:, None] * np.arange(self.most.max() + 1)
        return float(net.max(axis=1).sum())

    def _best_alone(self, price: float, weight: NDArray[np.float64]) -> tuple[float, Plan | None]:
        order = np.argsort(-weight, kind="stable")
        demand = np.cumsum(self.columns.flow_demand[order])
        seats = float(self.instance.seats[self.venues[0]])
        steps = np.arange(1, int(self.most[0]) + 1)
        taken = np.diff(np.minimum(demand[None, :], seats * steps[:, None]), axis=1, prepend=0.0)
        net = taken @ weight[order] - price * steps
        n = int(np.argmax(net)) if len(net) else -1
        if n < 0 or net[n] <= 1e-9:
            return 0.0, None
        people = taken[n] * self.columns.flow_weight[order]
        return float(net[n]), self._plan(np.array([n + 1]), self.columns.flow_point[order], people)

    def _best_together(
        self, price: NDArray[np.float64], weight: NDArray[np.float64], seconds: float, gap: float
    ) -> tuple[float, Plan | None]:
        n_open = len(self.venues)
        cost = np.concatenate([-price, weight * self.columns.flow_demand])
        if self._highs is None:
            rows, limits = self.columns.rows(self.instance, with_shared=False)
            upper = np.concatenate([self.most, np.ones(len(weight))]).astype(float)
            self._highs = model(cost, upper, n_open, rows, limits)
            only_prove(self._highs)
        else:
            self._highs.changeColsCost(len(cost), np.arange(len(cost), dtype=np.int32), cost)
        highs = self._highs
        highs.setOptionValue("mip_rel_gap", gap)
        highs.setOptionValue("time_limit", float(highs.getRunTime()) + seconds)
        highs.run()
        info = highs.getInfo()
        bound = max(float(info.mip_dual_bound), 0.0)
        if np.isinf(bound):
            bound = self._alone_at_most(price, weight)
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return bound, None
        solution = np.array(highs.getSolution().col_value)
        if float(solution @ cost) <= 1e-9:
            return bound, None
        people = solution[n_open:] * self.columns.flow_demand * self.columns.flow_weight
        return bound, self._plan(np.round(solution[:n_open]).astype(np.int64), self.columns.flow_point, people)

    def _plan(self, classes: NDArray[np.int64], points: NDArray[np.int64], people: NDArray[np.float64]) -> Plan:
        served = people > 1e-12
        by_point = np.asarray(np.bincount(points[served], people[served]), dtype=np.float64)
        some = np.flatnonzero(by_point)
        return Plan(self.num, classes, float(people.sum()), some, by_point[some])


def blocks_of(instance: PlacementInstance, active: NDArray[np.bool_], most: NDArray[np.int64]) -> list[Block]:
    """Blocks of the active openings, the largest first: per category, venues linked by points with demand for it."""
    groups: list[tuple[int, NDArray[np.int64]]] = []
    for category in range(instance.n_categories):
        use = active[category][instance.pair_venue] & (instance.demand[instance.pair_point, category] > 1e-12)
        links = sparse.csr_array(
            (np.ones(int(use.sum())), (instance.pair_venue[use], instance.pair_point[use])),
            shape=(instance.n_venues, len(instance.demand)),
        )
        _, label = connected_components(links @ links.T, directed=False)
        venues = np.flatnonzero(active[category] & (most[category] > 0))
        for group in np.unique(label[venues]):
            groups.append((category, venues[label[venues] == group]))
    groups.sort(key=lambda one: -len(one[1]))
    return [Block(instance, n, c, venues, most[c, venues]) for n, (c, venues) in enumerate(groups)]
