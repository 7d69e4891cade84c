"""Fast plans: the class with the best gain per cost again and again, and single exchanges; exact assignment after."""

from __future__ import annotations

import heapq
import time

import numpy as np
from numpy.typing import NDArray

from recsys.placement.instance import Placement, PlacementInstance, shortfall
from recsys.placement.whole.tight import Columns, model, with_floors


def point_weights(instance: PlacementInstance, prices: list[NDArray[np.float64]] | None = None) -> NDArray[np.float64]:
    """(n_points,) worth of one person: 1 and, with a price for each floor's groups, the price of the point's groups."""
    worth = np.ones(len(instance.demand))
    for floor, price in zip(instance.floors, prices or [], strict=False):
        inside = floor.group >= 0
        worth[inside] += price[floor.group[inside]]
    return worth


def first_gains(instance: PlacementInstance, worth: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_categories, n_venues) gain of one class alone: no class brings more, whatever else is open."""
    gains = np.zeros(instance.allowed.shape)
    for venue in range(instance.n_venues):
        pairs = instance.pairs_of(venue)
        points = instance.pair_point[pairs]
        weight = instance.pair_weight[pairs] * worth[points]
        order = np.argsort(-weight, kind="stable")
        filled = np.minimum(np.cumsum(instance.demand[points[order]], axis=0), instance.seats[venue])
        taken = np.diff(filled, axis=0, prepend=0.0)
        gains[:, venue] = weight[order] @ taken
    return np.where(instance.allowed, gains, 0.0)


class GreedyState:
    """People not yet assigned, as classes are opened."""

    def __init__(self, instance: PlacementInstance, worth: NDArray[np.float64]) -> None:
        self.instance = instance
        self.worth = worth
        self.left = instance.demand.copy()
        self.most = instance.most_classes()
        self.classes = np.zeros_like(self.most)
        self.free = instance.slots.astype(np.int64).copy()
        self.teachers = instance.teachers.copy()
        self.money = float(instance.budget)
        self._sorted: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

    def by_weight(self, venue: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Points in reach of a venue and their weights, best first."""
        if venue not in self._sorted:
            pairs = self.instance.pairs_of(venue)
            points = self.instance.pair_point[pairs]
            weight = self.instance.pair_weight[pairs] * self.worth[points]
            order = np.argsort(-weight, kind="stable")
            self._sorted[venue] = points[order], weight[order]
        return self._sorted[venue]

    def take(self, category: int, venue: int) -> tuple[float, NDArray[np.float64]]:
        """Gain of one class more, and the people it would take from each point of `by_weight`."""
        points, weight = self.by_weight(venue)
        filled = np.minimum(np.cumsum(self.left[points, category]), self.instance.seats[venue])
        taken = np.diff(filled, prepend=0.0)
        return float(weight @ taken), taken

    def fits(self, category: int, venue: int) -> bool:
        """One class more is within every limit."""
        return bool(
            self.classes[category, venue] < self.most[category, venue]
            and self.free[venue] >= 1
            and self.teachers[category] >= 1
            and self.instance.cost[category, venue] <= self.money + 1e-9
        )

    def open(self, category: int, venue: int) -> None:
        """Opens one class more."""
        points, _ = self.by_weight(venue)
        _, taken = self.take(category, venue)
        self.left[points, category] -= taken
        self.classes[category, venue] += 1
        self.free[venue] -= 1
        self.teachers[category] -= 1
        self.money -= float(self.instance.cost[category, venue])


def fill(state: GreedyState) -> float:
    """Opens classes by gain per cost until nothing fits; returns the last accepted gain per cost."""
    gains = first_gains(state.instance, state.worth) / state.instance.cost
    heap = [(-gains[c, v], int(c), int(v), -1) for c, v in zip(*np.nonzero(gains > 1e-12), strict=True)]
    heapq.heapify(heap)
    n_open, last = 0, 0.0
    while heap:
        _, category, venue, stamp = heapq.heappop(heap)
        if not state.fits(category, venue):
            continue
        if stamp != n_open:
            gain, _ = state.take(category, venue)
            if gain > 1e-9:
                key = -gain / float(state.instance.cost[category, venue])
                heapq.heappush(heap, (key, category, venue, n_open))
            continue
        last = state.take(category, venue)[0] / float(state.instance.cost[category, venue])
        state.open(category, venue)
        n_open += 1
        heapq.heappush(heap, (-last, category, venue, -1))
    return last


def solve_greedy(instance: PlacementInstance, prices: list[NDArray[np.float64]] | None = None) -> Placement:
    """Greedy by gain per cost, with people assigned exactly at the end; no bound of its own (inf)."""
    began = time.perf_counter()
    state = GreedyState(instance, point_weights(instance, prices))
    fill(state)
    people, value, short = assign(instance, state.classes)
    return Placement(state.classes, people, value, short, np.inf, time.perf_counter() - began, "greedy")


def assign(instance: PlacementInstance, classes: NDArray[np.int64]) -> tuple[NDArray[np.float64], float, float]:
    """Best assignment of people to given classes: (n_points,) people who come, their sum, and floors' penalties."""
    columns, people = assigned(instance, classes)
    by_point = np.bincount(columns.flow_point, people, minlength=len(instance.demand)).astype(np.float64)
    return by_point, float(by_point.sum()), shortfall(instance, by_point)


def assigned(instance: PlacementInstance, classes: NDArray[np.int64]) -> tuple[Columns, NDArray[np.float64]]:
    """Columns of given classes, and (n_flows,) people who come in the best assignment."""
    category, venue = np.nonzero(classes)
    columns = Columns.of(instance, category, venue, classes[category, venue])
    if not len(columns.flow_pair):
        return columns, np.zeros(0)
    people = columns.flow_demand * columns.flow_weight
    rows, limits, penalties = with_floors(instance, columns, *columns.flow_rows(instance), people, 0)
    upper = np.concatenate([np.ones(len(people)), np.full(len(penalties), np.inf)])
    highs = model(np.concatenate([people, -penalties]), upper, 0, rows, limits)
    highs.run()
    return columns, np.array(highs.getSolution().col_value)[: len(people)] * people
