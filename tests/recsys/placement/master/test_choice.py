import itertools
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.openings.placement_small import small_instance
from recsys.placement.blocks.block import blocks_of
from recsys.placement.blocks.search import BlockSearch
from recsys.placement.master.choice import Choice
from recsys.placement.whole.prices import Prices


@pytest.mark.parametrize("unit", [0.05, None])
@pytest.mark.parametrize("seed", range(8))
def test_the_best_choice_of_one_plan_a_block_is_found(seed, unit):
    one = small_instance(seed, n_points=12, n_categories=3, n_venues=4)
    if unit:
        one = replace(one, cost=np.round(one.cost / unit) * unit)
    most = one.most_classes()
    searches = [BlockSearch(one, block) for block in blocks_of(one, most > 0, most)]
    plans = []
    for search in searches:
        search.near(np.full(search.n, 1.0), 100.0, np.inf)
        fewest = sorted(search.plans.values(), key=lambda plan: plan.classes.sum())
        plans.append([search.nothing(), *fewest[:6]])
    best = 0.0
    for chosen in itertools.product(*plans):
        classes = np.zeros_like(most)
        for search, plan in zip(searches, chosen, strict=True):
            classes[search.category, search.venues] += plan.classes
        if (classes.sum(axis=0) <= one.slots).all() and (classes * one.cost).sum() <= one.budget + 1e-9:
            best = max(best, sum(plan.value for plan in chosen))
    assert best > 0
    choice = Choice(one, searches, plans, at_least=0.0)
    prices = Prices(1.0, np.zeros(one.n_venues), np.zeros(one.n_categories), [])
    assert choice.solve(prices, 60.0) == pytest.approx(best, abs=1e-6)
    assert choice.value == pytest.approx(best, abs=1e-6)
    assert (choice.classes.sum(axis=0) <= one.slots).all()
    assert (choice.classes * one.cost).sum() <= one.budget + 1e-9
    # Nothing is worth more than the best: then no choice is made, and the bound is what was asked for.
    more = Choice(one, searches, plans, at_least=best + 0.01)
    assert more.solve(prices, 60.0) == pytest.approx(best + 0.01)
    assert more.classes is None
