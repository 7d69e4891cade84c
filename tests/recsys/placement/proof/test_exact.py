from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.openings.placement_instances import part_of, province
from benchmarks.openings.placement_small import brute_force, small_instance
from recsys.placement.blocks.parts import Part
from recsys.placement.proof import priced
from recsys.placement.proof.exact import Proof
from recsys.placement.whole.tight import solve_whole
from tests.commands import PATIENCE_S

EVERYTHING = Part((), np.inf, None)


def prove(one, seconds=PATIENCE_S):
    with ThreadPoolExecutor(2) as pool:
        return Proof(one, seconds, 0.0, pool).run()


@pytest.mark.parametrize("unit", [0.05, None])
@pytest.mark.parametrize("seed", range(15))
def test_proves_the_best_of_all_plans(seed, unit):
    one = small_instance(seed + 300, n_points=12 + seed % 10, n_categories=2, n_venues=4 + seed % 6)
    if unit:  # costs of whole units go through the knapsack, others to HiGHS alone
        one = replace(one, cost=np.round(one.cost / unit) * unit)
    if seed % 3 == 0:
        one = replace(one, teachers=np.array([1.0, 2.0]))
    plan = prove(one)
    assert plan.objective == pytest.approx(brute_force(one), abs=1e-6)
    assert plan.gap <= 1e-9
    assert (plan.classes.sum(axis=0) <= one.slots).all()
    assert (plan.classes.sum(axis=1) <= one.teachers).all()
    assert (plan.classes * one.cost).sum() <= one.budget + 1e-9


@pytest.mark.parametrize("seed", range(10))
def test_plans_left_out_while_prices_are_looked_for_are_written_down_in_the_end(seed, monkeypatch):
    monkeypatch.setattr(priced, "NEARLY", 0.05)
    monkeypatch.setattr(priced, "FEW", 1)
    one = small_instance(seed + 300, n_points=12 + seed % 10, n_categories=2, n_venues=4 + seed % 6)
    plan = prove(one)
    assert plan.objective == pytest.approx(brute_force(one), abs=1e-6)
    assert plan.gap <= 1e-9


def test_a_countys_plan_is_that_of_the_whole_model():
    one, _, county = province(1, n_venues=500)
    part = part_of(one, county == np.bincount(county).argmax())
    whole = solve_whole(part, PATIENCE_S, 1e-9)
    plan = prove(part)
    assert plan.gap <= 1e-9
    assert plan.objective == pytest.approx(whole.objective, rel=1e-7)


@pytest.mark.parametrize("width", [0.0005, 0.05, 5.0])
def test_prices_end_where_no_mixture_of_plans_is_worth_less_however_far_they_may_move_at_first(width, monkeypatch):
    monkeypatch.setattr(priced, "WIDTH", width)
    monkeypatch.setattr(priced, "SETTLED", 1e-9)
    one, _, county = province(3, n_venues=800)
    part = part_of(one, county == np.bincount(county).argmax())
    with ThreadPoolExecutor(2) as pool:
        proof = Proof(part, PATIENCE_S, 0.0, pool)
        proof._enter(EVERYTHING)
        proof._prices(EVERYTHING)
    proof.master.prices()
    assert proof.priced == pytest.approx(proof.master.value(), rel=1e-7)


def test_without_time_the_bound_still_holds():
    one = small_instance(7, n_points=30, n_categories=3, n_venues=10)
    plan = prove(one, seconds=0.0)
    assert plan.bound >= solve_whole(one, PATIENCE_S, 1e-9).objective - 1e-6
    assert plan.objective > 0
