"""The relaxation without limits on points: a bound on every plan within seconds, and prices for the exact search."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.greedy import GreedyState, fill, point_weights
from recsys.placement.whole.prices import Prices

N_STEPS = 400
FIRST_STEP, LAST_STEP = 0.3, 0.002
MOMENTUM = 0.7

MOST_OVER = 2.0
"""A point asked for more than this many times over counts as this: its price must not leap."""


@dataclass(frozen=True)
class Relaxation:
    """What `relax` found.

    Attributes:
        bound: No plan has a greater objective.
        prices: Of budget, slots, teachers and floors.
        wanted: (n_categories, n_venues) mean number of classes over the last steps.
        people: (n_points, n_categories) price of taking one person of a point; None where people had none.
    """

    bound: float
    prices: Prices
    wanted: NDArray[np.float64]
    people: NDArray[np.float64] | None = None


@dataclass
class _Multipliers:
    """Prices of one step; `people` is (n_points, n_categories): of taking one person of a point."""

    people: NDArray[np.float64]
    budget: float
    teachers: NDArray[np.float64]
    floors: list[NDArray[np.float64]]


@dataclass(frozen=True)
class _Choice:
    """The best plan at prices, each opening for itself."""

    bound: float
    classes: NDArray[np.int64]
    taken: NDArray[np.float64]
    covered: NDArray[np.float64]
    slots: NDArray[np.float64]


def relax(instance: PlacementInstance, seconds: float, budget_price: float, n_steps: int = N_STEPS) -> Relaxation:
    """A bound by Lagrangian relaxation of budget, teachers, floors and of what a point can give.

    With a price on each point's people an opening is a knapsack for itself, concave in its number of classes, and a
    venue picks the classes that pay best within its slots: both are solved exactly by sorting. The bound is that of
    the linear model in which every opening is replaced by its convex hull (Guignard 2003, TOP 11(2)). Multipliers
    follow averaged subgradients with shrinking steps.

    Args:
        instance: What to choose from.
        seconds: Most time; steps shrink faster when it is short.
        budget_price: Where the budget's price starts: gain per cost of a marginal class.
        n_steps: Steps at most.
    """
    began = time.perf_counter()
    model = _Model(instance)
    now = _Multipliers(
        np.zeros_like(instance.demand),
        max(budget_price, 1e-6),
        np.zeros(instance.n_categories),
        [np.zeros(len(f.least)) for f in instance.floors],
    )
    scale = max(budget_price, 1e-6) * float(np.median(instance.cost))
    slope: _Multipliers | None = None
    best, prices, people = np.inf, model.prices(now, np.zeros(instance.n_venues)), now.people
    wanted, n_averaged, slots = np.zeros(len(model.category)), 0, np.zeros(instance.n_venues)
    for k in range(n_steps):
        done = max(k / n_steps, (time.perf_counter() - began) / max(seconds, 1e-9))
        choice = model.choose(now)
        slots = choice.slots if k == 0 else 0.8 * slots + 0.2 * choice.slots
        if choice.bound < best:
            best, prices, people = choice.bound, model.prices(now, slots), now.people
        if done >= 0.5:
            wanted, n_averaged = wanted + choice.classes, n_averaged + 1
        if done >= 1:
            break
        slope = model.slope(choice, slope)
        model.follow(now, slope, FIRST_STEP * (LAST_STEP / FIRST_STEP) ** done, scale)
    mean = np.zeros(instance.allowed.shape)
    mean[model.category, model.venue] = wanted / max(n_averaged, 1)
    return Relaxation(best, prices, mean, people)


def rounded(instance: PlacementInstance, relaxed: Relaxation) -> GreedyState:
    """The classes that the relaxation wants most, as far as the limits go, filled up greedily."""
    state = GreedyState(instance, point_weights(instance, relaxed.prices.floors))
    category, venue = np.nonzero(relaxed.wanted >= 0.5)
    for k in np.argsort(-relaxed.wanted[category, venue], kind="stable"):
        for _ in range(int(relaxed.wanted[category[k], venue[k]] + 0.5)):
            if state.fits(int(category[k]), int(venue[k])):
                state.open(int(category[k]), int(venue[k]))
    fill(state)
    return state


class _Model:
    """Openings as rows of padded arrays over the points in their reach."""

    def __init__(self, instance: PlacementInstance) -> None:
        self.instance = instance
        n_points, n_categories = instance.demand.shape
        most = instance.most_classes()
        self.category, self.venue = np.nonzero(most)
        self.most = most[self.category, self.venue]
        degree = np.bincount(instance.pair_venue, minlength=instance.n_venues)
        place = np.arange(len(instance.pair_venue)) - (np.cumsum(degree) - degree)[instance.pair_venue]
        point = np.full((instance.n_venues, int(degree.max(initial=1))), n_points)
        point[instance.pair_venue, place] = instance.pair_point
        self.weight = np.full(point.shape, -1.0)
        self.weight[instance.pair_venue, place] = instance.pair_weight
        self.point = point
        padded = np.vstack([instance.demand, np.zeros(n_categories)])
        self.demand = padded[point[self.venue], self.category[:, None]]
        self.key = point[self.venue] * n_categories + self.category[:, None]
        self.seats = instance.seats[self.venue]
        self.cost = instance.cost[self.category, self.venue]
        # One row for each first, second, ... class of an opening.
        self.row = np.repeat(np.arange(len(self.most)), self.most)
        self.nth = np.arange(len(self.row)) - np.repeat(np.cumsum(self.most) - self.most, self.most)
        # A point within reach of one venue alone can give no more than it has whatever its price.
        self.is_shared = np.bincount(instance.pair_point, minlength=n_points)[:, None] > 1

    def choose(self, at: _Multipliers) -> _Choice:
        """The best plan at prices and its bound."""
        instance = self.instance
        n_points, n_categories = instance.demand.shape
        worth = np.append(point_weights(instance, at.floors), 1.0)
        people = np.append(at.people.ravel(), np.zeros(n_categories))
        net = (self.weight * worth[self.point])[self.venue] - people[self.key]
        order = np.argsort(-net, axis=1)
        net = np.take_along_axis(net, order, axis=1)
        demand = np.where(net > 0, np.take_along_axis(self.demand, order, axis=1), 0.0)
        before = np.cumsum(demand, axis=1) - demand
        gain = self._gains(net, demand, before) - at.budget * self.cost[self.row] - at.teachers[self.category[self.row]]
        chosen, slots = self._within_slots(gain)
        classes = np.bincount(self.row[chosen], minlength=len(self.most))
        served = np.clip((self.seats * classes)[:, None] - before, 0, demand)
        key = np.take_along_axis(self.key, order, axis=1)
        taken = np.bincount(key.ravel(), served.ravel(), minlength=(n_points + 1) * n_categories).astype(np.float64)
        taken = taken[: n_points * n_categories].reshape(n_points, n_categories)
        weight = np.take_along_axis(self.weight[self.venue], order, axis=1)
        people_of = (served * weight).ravel()
        covered = np.bincount((key // n_categories).ravel(), people_of, minlength=n_points + 1).astype(np.float64)
        bound = float(gain[chosen].sum()) + at.budget * instance.budget + float((at.people * instance.demand).sum())
        bound += float(at.teachers @ np.minimum(instance.teachers, 1e9))
        bound -= sum(float(p @ f.least) for p, f in zip(at.floors, instance.floors, strict=True))
        return _Choice(bound, classes, taken, covered[:n_points], slots)

    def _gains(
        self, net: NDArray[np.float64], demand: NDArray[np.float64], before: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n_classes,) gain of each first, second, ... class of each opening."""
        gain = np.empty(len(self.row))
        first = np.minimum(np.maximum(self.seats[:, None] - before, 0), demand)
        gain[self.nth == 0] = np.einsum("ij,ij->i", first, net)
        later = np.flatnonzero(self.nth > 0)
        row = self.row[later]
        seats = self.seats[row][:, None]
        room = seats * self.nth[later][:, None] - before[row]
        taken = np.clip(room + seats, 0, demand[row]) - np.clip(room, 0, demand[row])
        gain[later] = np.einsum("ij,ij->i", taken, net[row])
        return gain

    def _within_slots(self, gain: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Rows of the classes that pay best at each venue within its slots, and the gain of the first left out."""
        some = np.flatnonzero(gain > 0)
        venue = self.venue[self.row[some]]
        order = np.lexsort((-gain[some], venue))
        some, venue = some[order], venue[order]
        rank = np.arange(len(venue)) - np.searchsorted(venue, venue)
        slots = self.instance.slots[venue]
        left_out = np.zeros(self.instance.n_venues)
        next_one = rank == slots
        left_out[venue[next_one]] = gain[some[next_one]]
        return some[rank < slots], left_out

    def slope(self, choice: _Choice, last: _Multipliers | None) -> _Multipliers:
        """What is left of every limit, as a share of it, averaged with the last steps'."""
        instance = self.instance
        left_of_point = 1 - choice.taken / np.maximum(instance.demand, 1e-12)
        people = np.where(self.is_shared, np.maximum(left_of_point, -MOST_OVER), 0.0)
        spent = float(choice.classes @ self.cost)
        teaching = np.bincount(self.category, choice.classes, minlength=instance.n_categories)
        floors = []
        for floor in instance.floors:
            inside = floor.group >= 0
            covered = np.bincount(floor.group[inside], choice.covered[inside], minlength=len(floor.least))
            floors.append((covered - floor.least) / np.maximum(floor.least, 1e-9))
        left = _Multipliers(
            people,
            1 - spent / max(instance.budget, 1e-9),
            np.where(np.isfinite(instance.teachers), 1 - teaching / np.maximum(instance.teachers, 1), 0.0),
            floors,
        )
        if last is None:
            return left
        old, new = MOMENTUM, 1 - MOMENTUM
        return _Multipliers(
            old * last.people + new * left.people,
            old * last.budget + new * left.budget,
            old * last.teachers + new * left.teachers,
            [old * a + new * b for a, b in zip(last.floors, left.floors, strict=True)],
        )

    def follow(self, at: _Multipliers, slope: _Multipliers, step: float, scale: float) -> None:
        """Moves multipliers against what is left; `scale` is the gain of a usual class."""
        at.people = np.maximum(at.people - step * slope.people, 0.0)
        at.budget = max(at.budget * (1 - 3 * step * max(slope.budget, -1.0)), 1e-9)
        at.teachers = np.maximum(at.teachers - step * scale * slope.teachers, 0.0)
        at.floors = [
            np.clip(price - step * np.clip(left, -1, 1), 0.0, floor.penalty)
            for price, left, floor in zip(at.floors, slope.floors, self.instance.floors, strict=True)
        ]

    def prices(self, at: _Multipliers, slots: NDArray[np.float64]) -> Prices:
        """Prices of what blocks share."""
        return Prices(at.budget, slots.copy(), at.teachers.copy(), [p.copy() for p in at.floors])
