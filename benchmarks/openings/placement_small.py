"""Instances small enough to try every plan, and the trying."""

import itertools
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.greedy import assign


def small_instance(seed: int, n_points: int = 10, n_categories: int = 2, n_venues: int = 3) -> PlacementInstance:
    """Random points, venues and limits; about four classes can be paid for at most."""
    rng = np.random.default_rng(seed)
    km = rng.uniform(0, 4, (n_venues, n_points))
    venue, point = np.nonzero(km < 2.5)
    return PlacementInstance(
        demand=rng.gamma(1.0, 4.0, (n_points, n_categories)),
        pair_point=point,
        pair_venue=venue,
        pair_weight=np.exp(-km[venue, point] / 2),
        seats=rng.integers(5, 12, n_venues).astype(float),
        slots=rng.integers(1, 3, n_venues),
        cost=rng.uniform(0.7, 1.5, (n_categories, n_venues)),
        budget=float(rng.uniform(1, 4)),
        allowed=rng.random((n_categories, n_venues)) < 0.9,
        teachers=np.full(n_categories, np.inf),
    )


def brute_force(one: PlacementInstance) -> float:
    """The best objective of all plans within the limits, by trying them all.

    Without floors categories share no people, so each one's plans are valued once and then combined.
    """
    if one.floors:
        return max((_objective(one, np.array(classes)) for classes in _plans(one, slice(None))), default=-np.inf)
    parts = []
    for category in range(one.n_categories):
        plans = np.array(list(_plans(one, slice(category, category + 1))))[:, 0]
        values = []
        for classes in plans:
            alone = np.zeros(one.allowed.shape, dtype=np.int64)
            alone[category] = classes
            values.append(_objective(one, alone))
        parts.append((plans, plans @ one.cost[category], np.array(values)))
    best = 0.0
    for several in itertools.product(*(range(len(plans)) for plans, _, _ in parts[1:])):
        rest = [(plans[k], cost[k], value[k]) for (plans, cost, value), k in zip(parts[1:], several, strict=True)]
        plans, cost, value = parts[0]
        used = plans + sum((p for p, _, _ in rest), np.zeros(one.n_venues, dtype=np.int64))
        fits = (used <= one.slots).all(axis=1) & (cost + sum(c for _, c, _ in rest) <= one.budget + 1e-9)
        best = max(best, float(value[fits].max(initial=-np.inf)) + sum(v for _, _, v in rest))
    return best


def _plans(one: PlacementInstance, categories: slice) -> Iterator[NDArray[np.int64]]:
    """Every plan of some categories within budget, slots and teachers."""
    most, cost, teachers = one.most_classes()[categories], one.cost[categories], one.teachers[categories]
    flat, price = most.ravel(), cost.ravel()

    def more(so_far: list[int], spent: float) -> Iterator[NDArray[np.int64]]:
        if len(so_far) == len(flat):
            classes = np.array(so_far).reshape(most.shape)
            if (classes.sum(axis=0) <= one.slots).all() and (classes.sum(axis=1) <= teachers).all():
                yield classes
            return
        k = len(so_far)
        for n in range(int(flat[k]) + 1):
            if spent + n * price[k] <= one.budget + 1e-9:
                yield from more([*so_far, n], spent + n * price[k])

    return more([], 0.0)


def _objective(one: PlacementInstance, classes: NDArray[np.int64]) -> float:
    _, value, short = assign(one, classes)
    return value - short
