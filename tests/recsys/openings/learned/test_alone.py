import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

import recsys.openings.learned.alone as alone_module
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question
from recsys.openings.suggest import planned, suggest

WEIGHTS = Question(budget=6, age_weights={"30-44": 3.0}, effort="fast")


@pytest.mark.parametrize("question", [Question(budget=6), Question(budget=6, max_size=5), WEIGHTS])
def test_it_is_what_the_first_class_brings(inputs, question):
    search = Search(inputs, Choices(inputs, question))
    found = {(category, venue): -value for value, category, venue, _ in search.candidates()}
    assert len(found) > 10
    for (category, venue), value in found.items():
        np.testing.assert_allclose(search.best_at(category, venue).worth, value, rtol=1e-4)


def test_beside_others_no_class_brings_more(inputs):
    search = Search(inputs, Choices(inputs, Question(budget=6, effort="fast")))
    before = {(category, venue): -value for value, category, venue, _ in search.candidates()}
    hours = {pair: search.best_at(*pair).slot for pair in before}
    search.run()
    n_same = 0
    for pair, value in before.items():
        beside = search.best_at(*pair)
        if beside is None:
            continue
        # Hours are chosen to first order: where the best is taken, the next can bring a little more.
        same = beside.slot == hours[pair]
        n_same += same
        assert beside.worth <= value * (1 + 1e-4 if same else 1.02)
    assert n_same > 10


def test_where_it_would_take_much_memory_plans_are_the_same(inputs, monkeypatch):
    plan = suggest(inputs, 6, question=WEIGHTS)
    monkeypatch.setattr(alone_module, "MOST_KEPT", 0)
    fresh = type(inputs)(**{name: getattr(inputs, name) for name in inputs.__dataclass_fields__})
    assert fresh.alone.who is None
    assert suggest(fresh, 6, question=WEIGHTS).equals(plan)


def test_beside_other_access_of_a_category_the_others_stay(inputs):
    known, access = inputs.alone, inputs.access.copy()
    access[:, 1] += 1
    before = {category: (known.drawn(category), known.pairs(category)) for category in (0, 1)}
    after = known.with_access(access, {1})
    assert after.drawn(0) is before[0][0]
    assert after.pairs(0) is before[0][1]
    fresh = replace(inputs, access=access).alone
    np.testing.assert_array_equal(after.drawn(1), fresh.drawn(1))
    np.testing.assert_array_equal(after.pairs(1).more, fresh.pairs(1).more)
    assert (after.pairs(1).drawn < before[1][1].drawn).any()


def test_very_many_classes_are_not_valued_beside_each_other(inputs, monkeypatch):
    assert replace(inputs).alone.pairs(0) is not None
    monkeypatch.setattr(alone_module, "MOST_PAIRED", 0)
    assert replace(inputs).alone.pairs(0) is None
    plan = planned(replace(inputs), Question(budget=8, effort="fast"))
    assert 0 <= plan.gap < 0.05


def test_inputs_that_nobody_needs_any_longer_are_freed_at_once(inputs):
    one = replace(inputs)
    assert one.alone.drawn(0)[0].any()
    freed = weakref.ref(one)
    gc.disable()
    try:
        del one
        assert freed() is None
    finally:
        gc.enable()
