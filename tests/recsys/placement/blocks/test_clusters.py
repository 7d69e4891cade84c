from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

import recsys.placement.master.generation as generation
import recsys.placement.solve as solving
from benchmarks.openings.placement_instances import part_of, province
from benchmarks.openings.placement_small import brute_force
from benchmarks.openings.placement_small import small_instance as instance
from recsys.placement.blocks.clusters import cluster_bound, clusters_of, shared_out
from recsys.placement.solve import solve
from recsys.placement.whole.greedy import assign, solve_greedy
from recsys.placement.whole.relaxation import relax
from tests.commands import PATIENCE_S


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.mark.parametrize("seed", range(8))
def test_clusters_bound_every_plan_and_the_larger_the_better(seed, pool):
    one = instance(seed, n_points=20, n_categories=2, n_venues=8)
    relaxed = relax(one, PATIENCE_S, 1.0)
    bounds = [cluster_bound(one, relaxed, PATIENCE_S, pool, most_venues) for most_venues in (1, 3, 8)]
    assert brute_force(one) <= bounds[2] + 1e-6
    # Where no time is left every opening is bounded by itself.
    assert cluster_bound(one, relaxed, 0.0, pool, 8) >= bounds[2] - 1e-9
    # A cluster's bound is at most a thousandth off.
    assert bounds[2] <= bounds[1] * 1.002
    assert bounds[1] <= bounds[0] * 1.002


def test_clusters_are_tighter_than_the_relaxation_where_venues_share_people(pool):
    one = part_of(*_dense_city())
    relaxed = relax(one, PATIENCE_S, 3.0)
    best = solve(one, PATIENCE_S, gap=1e-3).objective
    assert best <= cluster_bound(one, relaxed, PATIENCE_S, pool) < relaxed.bound - 0.3 * (relaxed.bound - best)


def _dense_city():
    one, city, _ = province(1, n_points=800, n_categories=4, n_venues=400, reach_km=12.0)
    return one, city == np.bincount(city).argmin()


def test_clusters_hold_at_most_so_many_and_each_venue_once():
    one = instance(3, n_points=30, n_categories=1, n_venues=12)
    groups = clusters_of(one, 0, np.arange(12), 5)
    assert max(map(len, groups)) <= 5
    assert sorted(np.concatenate(groups).tolist()) == list(range(12))
    assert len(groups) < 12


@pytest.mark.parametrize("seed", range(4))
def test_what_is_shared_out_is_everybody_once_and_the_plan_is_one_of_the_choices(seed):
    one = instance(seed, n_points=30, n_categories=2, n_venues=10)
    plan = solve_greedy(one)
    blocks = shared_out(one, one.most_classes() > 0, plan.classes, 3)
    taken = np.zeros_like(one.demand)
    for block in blocks:
        some = np.unique(block.columns.flow_point)
        demand = np.zeros(len(one.demand))
        demand[block.columns.flow_point] = block.columns.flow_demand
        taken[some, block.category] += demand[some]
    assert (taken <= one.demand + 1e-9).all()
    for category in range(2):
        reached = one.pair_point[(one.most_classes()[category] > 0)[one.pair_venue]]
        some = np.isin(np.arange(len(one.demand)), reached)
        np.testing.assert_allclose(taken[some, category], one.demand[some, category])
    held = 0.0
    for block in blocks:
        price = np.zeros(len(block.venues))
        held += block.best(price, np.ones(len(one.demand)), 5.0)[0]
    assert held >= assign(one, plan.classes)[1] - 1e-6


@pytest.mark.parametrize("seed", range(6))
def test_plans_of_parts_lie_between_greedy_and_the_bound(seed, monkeypatch):
    monkeypatch.setattr(generation, "CUT_ABOVE", 2)
    monkeypatch.setattr(solving, "PROVEN_UP_TO", 0)
    one = instance(seed + 20, n_points=30, n_categories=2, n_venues=8)
    floors = one.relative_floor(np.arange(30) % 3, np.full(3, 0.3))
    for case in (one, floors, replace(one, teachers=np.array([1.0, 2.0]))):
        best = brute_force(case)
        plan = solve(case, 20.0, gap=1e-7)
        assert plan.bound >= best - 1e-4
        assert plan.objective <= best + 1e-4
        assert plan.objective >= solve_greedy(case).objective - 1e-9
        assert (plan.classes.sum(axis=0) <= case.slots).all()
        assert (plan.classes * case.cost).sum() <= case.budget + 1e-9
