import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.openings.placement_small import small_instance
from recsys.placement.blocks.block import blocks_of
from recsys.placement.blocks.known import NONE
from recsys.placement.blocks.parts import Limit, Part
from recsys.placement.blocks.search import BlockSearch
from recsys.placement.master.fitting import fitted
from recsys.placement.master.halving import halves
from recsys.placement.master.linear import Master
from recsys.placement.whole.greedy import assign

UNTIL = np.inf


def searched(seed, price=2.0):
    """An instance, its blocks with all plans that lose little, and their linear master."""
    one = small_instance(seed, n_points=14, n_categories=3, n_venues=5)
    one = replace(one, cost=np.round(one.cost, 1), budget=6.0)
    most = np.minimum(one.most_classes(), 2)
    searches = [BlockSearch(one, block) for block in blocks_of(one, most > 0, most)]
    master = Master(one, searches)
    for search in searches:
        search.near(np.full(search.n, price), 8.0, UNTIL)
        for plan in search.plans.values():
            master.add_if_new(plan)
    return one, searches, master


def test_a_part_within_a_limit_keeps_both():
    venues = np.array([2, 5])
    part = Part((Limit(1, venues, 1.0, 3.0), Limit(0, venues, 0.0, 1.0)), 9.0, None)
    inside = part.within(Limit(1, venues, 2.0, np.inf))
    assert {(one.category, one.low, one.high) for one in inside.limits} == {(1, 2.0, 3.0), (0, 0.0, 1.0)}
    assert part.within(Limit(1, venues, 4.0, np.inf)) is None
    assert len(part.within(Limit(1, venues[:1], 1.0, np.inf)).limits) == 3


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (2.0, np.inf), (1.0, 1.0)])
@pytest.mark.parametrize("seed", range(4))
def test_within_limits_the_best_plan_is_the_best_of_those(seed, low, high):
    one = small_instance(seed, n_points=14, n_categories=1, n_venues=5)
    most = np.minimum(one.most_classes(), 2)
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    for venues in (search.venues, search.venues[:1]):
        search.limit([Limit(0, venues, low, high)])
        for price in (2.5, 4.0, 3.9):
            best = NONE
            for classes in itertools.product(*(range(int(m) + 1) for m in search.most)):
                if low <= sum(n for n, v in zip(classes, search.venues, strict=True) if v in venues) <= high:
                    whole = np.zeros(one.allowed.shape, dtype=np.int64)
                    whole[0, search.venues] = classes
                    best = max(best, assign(one, whole)[1] - price * sum(classes))
            found = search.near(np.full(search.n, price), 0.5, UNTIL)
            assert found == pytest.approx(best, abs=1e-6)
            assert search.best_known(np.full(search.n, price)) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_known_from_other_prices_tells_the_best_plan_at_these(seed, monkeypatch):
    one = small_instance(seed, n_points=14, n_categories=1, n_venues=5)
    most = np.minimum(one.most_classes(), 2)
    block = blocks_of(one, most > 0, most)[0]
    rng = np.random.default_rng(seed)
    price = rng.uniform(2.0, 4.0, len(block.venues))
    search = BlockSearch(one, block)
    search.near(price, 3.0, UNTIL)
    solved, solve = [], search.model.solve
    monkeypatch.setattr(search.model, "solve", lambda *a, **k: solved.append(1) or solve(*a, **k))
    n_known = 0
    for k in range(10):
        near = price * rng.uniform(0.97, 1.03, len(price)) if k % 2 else price * rng.uniform(0.5, 1.3)
        solved.clear()
        told = search.near(near, 3.0, UNTIL, enough=0.0)
        n_known += not solved
        assert told == pytest.approx(BlockSearch(one, block).near(near, 0.0, UNTIL), abs=1e-6)
    assert n_known >= 3


@pytest.mark.parametrize("seed", range(6))
def test_halves_are_worth_less_and_leave_no_whole_plan_out(seed):
    _, _, master = searched(seed)
    master.prices()
    whole = master.value()
    both = halves(master, (), whole - 1.0)
    assert master.value() == pytest.approx(whole)
    if both is None:
        return
    for half in both:
        master.limit([half])
        master.prices()
        assert master.value() < whole - 1e-6
    assert both[0].high + 1 == both[1].low
    assert both[0].low == 0
    assert np.isinf(both[1].high)


def test_some_mixture_is_halved():
    found = 0
    for seed in range(6):
        _, _, master = searched(seed)
        master.prices()
        found += halves(master, (), master.value() - 1.0) is not None
    assert found >= 1


@pytest.mark.parametrize("seed", range(8))
def test_a_fitted_plan_keeps_the_limits_and_is_worth_more_than_asked(seed):
    one, searches, master = searched(seed)
    prices = master.prices()
    plans = [[search.nothing(), *search.plans.values()] for search in searches]
    classes = fitted(one, searches, plans, prices, master.wanted(), 0.0)
    assert (classes.sum(axis=0) <= one.slots).all()
    assert (classes * one.cost).sum() <= one.budget + 1e-9
    value = assign(one, classes)[1]
    assert 0 < value <= master.value() + 1e-6
    assert fitted(one, searches, plans, prices, master.wanted(), master.value() + 1e-6) is None
    # A mixture may use more slots than there are: prices near others are paid for that.
    again = fitted(one, searches, plans, prices, 3.0 * master.wanted(), 0.0)
    assert again is None or (again.sum(axis=0) <= one.slots).all()
