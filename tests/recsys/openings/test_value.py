import numpy as np
import pytest
from scipy import stats

from recsys.openings.question import Choices, Question
from recsys.openings.search import Search
from recsys.openings.value import Audience, week_interval


def test_a_value_holds_until_a_class_of_its_category_is_opened_or_closed(inputs):
    audience, fresh = Audience(inputs), Audience(inputs)
    first, most = audience.opening(0, 0, 0, 30.0, 15.0), audience.most_worth(0, 0, 0)
    other = audience.opening(1, 0, 0, 30.0)
    assert audience.opening(0, 0, 0, 30.0, 15.0) is first
    audience.take(audience.opening(0, 1, 0, 30.0))
    fresh.take(fresh.opening(0, 1, 0, 30.0))
    assert audience.opening(0, 0, 0, 30.0, 15.0) == fresh.opening(0, 0, 0, 30.0, 15.0)
    assert audience.opening(0, 0, 0, 30.0, 15.0).attendance < first.attendance
    assert audience.most_worth(0, 0, 0) == fresh.most_worth(0, 0, 0) < most
    assert audience.opening(1, 0, 0, 30.0) is other
    audience.forget(0)
    assert audience.opening(0, 0, 0, 30.0, 15.0) == first
    assert audience.most_worth(0, 0, 0) == most


def test_values_of_a_class_are_kept_by_hour_and_places(inputs):
    audience = Audience(inputs)
    asked = [(0, 30.0, None), (0, 2.0, None), (0, 30.0, 15.0), (0, 30.0, 1.0), (1, 30.0, 15.0)]
    kept = [audience.opening(0, 0, slot, size, usual) for slot, size, usual in asked]
    assert kept == [Audience(inputs).opening(0, 0, slot, size, usual) for slot, size, usual in asked]
    assert len({(one.slot, one.size) for one in kept}) == len(asked)


def test_who_is_drawn_stays_while_other_classes_are_valued(inputs):
    audience = Audience(inputs)
    drawn = audience.drawn(0, 0, 0)
    kept = drawn.copy()
    (_, in_turn), (_, second) = audience.in_turn([audience.opening(0, v, 0, 30.0) for v in (0, 1)])
    audience.opening(1, 2, 0, 30.0)
    np.testing.assert_array_equal(drawn, kept)
    np.testing.assert_array_equal(in_turn, kept)
    assert (second != kept).any()


@pytest.mark.parametrize("weights", [None, {"30-44": 3.0}])
def test_no_class_is_worth_more_than_to_first_order(inputs, weights):
    question = Question(budget=6, effort="fast", age_weights=weights or {})
    search = Search(inputs, Choices(inputs, question))
    search.run()
    n_near = 0
    for category, venue in np.argwhere(search.choices.allowed).tolist():
        for slot in range(len(inputs.slots)):
            worth = search.at_hour(category, venue, slot).worth
            most = search.audience.most_worth(category, venue, slot)
            assert worth <= most
            n_near += worth > 0.5 * most
    assert n_near > 10


@pytest.mark.parametrize(
    "asked", [{"budget": 12}, {"budget": 9, "teachers": {"cat0": 2}, "age_weights": {"30-44": 3.0}}]
)
def test_plans_are_the_same_where_every_class_is_valued(inputs, monkeypatch, asked):
    question = Question(**asked, effort="fast")
    found = Search(inputs, Choices(inputs, question))
    valued, count = Audience._valued, [0]

    def counted(self, *args):
        count[0] += 1
        return valued(self, *args)

    monkeypatch.setattr(Audience, "_valued", counted)
    plan, fewer = found.run(), count[0]
    monkeypatch.setattr(Audience, "most_worth", lambda *args: np.inf)
    every = Search(inputs, Choices(inputs, question))
    assert every.run() == plan
    assert count[0] - fewer > fewer


def test_the_interval_of_a_week_is_that_of_mixed_counts():
    rng = np.random.default_rng(3)
    for mean, spread in zip(rng.lognormal(1.5, 1.5, 60), rng.uniform(0.0, 1.0, 60), strict=True):
        weeks = rng.gamma(4.0, 0.25, 13)
        shape = 1.0 / max(spread, 1e-3) ** 2
        people = np.arange(5 + int(20 * mean * weeks.max()))
        chance = shape / (shape + np.maximum(mean * weeks, 1e-9))
        below = stats.nbinom.cdf(people[:, None], shape, chance).mean(axis=1)
        assert week_interval(mean, spread, weeks) == tuple(np.searchsorted(below, (0.1, 0.9)))
