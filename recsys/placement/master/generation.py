"""Column generation over blocks: a plan and a bound on all of them, which end within a gap."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.block import Block, Plan, blocks_of
from recsys.placement.blocks.clusters import cluster_bound, shared_out
from recsys.placement.instance import Placement, PlacementInstance
from recsys.placement.master.linear import Master, OfOneCategory
from recsys.placement.whole.anytime import AnytimeSearch
from recsys.placement.whole.greedy import GreedyState, assign, assigned, fill, first_gains, point_weights
from recsys.placement.whole.prices import Prices
from recsys.placement.whole.relaxation import Relaxation, relax, rounded
from recsys.placement.whole.tight import solve_whole

MARGIN = 0.95
"""Openings whose gain alone is below this share of the price start outside all blocks."""

CUT_ABOVE = 400
"""Venues above which a block is not solved whole before smaller parts of it have been."""

START_FACTORS = (0.97, 1.03)
"""Prices around the relaxation's at which blocks offer further plans at the start."""

FIRST_SHARE, LEAST_SHARE = 0.3, 0.1
"""How far to go from the best prices towards the master's."""

RELAXED = 0.2
"""Share of the time that the relaxation may take."""

BLOCK_SHARE = 0.02
"""Share of the time that one block may take; its bound holds where it is cut short."""

RESERVED = 0.2
"""Share of the time kept for choosing whole plans once prices are good enough."""

WHOLE_UP_TO = 3000
"""Most classes in all up to which the whole model is worth a try."""


class ColumnGeneration(AnytimeSearch):
    """Column generation over blocks, each a small exact model; one plan a block is chosen by the master."""

    def run(self) -> Placement:
        """The best plan by the end, with the bound on every plan."""
        if self.most.sum() == 0:
            self._try(self.best[1])
            self.bound = self.best[0]
            return self._placement()
        state = GreedyState(self.instance, point_weights(self.instance))
        marginal = fill(state)
        self._try(state.classes)
        relaxed = relax(self.instance, RELAXED * self.seconds, marginal)
        self.bound = relaxed.bound
        self._try(rounded(self.instance, relaxed).classes)
        self._clusters(relaxed)
        prices, margin = relaxed.prices, MARGIN
        while self.left() > RESERVED * self.seconds and not self._done():
            before = self.bound, self.best[0]
            active = self._active(prices, margin)
            prices = self._round(prices, Master(self.instance, blocks_of(self.instance, active, self.most)), active)
            margin *= 0.8
            if (self.bound, self.best[0]) == before:
                break
        if self.left() > 0 and not self._done():
            self._whole()
        return self._placement()

    def _clusters(self, relaxed: Relaxation) -> None:
        """Where blocks are too large to be solved whole: a bound and plans from parts of them, again and again."""
        active = self._active(relaxed.prices, MARGIN)
        largest = max((len(block.venues) for block in blocks_of(self.instance, active, self.most)), default=0)
        if self._done() or largest <= CUT_ABOVE:
            return
        self.bound = min(self.bound, cluster_bound(self.instance, relaxed, 0.5 * self.left(), self.pool))
        prices, before = relaxed.prices, -np.inf
        while self.left() > RESERVED * self.seconds and not self._done() and self.best[0] > before:
            before = self.best[0]
            master = Master(self.instance, shared_out(self.instance, active | (self.best[1] > 0), self.best[1]))
            prices = self._round(prices, master, active, is_whole=False)

    def _whole(self) -> None:
        """What blocks leave open is closed by branching on the whole model, where that is small enough to hope for."""
        if self.most.sum() > WHOLE_UP_TO or self.left() < 0.1 * self.seconds:
            return
        whole = solve_whole(self.instance, self.left(), self.gap)
        self._try(whole.classes)
        self.bound = min(self.bound, whole.bound)

    def _done(self) -> bool:
        return bool(np.isfinite(self.bound)) and self.bound - self.best[0] <= self.gap * abs(self.bound)

    def _round(self, centre: Prices, master: Master, active: NDArray[np.bool_], is_whole: bool = True) -> Prices:
        """Column generation over the blocks that matter at about these prices; returns the best prices.

        Where blocks are parts of larger ones (not `is_whole`) what they bring bounds their choice alone, not all plans.

        Prices tried lie between the best so far and the master's (in-out separation: Ben-Ameur & Neto 2007, Networks
        49(1)): the master's own swing far at first.
        """
        for plan in _restricted(self.instance, master.blocks, self.best[1]):
            master.add(plan)
        best_bound, lost, _ = self._price(master, centre, active, is_whole)
        for factor in START_FACTORS:
            if self.left() > 0.7 * self.seconds:
                self._price(master, replace(centre, budget=factor * centre.budget), active, is_whole)
        step, tried = FIRST_SHARE, np.inf
        while self.left() > RESERVED * self.seconds:
            outer = master.prices()
            distance = best_bound - master.value()
            if distance <= 0.25 * self.gap * abs(best_bound):
                break
            # The whole choice is tried early: often it is good enough long before the prices have settled.
            if distance <= min(2.0 * self.gap * abs(best_bound), 0.5 * tried):
                tried = distance
                self._choose(master)
                if self._done():
                    return centre
                outer = master.prices()
            at = centre.towards(outer, step)
            bound, outside, n_new = self._price(master, at, active, is_whole)
            if bound < best_bound:
                best_bound, centre, lost = bound, at, outside
            elif n_new == 0 and step >= 1:
                break
            step = min(2 * step, 1.0) if n_new == 0 else max(0.7 * step, LEAST_SHARE)
            if lost > 0.5 * self.gap * abs(best_bound) and distance < 4 * lost:
                return centre
        master.prices()
        self._choose(master)
        return centre

    def _active(self, prices: Prices, margin: float) -> NDArray[np.bool_]:
        """Openings that matter at about these prices, and those of the best plan."""
        worth = point_weights(self.instance, prices.floors)
        # Slots lose their price when another class leaves: half of it keeps the next ones in.
        price = replace(prices, slots=0.5 * prices.slots).of_class(self.instance)
        active = (first_gains(self.instance, worth) > margin * price) & (self.most > 0)
        return active | (self.best[1] > 0)

    def _choose(self, master: Master) -> None:
        classes, _ = master.whole(max(0.5 * self.left(), 3.0), 0.2 * self.gap, self.best[0])
        if classes is not None:
            self._try(classes)

    def _price(
        self, master: Master, prices: Prices, active: NDArray[np.bool_], is_whole: bool
    ) -> tuple[float, float, int]:
        """Bound at prices, the part of it owed to openings outside all blocks, and the number of new columns."""
        instance = self.instance
        worth = point_weights(instance, prices.floors)
        price = prices.of_class(instance)
        over = np.maximum(first_gains(instance, worth) - price, 0.0) * self.most
        outside = float(over[~active].sum())
        bound = prices.of_limits(instance) + outside
        n_new = 0
        limit = max(min(self.left(), BLOCK_SHARE * self.seconds), 0.5)
        close = float(np.clip(0.05 * (self.bound / max(self.best[0], 1e-9) - 1), 0.25 * self.gap, 1e-3))

        def best(block: Block) -> tuple[float, Plan | None]:
            return block.best(price[block.category, block.venues], worth, limit, close)

        for value, plan in self.pool.map(best, master.blocks):
            bound += value
            if plan is not None:
                n_new += master.add_if_new(plan)
        if is_whole:
            self.bound = min(self.bound, bound)
        return bound, outside, n_new

    def _placement(self) -> Placement:
        people, value, short = assign(self.instance, self.best[1])
        taken = time.perf_counter() - self.began
        return Placement(self.best[1], people, value, short, max(self.bound, value - short), taken, "blocks")


def _restricted(instance: PlacementInstance, blocks: Sequence[OfOneCategory], classes: NDArray[np.int64]) -> list[Plan]:
    """What a plan does in each block, as columns."""
    columns, coming = assigned(instance, classes)
    category, venue = columns.category[columns.flow_opening], columns.venue[columns.flow_opening]
    block_of = np.full(classes.shape, -1)
    for num, block in enumerate(blocks):
        block_of[block.category, block.venues] = num
    order = np.argsort(block_of[category, venue], kind="stable")
    ends = np.searchsorted(block_of[category, venue][order], np.arange(len(blocks) + 1))
    plans = []
    for num, block in enumerate(blocks):
        mine = classes[block.category, block.venues]
        flows = order[ends[num] : ends[num + 1]]
        if mine.sum() == 0:
            continue
        people = np.bincount(columns.flow_point[flows], coming[flows], minlength=1).astype(np.float64)
        points = np.flatnonzero(people)
        plans.append(Plan(num, mine, float(people.sum()), points, people[points]))
    return plans
