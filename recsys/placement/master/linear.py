"""The master: one plan for each block within the shared limits, as a linear programme that grows by columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import highspy
import numpy as np
from numpy.typing import NDArray

from recsys.errors import FitError
from recsys.placement.blocks.block import Plan
from recsys.placement.blocks.parts import Limit
from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.prices import Prices

WITHIN = 1e-6
"""Distance from a whole number, and spending above the budget, that count as none: HiGHS' own tolerance."""

ENDED = (
    highspy.HighsModelStatus.kOptimal,
    highspy.HighsModelStatus.kObjectiveBound,
    highspy.HighsModelStatus.kTimeLimit,
    highspy.HighsModelStatus.kSolutionLimit,
)
"""Ways in which HiGHS' search for a whole choice ends with a bound that holds."""


class OfOneCategory(Protocol):
    """A block, as far as the master needs to know it: its category and venues."""

    category: int
    venues: NDArray[np.int64]


class Master:
    """Maximise people less penalties over weights of plans; at most one whole plan a block.

    Rows: budget, slots of each venue, teachers of each category, floors, then one row a block.
    """

    def __init__(self, instance: PlacementInstance, blocks: Sequence[OfOneCategory]) -> None:
        self.instance = instance
        self.blocks = blocks
        self.plans: list[Plan] = []
        self._known: set[tuple[int, bytes, float, bytes]] = set()
        self._most: list[float] = []
        self._needed: list[int] = []
        n_short = sum(len(f.least) for f in instance.floors)
        teachers = np.minimum(instance.teachers, 1e9)
        upper = np.concatenate(
            [[instance.budget], instance.slots, teachers, np.full(n_short, np.inf), np.ones(len(blocks))]
        )
        lower = np.full(len(upper), -np.inf)
        first = 1 + instance.n_venues + instance.n_categories
        lower[first : first + n_short] = np.concatenate([f.least for f in instance.floors] or [np.zeros(0)])
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
        # What a block that may not be without classes pays where it has no plan that fits, shut otherwise.
        self._first_block, self._first_missing = len(upper) - len(blocks), int(self.highs.getNumCol())
        for row in range(self._first_block, len(upper)):
            self.highs.addCol(-float(instance.demand.sum()), 0.0, 0.0, 1, np.array([row], np.int32), np.ones(1))
        # What `prices_near` pays for a limit less or more, shut otherwise: budget, slots, teachers.
        for limit in range(first):
            for sign in (-1.0, 1.0):
                self.highs.addCol(0.0, 0.0, 0.0, 1, np.array([limit], np.int32), np.array([sign]))
        self.first_plan = int(self.highs.getNumCol())

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
        self._most.append(1.0)
        self.highs.addCol(
            plan.value, 0.0, 1.0, len(index), np.array(index, dtype=np.int32), np.array(value, dtype=np.float64)
        )

    def limit(self, limits: Sequence[Limit]) -> None:
        """From now on only plans within limits count, and blocks that may not be without classes have one."""
        most = np.ones(len(self.plans))
        needed = []
        of_block = np.array([plan.block for plan in self.plans], dtype=np.int64)
        for num, block in enumerate(self.blocks):
            mine = [one for one in limits if one.is_of(block.category, block.venues)]
            for k in np.flatnonzero(of_block == num) if mine else ():
                most[k] = all(one.keeps(block.venues, self.plans[k].classes) for one in mine)
            if any(one.low > 0 for one in mine):
                needed.append(num)
        self._most = most.tolist()
        self._may(most)
        for num in {*self._needed, *needed}:
            is_needed = num in needed
            self.highs.changeRowBounds(self._first_block + num, 1.0 if is_needed else -highspy.kHighsInf, 1.0)
            self.highs.changeColBounds(self._first_missing + num, 0.0, float(is_needed))
        self._needed = needed

    def _may(self, most: NDArray[np.float64]) -> None:
        """Most of each plan."""
        columns = np.arange(self.first_plan, self.first_plan + len(most), dtype=np.int32)
        self.highs.changeColsBounds(len(most), columns, np.zeros(len(most)), most)

    def prices(self) -> Prices:
        """Solves the linear master; the duals of its shared rows.

        Raises:
            FitError: HiGHS solves it neither from the last basis nor from none.
        """
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            self.highs.clearSolver()
            self.highs.run()
        status = self.highs.getModelStatus()
        if status != highspy.HighsModelStatus.kOptimal:
            raise FitError(f"the linear master is not solved: {self.highs.modelStatusToString(status)}")
        dual = np.array(self.highs.getSolution().row_dual)
        n_venues, n_categories = self.instance.n_venues, self.instance.n_categories
        slots = dual[1 : 1 + n_venues]
        teachers = dual[1 + n_venues : 1 + n_venues + n_categories]
        floors, row = [], 1 + n_venues + n_categories
        for floor in self.instance.floors:
            floors.append(np.clip(-dual[row : row + len(floor.least)], 0.0, floor.penalty))
            row += len(floor.least)
        return Prices(max(float(dual[0]), 0.0), np.maximum(slots, 0.0), np.maximum(teachers, 0.0), floors)

    def wanted(self) -> NDArray[np.float64]:
        """(n_categories, n_venues) classes of the last linear solution, parts of classes among them."""
        return self._classes(self.weights())

    def weights(self) -> NDArray[np.float64]:
        """(n_plans,) weights of the last linear solution."""
        return np.array(self.highs.getSolution().col_value)[self.first_plan :]

    def value(self) -> float:
        """Objective of the last linear solution: no mixture of the known plans is worth more."""
        return float(self.highs.getInfo().objective_function_value)

    def prices_near(self, centre: Prices, width: float) -> tuple[Prices, float]:
        """Prices of the linear master at most a share `width` of the budget's price from a centre, and its value.

        Its own prices swing while it knows few plans; in a box around the best ones they do not (du Merle, Villeneuve,
        Desrosiers & Hansen 1999, Discrete Mathematics 194). The value is that of the boxed master: where no plan is
        missing it is the bound at these prices.
        """
        at = np.concatenate([[centre.budget], centre.slots, centre.teachers])
        of_class = float(np.median(self.instance.cost))
        # Where there is money to spare slots and teachers alone have prices.
        scale = centre.budget if centre.budget > 1e-9 else float(at.max()) / of_class
        step = width * scale * np.concatenate([[1.0], np.full(len(at) - 1, of_class)])
        reward = np.column_stack([-(at + step), np.maximum(at - step, 0.0)]).ravel()
        n = len(reward)
        columns = np.arange(self.first_plan - n, self.first_plan, dtype=np.int32)
        self.highs.changeColsCost(n, columns, reward)
        self.highs.changeColsBounds(n, columns, np.zeros(n), np.full(n, highspy.kHighsInf))
        prices = self.prices()
        value = self.value()
        self.highs.changeColsBounds(n, columns, np.zeros(n), np.zeros(n))
        return prices, value

    def whole(self, seconds: float, gap: float, at_least: float) -> tuple[NDArray[np.int64] | None, float]:
        """(n_categories, n_venues) classes of the best whole choice among the known plans, and a bound on all these.

        Plans whose reduced cost alone would push the value under `at_least` are left out first; no classes where no
        choice is found.
        """
        reduced = np.array(self.highs.getSolution().col_dual)[self.first_plan :]
        keep = reduced >= at_least - self.value() - 1e-9
        n = len(self.plans)
        columns = np.arange(self.first_plan, self.first_plan + n, dtype=np.int32)
        self._may(np.where(keep, self._most, 0.0))
        self.highs.changeColsIntegrality(n, columns, np.full(n, highspy.HighsVarType.kInteger.value, dtype=np.uint8))
        self.highs.setOptionValue("mip_rel_gap", gap)
        # HiGHS minimises the negative: branches that cannot reach `at_least` are cut off.
        self.highs.setOptionValue("objective_bound", -at_least if np.isfinite(at_least) else highspy.kHighsInf)
        self.highs.setOptionValue("time_limit", float(self.highs.getRunTime()) + seconds)
        self.highs.run()
        classes, bound = self._found(), self._bound()
        self.highs.changeColsIntegrality(n, columns, np.full(n, highspy.HighsVarType.kContinuous.value, dtype=np.uint8))
        self._may(np.array(self._most))
        self.highs.setOptionValue("time_limit", highspy.kHighsInf)
        self.highs.setOptionValue("objective_bound", highspy.kHighsInf)
        return classes, bound if classes is None else max(bound, at_least)

    def _bound(self) -> float:
        """What HiGHS has proven of all whole choices: -inf where there is none, inf where it ended without a word."""
        status = self.highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return -np.inf
        bound = float(self.highs.getInfo().mip_dual_bound)
        return bound if status in ENDED and not np.isnan(bound) else np.inf

    def _found(self) -> NDArray[np.int64] | None:
        """(n_categories, n_venues) classes of HiGHS' choice; None where it has none, or one that breaks a limit."""
        if self.highs.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        weight = np.array(self.highs.getSolution().col_value)[self.first_plan :]
        chosen = np.round(weight)
        if np.abs(weight - chosen).max(initial=0.0) > WITHIN:
            return None
        of_block = np.bincount(
            np.array([plan.block for plan in self.plans], dtype=np.int64), chosen, minlength=len(self.blocks)
        )
        classes = self._classes(chosen).astype(np.int64)
        instance = self.instance
        fits = (
            (of_block <= 1).all()
            and (classes.sum(axis=0) <= instance.slots).all()
            and (classes.sum(axis=1) <= instance.teachers).all()
            and float((classes * instance.cost).sum()) <= instance.budget + WITHIN
        )
        return classes if fits else None

    def _classes(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_categories, n_venues) classes of the plans, each so many times."""
        classes = np.zeros(self.instance.allowed.shape)
        for k in np.flatnonzero(weight > 1e-9):
            block = self.blocks[self.plans[k].block]
            classes[block.category, block.venues] += weight[k] * self.plans[k].classes
        return classes
