import numpy as np
import pytest

from benchmarks.openings.placement_instances import part_of, province
from benchmarks.openings.placement_small import small_instance
from recsys.placement.fast import solve_fast
from recsys.placement.whole.greedy import GreedyState, fill, point_weights, solve_greedy
from recsys.placement.whole.relaxation import relax
from recsys.placement.whole.tight import solve_whole
from tests.commands import PATIENCE_S


@pytest.mark.parametrize("seed", range(12))
def test_the_relaxations_bound_is_above_every_plan(seed):
    one = small_instance(seed, n_points=30, n_categories=3, n_venues=8)
    if seed % 2:
        one = one.relative_floor(np.arange(30) % 3, np.full(3, 0.3))
    marginal = fill(GreedyState(one, point_weights(one)))
    best = solve_whole(one, PATIENCE_S, 1e-9).objective
    assert relax(one, PATIENCE_S, marginal, 100).bound >= best - 1e-6
    assert relax(one, PATIENCE_S, 100.0, 5).bound >= best - 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_fast_is_never_worse_than_greedy_and_within_every_limit(seed):
    one = small_instance(seed + 20, n_points=40, n_categories=3, n_venues=12)
    plan = solve_fast(one)
    assert plan.objective >= solve_greedy(one).objective - 1e-9
    assert plan.bound >= plan.objective
    assert (plan.classes.sum(axis=0) <= one.slots).all()
    assert (plan.classes * one.cost).sum() <= one.budget + 1e-9


def test_the_bound_is_close_on_a_county_full_of_venues():
    one, _, county = province(1, n_venues=2000, reach_km=12.0)
    plan = solve_fast(part_of(one, county == 40), seconds=PATIENCE_S)
    assert plan.gap < 0.05
