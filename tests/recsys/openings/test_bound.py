import itertools
from dataclasses import replace

import numpy as np
import pytest

from recsys.openings.bound import PARTS, ConcaveModel, Limits, bound_of
from recsys.openings.question import Choice, Choices, Question
from recsys.openings.search import Search
from recsys.openings.suggest import planned
from recsys.openings.value import Audience


def _searched(inputs, **asked):
    search = Search(inputs, Choices(inputs, Question(**asked)))
    return search, search.run()


def _small(inputs, n_venues):
    """The first venues alone."""
    return replace(
        inputs,
        venues=inputs.venues.head(n_venues).reset_index(drop=True),
        reach=inputs.reach[:, :n_venues],
        km=inputs.km[:, :n_venues],
        runs_now=inputs.runs_now[:, :n_venues],
        busy=inputs.busy[:n_venues],
        group_gain=inputs.group_gain[:, :, :n_venues],
        group_bend=inputs.group_bend[:, :, :n_venues],
        run_fit=inputs.run_fit[:, :, :n_venues],
    )


def _worth(search, pairs):
    """What classes bring, each at the best hour left."""
    search.reset([])
    for category, venue in pairs:
        opening = search.best_at(category, venue)
        search._open(opening)
    return sum(o.worth for o in search.opened)


@pytest.mark.parametrize("worth", [1.0, 4.0])
def test_no_plan_passes_the_bound(inputs, worth):
    few = _small(inputs, 4)
    search, opened = _searched(few, budget=3, effort="fast", age_weights={few.age_groups[0]: worth})
    bound = bound_of(search)
    found = sum(o.worth for o in opened)
    pairs = list(zip(*np.nonzero(search.choices.allowed), strict=True))
    best = max(_worth(search, plan) for plan in itertools.combinations(pairs, 3))
    assert found <= best * (1 + 1e-6) <= bound * (1 + 1e-5)
    assert bound < 1.5 * best


def test_limits_lower_the_bound(inputs):
    free = bound_of(_searched(inputs, budget=10, effort="fast")[0])
    taught = {str(c): 1 for c in inputs.categories}
    assert bound_of(_searched(inputs, budget=10, effort="fast", teachers=taught)[0]) < free
    assert bound_of(_searched(inputs, budget=5, effort="fast")[0]) < free
    costs = {str(c): 2.0 for c in inputs.categories}
    priced = bound_of(_searched(inputs, budget=10, effort="fast", costs=costs)[0])
    assert priced == pytest.approx(bound_of(_searched(inputs, budget=5, effort="fast")[0]), rel=0.02)


def test_fixed_classes_are_in_the_bound(inputs):
    free = np.argwhere(~inputs.runs_now & inputs.taught[:, None])
    worst = min(free.tolist(), key=lambda pair: Audience(inputs).drawn(pair[0], pair[1], 0).sum())
    must = Choice(category=str(inputs.categories[worst[0]]), venue_id=str(inputs.venues["venue_id"].iloc[worst[1]]))
    plan = planned(inputs, Question(budget=2, must_open=(must,)))
    assert 0 <= plan.gap < 0.5


def test_what_finds_no_free_hour_takes_nothing_from_the_bound(inputs):
    category, venue = np.argwhere(~inputs.runs_now & inputs.taught[:, None])[0]
    busy, rooms = inputs.busy.copy(), inputs.venues["rooms"].copy()
    busy[venue], rooms.iloc[venue] = 1, 1.0
    full = replace(inputs, busy=busy, venues=inputs.venues.assign(rooms=rooms))
    must = Choice(category=str(inputs.categories[category]), venue_id=str(inputs.venues["venue_id"].iloc[venue]))
    search, opened = _searched(full, budget=1, must_open=(must,), effort="fast")
    assert len(opened) == 1
    assert sum(o.worth for o in opened) <= bound_of(search) * (1 + 1e-5)


def test_the_gap_is_told_where_it_is_known(inputs):
    assert 0 <= planned(inputs, Question(budget=10)).gap < 0.3
    assert planned(inputs, Question(budget=0)).gap == 0.0
    assert planned(inputs, Question(budget=3, floors=({"by": "township", "share": 0.2},))).gap is None


def test_steps_end_where_a_little_farther_loses(inputs):
    rng, shape = np.random.default_rng(4), inputs.runs_now.shape
    model = ConcaveModel(inputs, None, np.zeros(shape, dtype=np.int64))
    found = set()
    for _ in range(30):
        start, end = (rng.random(shape) < 0.3 for _ in range(2))
        access, on_way = model.access(start), end * 1.0 - start
        way = model.access(end) - access
        at = [float((model.gain(access + np.float32(n / PARTS) * way) * on_way).sum()) for n in range(PARTS)]
        last = int((np.array(at) > 0).sum()) - 1
        assert model.step(access, way, at[0]) * PARTS == (last if last > 0 else 0.5)
        found.add(last)
    assert len(found) > 8


@pytest.mark.parametrize(("costs", "brings"), [((1.0, 1.0), 5.0), ((0.1, 1.0), 5.5)])
def test_free_slots_limit_only_where_that_leaves_a_bound(costs, brings):
    """One slot: either of two classes fits. The cheaper comes first, and must not shut out the better one."""
    one, no = np.ones((2, 1), dtype=bool), np.zeros((2, 1), dtype=bool)
    limits = Limits(one, no, no * 0, 1.0, np.array(costs), np.full(2, np.inf), np.ones(1))
    gain = np.array([[1.0], [5.0]])
    assert float((limits.best(gain) * gain).sum()) == pytest.approx(brings)
