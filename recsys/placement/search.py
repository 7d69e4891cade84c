"""All plans of a block that are nearly its best at given prices, by branch and cut."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks import Block, Plan
from recsys.placement.cuts import WHOLE, Cut, Cuts
from recsys.placement.instance import PlacementInstance
from recsys.placement.tight import model

TOLERANCE = 1e-7
ROOT_ROUNDS = 8
"""Rounds of inequalities over several venues at the first root; other nodes get those of single venues."""

PROBED = 8
"""Openings whose two branches are tried before one is chosen, the first time that they are in question."""


@dataclass(frozen=True)
class _Solved:
    """A node's linear model: value, point, and duals."""

    value: float
    z: NDArray[np.float64]
    column_dual: NDArray[np.float64]
    row_dual: NDArray[np.float64]


@dataclass(eq=False)
class _Node:
    """Numbers of classes between `low` and `high`; no plan among them is worth more than `-key`."""

    key: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    is_root: bool = False

    def __lt__(self, other: _Node) -> bool:
        return self.key < other.key


class BlockSearch:
    """A block with its linear model, its cuts and the plans met so far."""

    def __init__(self, instance: PlacementInstance, block: Block) -> None:
        self.instance = instance
        self.num, self.category, self.venues, self.most = block.num, block.category, block.venues, block.most
        self.columns = block.columns
        self.n = len(self.venues)
        self.counts = np.arange(int(self.most.max()) + 1)
        self.seats = instance.seats[self.venues]
        self.people = self.columns.flow_demand * self.columns.flow_weight
        _, point = np.unique(self.columns.flow_point, return_inverse=True)
        self.finder = Cuts(self.columns, self.seats, point)
        self.cuts: list[Cut] = []
        self.plans: dict[bytes, Plan] = {}
        self._highs: highspy.Highs | None = None
        self._n_pushed = 0
        self._is_new = True
        self._index = np.arange(self.n, dtype=np.int32)
        # What a class less or more costs by branching, down and up: learned as it is tried.
        self._loss = np.full((self.n, 2), np.nan)
        degree = np.bincount(self.columns.flow_opening, minlength=self.n)
        place = np.arange(len(self.people)) - (np.cumsum(degree) - degree)[self.columns.flow_opening]
        self._at = (self.columns.flow_opening, place)
        self._demand = np.zeros((self.n, int(degree.max(initial=1))))
        self._demand[self._at] = self.columns.flow_demand
        self._alone = self._first_gains()

    def _first_gains(self) -> NDArray[np.float64]:
        """(n,) people of one class alone: in no plan does a class bring more."""
        weight = np.zeros(self._demand.shape)
        weight[self._at] = self.columns.flow_weight
        order = np.argsort(-weight, axis=1, kind="stable")
        demand = np.take_along_axis(self._demand, order, axis=1)
        taken = np.clip(self.seats[:, None] - (np.cumsum(demand, axis=1) - demand), 0.0, demand)
        return np.asarray((taken * np.take_along_axis(weight, order, axis=1)).sum(axis=1))

    def worth(self, plan: Plan, price: NDArray[np.float64]) -> float:
        """People less the price of the classes."""
        return plan.value - float(price @ plan.classes)

    def remember(self, classes: NDArray[np.int64], people: NDArray[np.float64]) -> Plan:
        """Keeps a plan, given people by flow."""
        key = classes.tobytes()
        if key not in self.plans:
            by_point = np.bincount(self.columns.flow_point, people, minlength=1).astype(np.float64)
            some = np.flatnonzero(by_point > 1e-12)
            self.plans[key] = Plan(self.num, classes, float(people.sum()), some, by_point[some])
        return self.plans[key]

    def near(self, price: NDArray[np.float64], within: float, until: float) -> float:
        """An upper bound on the block's worth at prices; afterwards `plans` holds all that are `within` people of it.

        The bound is the best plan's worth, unless `until` (`time.perf_counter`) cut the search short: then it may be
        more, and plans may be missing.
        """
        best = max([0.0, *(self.worth(plan, price) for plan in self.plans.values())])
        # Without a class that loses more than that even alone any plan is better by more than that.
        most = np.where(self._alone >= price - within - TOLERANCE, self.most, 0).astype(float)
        if not most.any():
            return best
        highs = self._linear()
        highs.changeColsCost(self.n, self._index, -price)
        nodes = [_Node(-np.inf, np.zeros(self.n), most, True)]
        is_heap = False
        while nodes:
            # Down to a first plan, then always where most may be had.
            node = heapq.heappop(nodes) if is_heap else nodes.pop()
            target = best - within - TOLERANCE
            if -node.key < target:
                continue
            if time.perf_counter() > until:
                linear = self._linear_bound()
                return max(best, *(min(-one.key, linear) for one in (node, *nodes)))
            solved = self._solve(node, target)
            self._is_new = False
            if solved is None:
                continue
            classes = np.round(solved.z[: self.n])
            if np.abs(solved.z[: self.n] - classes).max() < WHOLE:
                plan = self.remember(classes.astype(np.int64), solved.z[self.n :] * self.people)
                best = max(best, self.worth(plan, price))
                children = self._around(node, solved, classes, best - within - TOLERANCE)
                if not is_heap:
                    heapq.heapify(nodes)
                    is_heap = True
            else:
                children = self._halves(node, solved, target)
            for child in children:
                if is_heap:
                    heapq.heappush(nodes, child)
                else:
                    nodes.append(child)
        return best

    def _linear_bound(self) -> float:
        """The linear model's value at the prices set last: no plan is worth more."""
        highs = self._linear()
        highs.changeColsBounds(self.n, self._index, np.zeros(self.n), self.most.astype(float))
        highs.run()
        return float(highs.getInfo().objective_function_value)

    def _linear(self) -> highspy.Highs:
        if self._highs is None:
            rows, limits = self.columns.rows(self.instance, with_shared=False)
            upper = np.concatenate([self.most, np.ones(len(self.people))]).astype(float)
            self._highs = model(np.concatenate([np.zeros(self.n), self.people]), upper, 0, rows, limits)
            self._highs.setOptionValue("presolve", "off")
            self._highs.setOptionValue("solver", "simplex")
        add_rows(self._highs, self.cuts[self._n_pushed :])
        self._n_pushed = len(self.cuts)
        return self._highs

    def _solve(self, node: _Node, target: float) -> _Solved | None:
        """The node's linear model with the cuts that it needs; None where no plan reaches the target."""
        highs = self._linear()
        highs.changeColsBounds(self.n, self._index, node.low, node.high)
        for k in range(ROOT_ROUNDS):
            highs.run()
            value = float(highs.getInfo().objective_function_value)
            if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal or value < target:
                return None
            solution = highs.getSolution()
            z = np.array(solution.col_value)
            cuts = self.finder.broken(z, together=node.is_root and self._is_new) if k < ROOT_ROUNDS - 1 else []
            if not cuts:
                break
            self.cuts += cuts
            self._linear()
        return _Solved(value, z, np.array(solution.col_dual), np.array(solution.row_dual))

    def _table(self, node: _Node, solved: _Solved) -> tuple[float, NDArray[np.float64]]:
        """A bound on the node, and (n, counts) what it loses where an opening has a given number of classes.

        With every row priced but an opening's own, each opening is a knapsack for itself, solved exactly for each
        number of classes: much sharper than its reduced cost.
        """
        opening, n_flows = self.columns.flow_opening, len(self.people)
        share = solved.row_dual[:n_flows]
        seat = solved.row_dual[n_flows : n_flows + self.n]
        net = np.full(self._demand.shape, -1.0)
        net[self._at] = (solved.column_dual[self.n :] + share) / self.columns.flow_demand + seat[opening]
        of_class = solved.column_dual[: self.n] - np.bincount(opening, share, minlength=self.n) - self.seats * seat
        order = np.argsort(-net, axis=1)
        net = np.take_along_axis(net, order, axis=1)
        demand = np.where(net > 0, np.take_along_axis(self._demand, order, axis=1), 0.0)
        before = np.cumsum(demand, axis=1) - demand
        worth = np.empty((self.n, len(self.counts)))
        for k in self.counts:
            taken = np.clip(k * self.seats[:, None] - before, 0.0, demand)
            worth[:, k] = np.einsum("ij,ij->i", taken, net) + k * of_class
        outside = (self.counts < node.low[:, None]) | (self.counts > node.high[:, None])
        worth[outside] = -np.inf
        most = worth.max(axis=1)
        rest = solved.value - float(solved.z @ solved.column_dual)
        return rest + float(most.sum()), most[:, None] - worth

    def _narrowed(self, node: _Node, solved: _Solved, target: float) -> tuple[_Node, float, NDArray[np.float64]] | None:
        """The node without the numbers of classes that cannot reach the target, its bound and losses."""
        bound, loss = self._table(node, solved)
        may = bound - loss >= target
        if not may.any(axis=1).all():
            return None
        low = may.argmax(axis=1).astype(float)
        high = len(self.counts) - 1.0 - may[:, ::-1].argmax(axis=1)
        return _Node(-min(bound, solved.value), low, high), bound, loss

    def _around(self, node: _Node, solved: _Solved, classes: NDArray[np.float64], target: float) -> list[_Node]:
        """Nodes of all other plans, where the linear model's own is whole: each differs first in one opening."""
        narrowed = self._narrowed(node, solved, target)
        if narrowed is None:
            return []
        inside, bound, loss = narrowed
        if ((classes < inside.low) | (classes > inside.high)).any():
            return [inside]
        others = np.where(self.counts == classes[:, None], np.inf, loss).min(axis=1)
        low, high = inside.low.copy(), inside.high.copy()
        free = np.flatnonzero(low < high)
        nodes = []
        for v in free[np.argsort(-others[free], kind="stable")]:
            for first, last in ((low[v], classes[v] - 1), (classes[v] + 1, high[v])):
                if first <= last:
                    at_most = min(solved.value, bound - float(loss[v, int(first) : int(last) + 1].min()))
                    nodes.append(_between(low, high, int(v), first, last, at_most))
            low[v] = high[v] = classes[v]
        return nodes

    def _halves(self, node: _Node, solved: _Solved, target: float) -> list[_Node]:
        """Two nodes that leave out the linear model's part of a class at one opening; the likelier one last."""
        narrowed = self._narrowed(node, solved, target)
        if narrowed is None:
            return []
        inside, bound, loss = narrowed
        classes = solved.z[: self.n]
        part = classes - np.floor(classes)
        open_to = (inside.low < inside.high) & (np.minimum(part, 1 - part) > WHOLE)
        if ((classes < inside.low - WHOLE) | (classes > inside.high + WHOLE)).any() or not open_to.any():
            return [inside]
        v, is_down_likelier = self._branch_on(inside, solved.value, part, np.floor(classes), np.flatnonzero(open_to))
        below = np.floor(classes[v])
        nodes = []
        for first, last in ((inside.low[v], below), (below + 1, inside.high[v])):
            if first <= last:
                at_most = min(solved.value, bound - float(loss[v, int(first) : int(last) + 1].min()))
                nodes.append(_between(inside.low, inside.high, v, first, last, at_most))
        return nodes[::-1] if is_down_likelier else nodes

    def _branch_on(
        self,
        inside: _Node,
        value: float,
        part: NDArray[np.float64],
        below: NDArray[np.float64],
        choices: NDArray[np.int64],
    ) -> tuple[int, bool]:
        """The opening whose branches lose most (pseudo costs, begun by strong branching), and whether down loses less.

        Source: Achterberg, Koch & Martin 2005, Operations Research Letters 33(1).
        """
        unknown = choices[np.isnan(self._loss[choices, 0])]
        highs = self._linear()
        highs.changeColsBounds(self.n, self._index, inside.low, inside.high)
        for v in unknown[np.argsort(-np.minimum(part, 1 - part)[unknown], kind="stable")][:PROBED]:
            down = value - self._probe(inside, int(v), inside.low[v], below[v])
            up = value - self._probe(inside, int(v), below[v] + 1, inside.high[v])
            self._loss[v] = max(down, 0.0) / part[v], max(up, 0.0) / (1 - part[v])
        known = choices[~np.isnan(self._loss[choices, 0])]
        down, up = self._loss[known, 0] * part[known], self._loss[known, 1] * (1 - part[known])
        k = int(np.argmax(np.maximum(down, 1e-6) * np.maximum(up, 1e-6)))
        return int(known[k]), bool(down[k] <= up[k])

    def _probe(self, inside: _Node, v: int, first: float, last: float) -> float:
        """Value of the linear model with an opening within other limits; far below where there is none."""
        highs = self._linear()
        if first > last:
            return -1e3
        highs.changeColBounds(v, float(first), float(last))
        highs.run()
        is_solved = highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        value = float(highs.getInfo().objective_function_value) if is_solved else -1e3
        highs.changeColBounds(v, float(inside.low[v]), float(inside.high[v]))
        return value


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


def _between(
    low: NDArray[np.float64], high: NDArray[np.float64], v: int, first: float, last: float, at_most: float
) -> _Node:
    low, high = low.copy(), high.copy()
    low[v], high[v] = first, last
    return _Node(-at_most, low, high)
