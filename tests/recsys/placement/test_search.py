import itertools
import time

import numpy as np
import pytest

from benchmarks.placement_small import small_instance
from recsys.placement.blocks import blocks_of
from recsys.placement.greedy import assign
from recsys.placement.search import BlockSearch


def all_worths(one, search, price):
    """Worth of every plan of the block by its classes."""
    worths = {}
    for classes in itertools.product(*(range(int(k) + 1) for k in search.most)):
        whole = np.zeros(one.allowed.shape, dtype=np.int64)
        whole[search.category, search.venues] = classes
        worths[classes] = assign(one, whole)[1] - float(price @ np.array(classes))
    return worths


@pytest.mark.parametrize("seed", range(15))
def test_every_plan_near_the_best_is_found_whatever_the_prices(seed):
    one = small_instance(seed, n_points=16, n_categories=1, n_venues=6)
    most = np.minimum(one.most_classes(), 2)
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    # Prices follow one another on the same search: cuts and plans of the earlier ones must not mislead.
    for price, within in ((2.5, 0.0), (4.0, 1.0), (1.0, 2.5)):
        worths = all_worths(one, search, np.full(search.n, price))
        best = search.near(np.full(search.n, price), within, time.perf_counter() + 60)
        assert best == pytest.approx(max(worths.values()), abs=1e-6)
        found = {tuple(plan.classes.tolist()): plan for plan in search.plans.values()}
        for classes, worth in worths.items():
            if any(classes) and worth >= best - within + 1e-6:
                assert found[classes].value - price * sum(classes) == pytest.approx(worth, abs=1e-6)


def test_a_search_cut_short_still_gives_a_bound():
    one = small_instance(3, n_points=30, n_categories=1, n_venues=8)
    most = one.most_classes()
    search = BlockSearch(one, blocks_of(one, most > 0, most)[0])
    price = np.full(search.n, 1.0)
    short = search.near(price, 0.0, time.perf_counter() - 1)
    assert short >= search.near(price, 0.0, time.perf_counter() + 60) > 0
    assert np.isfinite(short)
