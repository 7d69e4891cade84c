import itertools
import time

import numpy as np
import pytest

from benchmarks.openings.placement_small import small_instance
from recsys.placement.blocks import model as block_model
from recsys.placement.blocks.block import blocks_of
from recsys.placement.blocks.search import BlockSearch
from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.greedy import assign


def all_values(one, search):
    """People of every plan of the block by its classes."""
    values = {}
    for classes in itertools.product(*(range(int(k) + 1) for k in search.most)):
        whole = np.zeros(one.allowed.shape, dtype=np.int64)
        whole[search.category, search.venues] = classes
        values[classes] = assign(one, whole)[1]
    return values


def less_price(values, price):
    """Worth of every plan by its classes."""
    return {classes: value - float(price @ np.array(classes)) for classes, value in values.items()}


@pytest.mark.parametrize("seed", range(15))
def test_every_plan_near_the_best_is_found_whatever_the_prices(seed):
    one = small_instance(seed, n_points=16, n_categories=1, n_venues=6)
    most = np.minimum(one.most_classes(), 2)
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    values = all_values(one, search)
    # Prices follow one another on the same search: cuts and plans of the earlier ones must not mislead.
    for price, within in ((2.5, 0.0), (4.0, 1.0), (1.0, 2.5)):
        worths = less_price(values, np.full(search.n, price))
        best = search.near(np.full(search.n, price), within, np.inf)
        assert best == pytest.approx(max(worths.values()), abs=1e-6)
        found = {tuple(plan.classes.tolist()): plan for plan in search.plans.values()}
        for classes, worth in worths.items():
            if any(classes) and worth >= best - within + 1e-6:
                assert found[classes].value - price * sum(classes) == pytest.approx(worth, abs=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_with_few_plans_the_bound_stays_and_the_best_are_there(seed):
    one = small_instance(seed, n_points=16, n_categories=1, n_venues=6)
    most = np.minimum(one.most_classes(), 2)
    block = blocks_of(one, most > 0, most)[0]
    price, until = np.full(len(block.venues), 2.5), np.inf
    few, whole = BlockSearch(one, block), BlockSearch(one, block)
    best = whole.near(price, 12.0, until)
    assert few.near(price, 12.0, until, most=3) == pytest.approx(best, abs=1e-9)
    assert len(few.plans) < len(whole.plans)
    worths = sorted((whole.worth(plan, price) for plan in whole.plans.values()), reverse=True)
    found = sorted((few.worth(plan, price) for plan in few.plans.values()), reverse=True)
    assert found[:3] == pytest.approx(worths[:3], abs=1e-6)
    few.near(price, 12.0, until)
    assert set(few.plans) >= {
        key for key, plan in whole.plans.items() if plan.classes.any() and whole.worth(plan, price) >= best - 12.0
    }


@pytest.mark.parametrize("seed", range(1, 4))
def test_what_parts_of_a_block_have_learned_holds_in_the_whole(seed):
    one = alike_venues(seed)
    most = np.minimum(one.most_classes(), 2)
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    inside = np.isin(np.arange(one.n_venues), search.venues[1:])
    price, until = np.full(search.n, 6.0), np.inf
    for block in blocks_of(one, (most > 0) & inside, most):
        part = BlockSearch(one, block)
        part.near(np.full(part.n, 6.0), 2.0, until)
        search.learn_from(part)
    worths = less_price(all_values(one, search), price)
    assert search.model.cuts
    assert search.plans
    for plan in search.plans.values():
        assert search.worth(plan, price) == pytest.approx(worths[tuple(plan.classes.tolist())], abs=1e-6)
    best = search.near(price, 2.5, until)
    assert best == pytest.approx(max(worths.values()), abs=1e-6)
    found = {tuple(plan.classes.tolist()) for plan in search.plans.values()}
    assert found >= {classes for classes, worth in worths.items() if any(classes) and worth >= best - 2.5 + 1e-6}


def alike_venues(seed):
    """Venues of one place and size that share few large points."""
    rng = np.random.default_rng(seed)
    n_points, n_venues = 4, 6
    place = rng.uniform(0.9, 1.0, n_points)
    return PlacementInstance(
        demand=rng.uniform(20.0, 40.0, (n_points, 1)),
        pair_point=np.tile(np.arange(n_points), n_venues),
        pair_venue=np.repeat(np.arange(n_venues), n_points),
        pair_weight=np.minimum(np.tile(place, n_venues) * rng.uniform(0.97, 1.0, n_points * n_venues), 1.0),
        seats=rng.choice([12.0, 13.0, 14.0], n_venues),
        slots=np.full(n_venues, 2),
        cost=np.ones((1, n_venues)),
        budget=9.0,
        allowed=np.ones((1, n_venues), dtype=bool),
        teachers=np.full(1, np.inf),
    )


def runs_of_the_linear_model(one, price, monkeypatch, are_grouped):
    """Times that it is solved in a search, and the worths of the plans found within 0.5 people of the best."""
    monkeypatch.setattr(block_model, "ALIKE", block_model.ALIKE if are_grouped else -1.0)
    most = one.most_classes()
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    assert bool(search.model.groups) == are_grouped
    runs, value = [], search.model.value
    monkeypatch.setattr(search.model, "value", lambda low, high: runs.append(1) or value(low, high))
    best = search.near(np.full(search.n, price), 0.5, np.inf)
    worths = [search.worth(plan, np.full(search.n, price)) for plan in search.plans.values()]
    return len(runs), sorted(worth for worth in worths if worth >= best - 0.5)


def test_branching_on_venues_that_are_alike_together_finds_the_same_plans_sooner(monkeypatch):
    apart = together = 0
    for seed in range(6):
        one = alike_venues(seed)
        with monkeypatch.context() as patch:
            n_apart, worths_apart = runs_of_the_linear_model(one, 9.0, patch, are_grouped=False)
        with monkeypatch.context() as patch:
            n_together, worths_together = runs_of_the_linear_model(one, 9.0, patch, are_grouped=True)
        assert worths_together == pytest.approx(worths_apart, abs=1e-6)
        assert len(worths_apart) > 0
        apart, together = apart + n_apart, together + n_together
    assert together < 0.8 * apart


def test_a_search_cut_short_still_gives_a_bound():
    one = small_instance(3, n_points=30, n_categories=1, n_venues=8)
    most = one.most_classes()
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    price = np.full(search.n, 1.0)
    short = search.near(price, 0.0, time.perf_counter() - 1)
    assert short >= search.near(price, 0.0, np.inf) > 0
    assert np.isfinite(short)
