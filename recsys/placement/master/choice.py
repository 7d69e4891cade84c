"""The best choice of one plan a block among plans that are written down, proven."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.block import Plan
from recsys.placement.instance import PlacementInstance
from recsys.placement.master.knapsack import BudgetTable, common_unit, fill_budget
from recsys.placement.master.linear import Master, OfOneCategory
from recsys.placement.whole.prices import Prices
from recsys.placement.whole.tight import only_prove

SLOT_STEPS = 30
"""Steps of the slots' prices under the budget taken whole at most, before HiGHS gets what is left."""

STALLED_AFTER, STALLED = 5, 0.05
"""Steps end once so many of them have lowered the bound by less than this share of the gap."""

FLOORS = (0.5, 1.0)
"""Shares of the gap below the bound that HiGHS is asked for, one after the other."""

EPS = 1e-7


@dataclass(frozen=True)
class _Listed:
    """Plans of a block: (n, venues) classes, (n,) cost, people, and what choices with each are worth at most."""

    plans: list[Plan]
    classes: NDArray[np.int64]
    cost: NDArray[np.float64]
    value: NDArray[np.float64]
    most: NDArray[np.float64]

    @classmethod
    def of(cls, plans: list[Plan], cost: NDArray[np.float64]) -> _Listed:
        classes = np.array([plan.classes for plan in plans])
        value = np.array([plan.value for plan in plans])
        return cls(plans, classes, classes @ cost, value, np.full(len(plans), np.inf))

    def only(self, keep: NDArray[np.bool_]) -> _Listed:
        if keep.all():
            return self
        plans = [plan for plan, k in zip(self.plans, keep, strict=True) if k]
        return _Listed(plans, self.classes[keep], self.cost[keep], self.value[keep], self.most[keep])


class Choice:
    """One plan a block, or none: budget, slots and teachers decide.

    The budget is what keeps a linear master from being whole, so it is taken whole first (a multiple-choice
    knapsack), with slots and teachers priced: that gives a sharper bound, and for each plan a bound on all choices
    with it. Few plans are left for HiGHS then.
    """

    def __init__(
        self,
        instance: PlacementInstance,
        blocks: Sequence[OfOneCategory],
        plans: list[list[Plan]],
        at_least: float,
        bound: float = np.inf,
    ) -> None:
        self.instance = instance
        self.blocks = blocks
        self.lists = [
            _Listed.of(some, instance.cost[block.category, block.venues])
            for block, some in zip(blocks, plans, strict=True)
        ]
        self.value = at_least
        self.classes: NDArray[np.int64] | None = None
        self.bound = bound

    def solve(self, prices: Prices, seconds: float) -> float:
        """A bound on all choices, or `at_least` where none is worth more; `classes` is the best one that is, if any."""
        until = time.perf_counter() + seconds
        unit = common_unit(self.instance.cost)
        if unit is not None:
            self._within_budget(prices, unit, until)
        if self.bound > self.value + EPS and time.perf_counter() < until:
            self._finish(until)
        return max(self.bound, self.value)

    def _within_budget(self, prices: Prices, unit: float, until: float) -> None:
        """Steps of slots' and teachers' prices; plans that no choice worth enough can hold are dropped on the way."""
        instance = self.instance
        budget = int(np.floor(instance.budget / unit + 1e-9))
        teachers = np.minimum(instance.teachers, 1e9)
        slot, teacher, lowest, pace = prices.slots.copy(), prices.teachers.copy(), np.inf, 1.0
        bounds: list[float] = []
        while len(bounds) < SLOT_STEPS and not self._stalls(bounds):
            paid = float(slot @ instance.slots) + float(teacher @ teachers)
            table = self._table(slot, teacher, unit, budget, paid)
            if table is None or time.perf_counter() > until:
                return
            lowest, pace = min(lowest, table.best + paid), pace if table.best + paid < lowest else 0.5 * pace
            self.bound = min(self.bound, table.best + paid)
            bounds.append(self.bound)
            if np.isinf(table.best):
                return
            chosen = [listed.plans[k] for listed, k in zip(self.lists, table.chosen, strict=True)]
            classes = self._together(chosen)
            over = classes.sum(axis=0) - instance.slots
            over_teachers = classes.sum(axis=1) - teachers
            if (over <= 0).all() and (over_teachers <= 0).all():
                self._keep(classes, sum(plan.value for plan in chosen))
            if self.bound <= self.value + EPS:
                return
            self._drop(table, paid)
            over = np.where((slot <= 0) & (over < 0), 0, over)
            over_teachers = np.where((teacher <= 0) & (over_teachers < 0), 0, over_teachers)
            length = float((over**2).sum() + (over_teachers**2).sum())
            if length == 0:
                return
            step = pace * (table.best + paid - self.value) / length
            slot = np.maximum(slot + step * over, 0.0)
            teacher = np.maximum(teacher + step * over_teachers, 0.0)

    def _stalls(self, bounds: list[float]) -> bool:
        """The last steps closed next to nothing of the gap."""
        n = STALLED_AFTER
        return len(bounds) > n and bounds[-n - 1] - bounds[-1] < STALLED * (bounds[-1] - self.value)

    def _table(
        self, slot: NDArray[np.float64], teacher: NDArray[np.float64], unit: float, budget: int, paid: float
    ) -> BudgetTable | None:
        costs, values = [], []
        for block, listed in zip(self.blocks, self.lists, strict=True):
            costs.append(np.round(listed.cost / unit).astype(np.int64))
            values.append(listed.value - listed.classes @ (slot[block.venues] + teacher[block.category]))
        return fill_budget(costs, values, budget, self.value - paid)

    def _drop(self, table: BudgetTable, paid: float) -> None:
        """Leaves out plans that are in no choice worth enough."""
        for b, (listed, through) in enumerate(zip(self.lists, table.through, strict=True)):
            most = np.minimum(listed.most, through + paid)
            keep = most > self.value + EPS
            keep[int(np.argmax(most))] = True
            self.lists[b] = replace(listed, most=most).only(keep)

    def _finish(self, until: float) -> None:
        """HiGHS on the plans that are left, asked for less and less: that nothing is worth much is soon known."""
        most, least = min(self.bound, self._master_above(self.value).value()), self.value
        for share in FLOORS:
            floor = most - share * (most - least)
            master = self._master_above(floor)
            above = master.value()
            if above > floor:
                classes, above = master.whole(max(until - time.perf_counter(), 0.0), 0.0, floor)
                if classes is not None:
                    self._keep(classes, self._value_of(classes, master.plans))
            self.bound = min(self.bound, max(above, floor, self.value))
            if self.bound <= self.value + EPS or time.perf_counter() > until:
                return

    def _master_above(self, floor: float) -> Master:
        """The linear master, solved, of the plans that a choice worth more than a floor may hold."""
        master = Master(self.instance, self.blocks)
        only_prove(master.highs)
        for listed in self.lists:
            for plan, most in zip(listed.plans, listed.most, strict=True):
                if most > floor and plan.classes.any():
                    master.add(plan)
        master.prices()
        return master

    def _value_of(self, classes: NDArray[np.int64], plans: list[Plan]) -> float:
        """People of a choice, each block's classes being one of the plans."""
        total = 0.0
        for plan in plans:
            block = self.blocks[plan.block]
            if (classes[block.category, block.venues] == plan.classes).all():
                total += plan.value
        return total

    def _together(self, chosen: list[Plan]) -> NDArray[np.int64]:
        classes = np.zeros(self.instance.allowed.shape, dtype=np.int64)
        for plan in chosen:
            block = self.blocks[plan.block]
            classes[block.category, block.venues] += plan.classes
        return classes

    def _keep(self, classes: NDArray[np.int64], value: float) -> None:
        if value > self.value:
            self.value, self.classes = value, classes
