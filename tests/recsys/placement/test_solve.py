import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.openings.placement_small import brute_force
from benchmarks.openings.placement_small import small_instance as instance
from recsys.errors import DataError
from recsys.placement.solve import solve
from recsys.placement.whole.greedy import assign, solve_greedy
from recsys.placement.whole.tight import solve_whole
from tests.commands import PATIENCE_S


@pytest.mark.parametrize("seed", range(40))
def test_equals_brute_force_up_to_twelve_venues(seed):
    one = instance(seed, n_points=10 + seed % 20, n_categories=1 + seed % 2, n_venues=4 + seed % 9)
    assert solve(one, PATIENCE_S, gap=1e-8).objective == pytest.approx(brute_force(one), abs=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_no_single_swap_makes_the_plan_better(seed):
    one = instance(seed + 30, n_points=30, n_categories=2, n_venues=8)
    plan = solve(one, PATIENCE_S, gap=1e-8)
    most = one.most_classes()
    opened = [tuple(at) for at in np.argwhere(plan.classes)]
    for closed, new in itertools.product([None, *opened], [tuple(at) for at in np.argwhere(most)]):
        classes = plan.classes.copy()
        if closed is not None:
            classes[closed] -= 1
        classes[new] += 1
        within = (classes.sum(axis=0) <= one.slots).all() and (classes * one.cost).sum() <= one.budget
        if within and (classes <= most).all():
            assert assign(one, classes)[1] <= plan.objective + 1e-4


@pytest.mark.parametrize("seed", range(8))
def test_equals_brute_force(seed):
    one = instance(seed)
    best = brute_force(one)
    plan = solve(one, PATIENCE_S, gap=1e-7)
    assert plan.objective == pytest.approx(best, abs=1e-4)
    assert plan.bound >= best - 1e-4
    assert solve_whole(one, PATIENCE_S).objective == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("seed", [1, 2, 18, 35, 38])
@pytest.mark.parametrize("gap", [1e-4, 0.3])
def test_where_near_is_enough_the_bound_still_holds(seed, gap):
    one = instance(seed)
    plan = solve(one, PATIENCE_S, gap=gap)
    assert plan.bound >= brute_force(one) - 1e-6
    assert plan.bound - plan.objective <= gap * plan.objective + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_equals_brute_force_with_floors_and_teachers(seed):
    one = replace(instance(seed + 50), teachers=np.array([1.0, 2.0]))
    group = np.arange(10) % 3
    one = one.relative_floor(group, np.full(3, 0.3))
    plan = solve(one, PATIENCE_S, gap=1e-7)
    assert plan.objective == pytest.approx(brute_force(one), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_never_worse_than_greedy_and_within_every_limit(seed):
    one = instance(seed + 20, n_points=40, n_categories=3, n_venues=12)
    plan, greedy = solve(one, PATIENCE_S), solve_greedy(one)
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
