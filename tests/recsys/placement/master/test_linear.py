import itertools
from types import SimpleNamespace

import highspy
import numpy as np
import pytest

from benchmarks.openings.placement_small import small_instance
from recsys.errors import FitError
from recsys.placement.blocks.block import blocks_of
from recsys.placement.blocks.search import BlockSearch
from recsys.placement.master.linear import Master


def solved_master(seed):
    """An instance and the linear master, solved, of up to six plans a block."""
    one = small_instance(seed, n_points=12, n_categories=3, n_venues=4)
    most = one.most_classes()
    searches = [BlockSearch(one, block) for block in blocks_of(one, most > 0, most)]
    master = Master(one, searches)
    for search in searches:
        search.near(np.full(search.n, 1.0), 100.0, np.inf)
        for plan in sorted(search.plans.values(), key=lambda plan: plan.classes.sum())[:6]:
            master.add(plan)
    master.prices()
    return one, master


def best_value(one, master):
    """People of the best choice of one plan a block, by trying all."""
    of_block = [[p for p in master.plans if p.block == b] for b in range(len(master.blocks))]
    best = 0.0
    for chosen in itertools.product(*([None, *plans] for plans in of_block)):
        classes, value = np.zeros(one.allowed.shape), 0.0
        for plan in chosen:
            if plan is not None:
                block = master.blocks[plan.block]
                classes[block.category, block.venues] += plan.classes
                value += plan.value
        if (classes.sum(axis=0) <= one.slots).all() and (classes * one.cost).sum() <= one.budget + 1e-9:
            best = max(best, value)
    return best


class Answering:
    """HiGHS, but for some of its answers."""

    def __init__(self, highs, **answers):
        self._highs, self._answers = highs, answers

    def __getattr__(self, name):
        return (lambda: self._answers[name]) if name in self._answers else getattr(self._highs, name)


@pytest.mark.parametrize("seed", range(6))
def test_the_best_whole_choice_keeps_the_limits_and_is_proven(seed):
    one, master = solved_master(seed)
    best = best_value(one, master)
    classes, bound = master.whole(60.0, 0.0, -np.inf)
    assert best > 0
    assert bound == pytest.approx(best, abs=1e-5)
    assert (classes.sum(axis=0) <= one.slots).all()
    assert (classes * one.cost).sum() <= one.budget + 1e-6
    master.prices()
    _, bound = master.whole(60.0, 0.0, best + 0.01)
    assert bound <= best + 0.01 + 1e-6


def test_a_choice_that_breaks_a_limit_or_is_not_whole_is_not_taken():
    for weight in (1.0, 0.5):
        one, master = solved_master(0)
        best = best_value(one, master)
        n = master.first_plan + len(master.plans)
        reduced = np.array(master.highs.getSolution().col_dual)
        wrong = SimpleNamespace(col_value=np.full(n, weight), col_dual=reduced)
        master.highs = Answering(master.highs, getSolution=wrong)
        classes, bound = master.whole(60.0, 0.0, -np.inf)
        assert classes is None
        assert bound == pytest.approx(best, abs=1e-5)


def test_a_search_that_ends_without_a_word_proves_nothing():
    _, master = solved_master(0)
    master.highs = Answering(master.highs, getModelStatus=highspy.HighsModelStatus.kUnknown)
    _, bound = master.whole(60.0, 0.0, -np.inf)
    assert bound == np.inf
    with pytest.raises(FitError, match="not solved"):
        master.prices()


def test_without_time_the_bound_holds():
    one, master = solved_master(0)
    _, bound = master.whole(0.0, 0.0, -np.inf)
    assert bound >= best_value(one, master) - 1e-6
