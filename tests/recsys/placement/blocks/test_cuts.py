import itertools

import numpy as np
import pytest

from benchmarks.openings.placement_small import small_instance
from recsys.placement.blocks.block import blocks_of
from recsys.placement.blocks.model import BlockModel
from recsys.placement.whole.tight import model


def widest_block(seed):
    one = small_instance(seed, n_points=14, n_categories=1, n_venues=4)
    most = one.most_classes()
    return one, BlockModel(one, blocks_of(one, most > 0, most)[0])


def broken_cuts(one, block, together):
    """Cuts that the linear model's best points break, at several prices of a class."""
    cuts = []
    for price in np.linspace(0.3, 4.0, 12):
        rows, limits = block.columns.rows(one, with_shared=False)
        cost = np.concatenate([np.full(block.n, -price), block.people])
        highs = model(cost, np.concatenate([block.most, np.ones(len(block.people))]).astype(float), 0, rows, limits)
        highs.run()
        z = np.array(highs.getSolution().col_value)
        found = block.finder.broken(z, together)
        assert all(cut.value @ z[cut.index] > cut.limit + 1e-6 for cut in found)
        cuts += found
    return cuts


@pytest.mark.parametrize("seed", range(12))
def test_no_whole_plan_breaks_a_cut(seed):
    one, block = widest_block(seed)
    for cut in broken_cuts(one, block, together=True):
        cost = np.zeros(block.n + len(block.people))
        cost[cut.index] = cut.value
        rows, limits = block.columns.rows(one, with_shared=False)
        for classes in itertools.product(*(range(int(k) + 1) for k in block.most)):
            upper = np.concatenate([classes, np.ones(len(block.people))]).astype(float)
            highs = model(cost, upper, 0, rows, limits)
            n = np.arange(block.n, dtype=np.int32)
            highs.changeColsBounds(block.n, n, np.array(classes, float), np.array(classes, float))
            highs.run()
            assert highs.getInfo().objective_function_value <= cut.limit + 1e-6


def test_linear_models_break_cuts_of_one_venue_and_of_several():
    single = together = 0
    for seed in range(12):
        one, block = widest_block(seed)
        alone = broken_cuts(one, block, together=False)
        single += len(alone)
        together += len(broken_cuts(one, block, together=True)) - len(alone)
    assert single > 0
    assert together > 0
