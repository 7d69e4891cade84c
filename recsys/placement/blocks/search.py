"""All plans of a block that are nearly its best at given prices, by branch and cut."""

from __future__ import annotations

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.block import Block
from recsys.placement.blocks.cuts import WHOLE
from recsys.placement.blocks.known import KnownPlans
from recsys.placement.blocks.model import BlockModel, Solved
from recsys.placement.blocks.parts import Limit
from recsys.placement.instance import PlacementInstance

TOLERANCE = 1e-7

PART = 0.01
"""Part of a class by which the classes of a group must not be whole for the group to be branched on."""

BEYOND = 0.3
"""How far prices are followed, as a share of their mean, to see what plans that are not written down could be worth."""

REMEMBERED = 3
"""Earlier searches whose prices are looked at for that."""

PROBED = 8
"""Openings whose two branches are tried before one is chosen, the first time that they are in question."""


@dataclass(eq=False)
class _Node:
    """Numbers of classes between `low` and `high`, of each opening and then of each group of venues that are alike.

    No plan among them is worth more than `-key`.
    """

    key: float
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def __lt__(self, other: _Node) -> bool:
        return self.key < other.key


class BlockSearch(KnownPlans):
    """A block with its linear model and the plans met so far."""

    def __init__(self, instance: PlacementInstance, block: Block) -> None:
        self.model = BlockModel(instance, block)
        super().__init__(block, self.model.columns.flow_point)
        self._is_new = True
        # No plan that is not in `plans` is worth more than this at these prices: within limits, and of all plans.
        self._unlisted: list[tuple[NDArray[np.float64], float]] = []
        self._unlisted_of_all = self._unlisted
        self._alone = self.model.first_gains()
        # What a class less or more costs by branching, down and up: learned as it is tried.
        self._loss = np.full((self.n + len(self.model.groups), 2), np.nan)

    def limit(self, limits: Sequence[Limit]) -> None:
        """From now on only plans within limits count: those of its category and venues among these, no others."""
        if self.keep_to(limits):
            self._unlisted = self._unlisted_of_all
            self.model.limit([(np.searchsorted(self.venues, one.venues), one.low, one.high) for one in self.limits])

    def learn_from(self, part: BlockSearch) -> None:
        """Takes over the plans and cuts of a search whose venues are some of these: both hold here too."""
        self.take_over(part)
        self.model.learn_from(part.model)

    def near(
        self, price: NDArray[np.float64], within: float, until: float, most: float = np.inf, enough: float | None = None
    ) -> float:
        """An upper bound on the block's worth at prices; afterwards `plans` holds all that are `within` people of it.

        With `most` only so many of the best are sure to be there. With `enough` nothing is sought where all that are
        so many people near are known from other prices. The bound is the best plan's worth, unless `until`
        (`time.perf_counter`) cut the search short: then it may be more, and plans may be missing.
        """
        best = self.best_known(price)
        if self._are_listed(price, best - (within if enough is None else enough) - TOLERANCE):
            return best
        # Without a class that loses more than that even alone any plan is better by more than that.
        may_open = self._alone >= price - within - TOLERANCE
        may_open |= any(one.low > 0 for one in self.limits)
        self.model.set_price(price)
        nodes = [_Node(-np.inf, *self._limits(np.where(may_open, self.most, 0)))] if may_open.any() else []
        met, is_heap = list[float](), False
        while nodes:
            # Down to a first plan, then always where most may be had.
            node = heapq.heappop(nodes) if is_heap else nodes.pop()
            target = best - within - TOLERANCE
            if -node.key < target:
                continue
            if time.perf_counter() > until:
                linear = self.model.value(*self._limits(self.most))
                return max(best, *(min(-one.key, linear) for one in (node, *nodes)))
            # Cuts of several venues at the first root; other nodes get those of single venues.
            solved = self.model.solve(node.low, node.high, target, together=self._is_new)
            self._is_new = False
            if solved is None:
                continue
            classes = np.round(solved.z[: self.n])
            if np.abs(solved.z[: self.n] - classes).max() < WHOLE:
                plan = self.remember(classes.astype(np.int64), solved.z[self.n :] * self.model.people)
                best = max(best, self.worth(plan, price))
                heapq.heappush(met, self.worth(plan, price))
                if len(met) > most:
                    within = min(within, best - heapq.heappop(met))
                children = self._around(node, solved, classes, best - within - TOLERANCE)
                if not is_heap:
                    heapq.heapify(nodes)
                    is_heap = True
            else:
                children = self._halves(node, solved, target)
            for child in children:
                (heapq.heappush if is_heap else list.append)(nodes, child)
        self._unlisted = [(price.copy(), best - within - TOLERANCE), *self._unlisted][:REMEMBERED]
        if not self.limits:
            self._unlisted_of_all = self._unlisted
        return best

    def _are_listed(self, price: NDArray[np.float64], worth: float) -> bool:
        """Whether all plans are in `plans` that are worth more than so much at prices, as far as earlier searches tell.

        What the best of the others is worth is convex in prices: between those of an earlier search and others farther
        on, where the linear model bounds it, it lies below the line through both.
        """
        for at, most in self._unlisted:
            change = price - at
            share = float(np.abs(change).max()) / (BEYOND * float(price.mean()) + 1e-9)
            if share > 1:
                continue
            if share > 1e-9:
                self.model.set_price(at + change / share)
                most = (1 - share) * most + share * max(self.model.value(*self._limits(self.most)), 0.0)
            if most <= worth:
                return True
        return False

    def _limits(self, most: NDArray[np.number]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Least and most classes of each opening and of each group."""
        high = self._with_groups(most)
        return np.zeros(len(high)), high

    def _with_groups(self, classes: NDArray[np.number]) -> NDArray[np.float64]:
        """Classes of each opening and of each group."""
        return np.append(classes, [classes[group].sum() for group in self.model.groups]).astype(float)

    def _narrowed(self, node: _Node, solved: Solved, target: float) -> tuple[_Node, float, NDArray[np.float64]] | None:
        """The node without the numbers of classes that cannot reach the target, its bound and losses."""
        bound, loss = self.model.losses(solved, node.low, node.high)
        may = bound - loss >= target
        if not may.any(axis=1).all():
            return None
        low = np.append(may.argmax(axis=1), node.low[self.n :])
        high = np.append(len(self.model.counts) - 1.0 - may[:, ::-1].argmax(axis=1), node.high[self.n :])
        return _Node(-min(bound, solved.value), low, high), bound, loss

    def _around(self, node: _Node, solved: Solved, classes: NDArray[np.float64], target: float) -> list[_Node]:
        """Nodes of all other plans, where the linear model's own is whole: each differs first in one opening."""
        narrowed = self._narrowed(node, solved, target)
        if narrowed is None:
            return []
        inside, bound, loss = narrowed
        if ((classes < inside.low[: self.n]) | (classes > inside.high[: self.n])).any():
            return [inside]
        others = np.where(self.model.counts == classes[:, None], np.inf, loss).min(axis=1)
        rest = _Node(inside.key, inside.low.copy(), inside.high.copy())
        low, high = rest.low, rest.high
        free = np.flatnonzero(low[: self.n] < high[: self.n])
        nodes = []
        for v in free[np.argsort(-others[free], kind="stable")]:
            for first, last in ((low[v], classes[v] - 1), (classes[v] + 1, high[v])):
                if first <= last:
                    at_most = min(solved.value, bound - float(loss[v, int(first) : int(last) + 1].min()))
                    nodes.append(_between(rest, int(v), first, last, at_most))
            low[v] = high[v] = classes[v]
        return nodes

    def _halves(self, node: _Node, solved: Solved, target: float) -> list[_Node]:
        """Two nodes that leave out the linear model's part of a class; the likelier one last.

        Of a group where one has a part of a class: venues that reach the same people stand in for one another, so
        that little is lost by what one of them runs, but much by how many classes they run. Else of one opening.
        """
        narrowed = self._narrowed(node, solved, target)
        if narrowed is None:
            return []
        inside, bound, loss = narrowed
        classes = solved.z[: self.n]
        outside = (classes < inside.low[: self.n] - WHOLE) | (classes > inside.high[: self.n] + WHOLE)
        classes = self._with_groups(classes)
        part = classes - np.floor(classes)
        open_to = (inside.low < inside.high) & (np.minimum(part, 1 - part) > WHOLE)
        if outside.any() or not open_to[: self.n].any():
            return [inside]
        v, is_down_likelier = self._branch_on(inside, solved.value, part, np.floor(classes), np.flatnonzero(open_to))
        below = np.floor(classes[v])
        nodes = []
        for first, last in ((inside.low[v], below), (below + 1, inside.high[v])):
            if first <= last:
                at_most = -inside.key
                if v < self.n:
                    at_most = min(at_most, bound - float(loss[v, int(first) : int(last) + 1].min()))
                nodes.append(_between(inside, v, first, last, at_most))
        return nodes[::-1] if is_down_likelier else nodes

    def _branch_on(
        self,
        inside: _Node,
        value: float,
        part: NDArray[np.float64],
        below: NDArray[np.float64],
        choices: NDArray[np.int64],
    ) -> tuple[int, bool]:
        """The opening or group whose branches lose most, and whether down loses less.

        Pseudo costs, begun by strong branching. Source: Achterberg, Koch & Martin 2005, Operations Research Letters
        33(1).
        """
        in_groups = choices[(choices >= self.n) & (np.minimum(part, 1 - part)[choices] > PART)]
        choices = in_groups if len(in_groups) else choices[choices < self.n]
        unknown = choices[np.isnan(self._loss[choices, 0])]
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
        if first > last:
            return -1e3
        one = _between(inside, v, first, last, np.inf)
        return max(self.model.value(one.low, one.high), -1e3)


def _between(node: _Node, v: int, first: float, last: float, at_most: float) -> _Node:
    """The node with the classes of an opening or group within other limits."""
    low, high = node.low.copy(), node.high.copy()
    low[v], high[v] = first, last
    return _Node(-at_most, low, high)
