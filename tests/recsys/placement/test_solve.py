import itertools
from dataclasses import replace

import numpy as np
import pytest

from recsys.errors import DataError
from recsys.placement.greedy import assign, solve_greedy
from recsys.placement.instance import PlacementInstance
from recsys.placement.solve import solve
from recsys.placement.tight import solve_whole


def instance(seed: int, n_points: int = 10, n_categories: int = 2, n_venues: int = 3) -> PlacementInstance:
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
    most = one.most_classes()
    best = 0.0 if not one.floors else -np.inf
    for counts in itertools.product(*(range(n + 1) for n in most.ravel())):
        classes = np.array(counts).reshape(most.shape)
        within = (classes.sum(axis=0) <= one.slots).all() and (classes * one.cost).sum() <= one.budget
        if within and (classes.sum(axis=1) <= one.teachers).all():
            _, value, short = assign(one, classes)
            best = max(best, value - short)
    return best


@pytest.mark.parametrize("seed", range(8))
def test_equals_brute_force(seed):
    one = instance(seed)
    best = brute_force(one)
    plan = solve(one, 20.0, gap=1e-7)
    assert plan.objective == pytest.approx(best, abs=1e-4)
    assert plan.bound >= best - 1e-4
    assert solve_whole(one, 20.0).objective == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_equals_brute_force_with_floors_and_teachers(seed):
    one = replace(instance(seed + 50), teachers=np.array([1.0, 2.0]))
    group = np.arange(10) % 3
    one = one.relative_floor(group, np.full(3, 0.3))
    plan = solve(one, 20.0, gap=1e-7)
    assert plan.objective == pytest.approx(brute_force(one), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_never_worse_than_greedy_and_within_every_limit(seed):
    one = instance(seed + 20, n_points=40, n_categories=3, n_venues=12)
    plan, greedy = solve(one, 20.0), solve_greedy(one)
    assert plan.objective >= greedy.objective - 1e-9
    assert plan.bound >= plan.objective - 1e-9
    assert (plan.classes.sum(axis=0) <= one.slots).all()
    assert (plan.classes * one.cost).sum() <= one.budget + 1e-9
    assert (plan.classes[~one.allowed] == 0).all()
    assert plan.value <= one.demand.sum()


def test_nothing_to_spend_opens_nothing():
    plan = solve(replace(instance(1), budget=0.0), 5.0)
    assert plan.classes.sum() == 0
    assert plan.bound == 0.0


def test_bad_instances_name_every_problem():
    with pytest.raises(DataError) as failure:
        replace(instance(1), cost=np.zeros((2, 3)), demand=np.full((10, 2), np.nan))
    assert len(failure.value.problems) == 2
