"""The master: one plan for each block within the shared limits, as a linear programme that grows by columns."""

from __future__ import annotations

import highspy
import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks import Block, Plan, Prices
from recsys.placement.instance import PlacementInstance


class Master:
    """Maximise people less penalties over weights of plans; at most one whole plan a block.

    Rows: budget, slots of each venue, teachers of each category, floors, then one row a block.
    """

    def __init__(self, instance: PlacementInstance, blocks: list[Block]) -> None:
        self.instance = instance
        self.blocks = blocks
        self.plans: list[Plan] = []
        self._known: set[tuple[int, bytes, float, bytes]] = set()
        self.n_short = sum(len(f.least) for f in instance.floors)
        teachers = np.minimum(instance.teachers, 1e9)
        upper = np.concatenate(
            [[instance.budget], instance.slots, teachers, np.full(self.n_short, np.inf), np.ones(len(blocks))]
        )
        lower = np.full(len(upper), -np.inf)
        first = 1 + instance.n_venues + instance.n_categories
        lower[first : first + self.n_short] = np.concatenate([f.least for f in instance.floors] or [np.zeros(0)])
        self.highs = highspy.Highs()  # type: ignore[no-untyped-call]
        self.highs.setOptionValue("output_flag", False)
        self.highs.setOptionValue("threads", 1)
        self.highs.changeObjectiveSense(highspy.ObjSense.kMaximize)
        empty = np.zeros(0, dtype=np.int32)
        self.highs.addRows(len(upper), lower, upper, 0, empty, empty, np.zeros(0))
        row = first
        for floor in instance.floors:
            for _ in floor.least:
                self.highs.addCol(-floor.penalty, 0.0, highspy.kHighsInf, 1, np.array([row], np.int32), np.ones(1))
                row += 1
        self.first_block = row

    def add_if_new(self, plan: Plan) -> bool:
        """Adds a block's plan as a column unless one with the same classes and people is there."""
        key = (plan.block, plan.classes.tobytes(), round(plan.value, 7), np.round(plan.people, 6).tobytes())
        if key in self._known:
            return False
        self._known.add(key)
        self.add(plan)
        return True

    def add(self, plan: Plan) -> None:
        """Adds a block's plan as a column."""
        block = self.blocks[plan.block]
        some = np.flatnonzero(plan.classes)
        venues, n = block.venues[some], plan.classes[some].astype(float)
        cost = float(n @ self.instance.cost[block.category, venues])
        index = [0, *(1 + venues), 1 + self.instance.n_venues + block.category]
        value = [cost, *n, float(n.sum())]
        row = 1 + self.instance.n_venues + self.instance.n_categories
        for floor in self.instance.floors:
            group = floor.group[plan.points]
            covered = np.bincount(group[group >= 0], plan.people[group >= 0], minlength=len(floor.least))
            touched = np.flatnonzero(covered)
            index += (row + touched).tolist()
            value += covered[touched].tolist()
            row += len(floor.least)
        index.append(row + plan.block)
        value.append(1.0)
        self.plans.append(plan)
        self.highs.addCol(
            plan.value, 0.0, 1.0, len(index), np.array(index, dtype=np.int32), np.array(value, dtype=np.float64)
        )

    def prices(self) -> Prices:
        """Solves the linear master; the duals of its shared rows."""
        self.highs.run()
        dual = np.array(self.highs.getSolution().row_dual)
        n_venues, n_categories = self.instance.n_venues, self.instance.n_categories
        slots = dual[1 : 1 + n_venues]
        teachers = dual[1 + n_venues : 1 + n_venues + n_categories]
        floors, row = [], 1 + n_venues + n_categories
        for floor in self.instance.floors:
            floors.append(np.clip(-dual[row : row + len(floor.least)], 0.0, floor.penalty))
            row += len(floor.least)
        return Prices(max(float(dual[0]), 0.0), np.maximum(slots, 0.0), np.maximum(teachers, 0.0), floors)

    def value(self) -> float:
        """Objective of the last linear solution: no mixture of the known plans is worth more."""
        return float(self.highs.getInfo().objective_function_value)

    def whole(self, seconds: float, gap: float, at_least: float) -> NDArray[np.int64] | None:
        """(n_categories, n_venues) classes of the best whole choice among the known plans; None if none is found.

        Plans whose reduced cost alone would push the value under `at_least` are left out first.
        """
        reduced = np.array(self.highs.getSolution().col_dual)[self.n_short :]
        keep = reduced >= at_least - self.value() - 1e-9
        n = len(self.plans)
        columns = self.n_short + np.arange(n)
        self.highs.changeColsBounds(n, columns.astype(np.int32), np.zeros(n), keep.astype(float))
        self.highs.changeColsIntegrality(
            n, columns.astype(np.int32), np.full(n, highspy.HighsVarType.kInteger.value, dtype=np.uint8)
        )
        self.highs.setOptionValue("mip_rel_gap", gap)
        self.highs.setOptionValue("time_limit", float(self.highs.getRunTime()) + seconds)
        self.highs.run()
        feasible = self.highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        chosen = np.array(self.highs.getSolution().col_value)[self.n_short :] > 0.5 if feasible else np.zeros(n, bool)
        self.highs.changeColsIntegrality(
            n, columns.astype(np.int32), np.full(n, highspy.HighsVarType.kContinuous.value, dtype=np.uint8)
        )
        self.highs.changeColsBounds(n, columns.astype(np.int32), np.zeros(n), np.ones(n))
        self.highs.setOptionValue("time_limit", highspy.kHighsInf)
        if not feasible:
            return None
        classes = np.zeros(self.instance.allowed.shape, dtype=np.int64)
        for k in np.flatnonzero(chosen):
            block = self.blocks[self.plans[k].block]
            classes[block.category, block.venues] += self.plans[k].classes
        return classes
