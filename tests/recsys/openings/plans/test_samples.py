from dataclasses import replace

import numpy as np
import pytest

from recsys.errors import DataError
from recsys.openings.classes.value import Audience
from recsys.openings.plans.samples import SampledAudience, draws_of
from recsys.openings.question import Choices, Floor, Question
from recsys.openings.suggest import planned, solve, suggest


def _mean_worth(draws, opened):
    worth = []
    for draw in draws:
        worth.append(sum(o.worth for o, _ in Audience(draw).in_turn(opened)))
    return np.mean(worth)


def test_draws_differ_and_are_the_means_in_the_mean(inputs):
    np.testing.assert_allclose(inputs.drawn_levels.mean(axis=0), 1.0, rtol=1e-5)
    np.testing.assert_allclose(inputs.drawn_slots.mean(axis=0), 1.0, rtol=1e-5)
    assert (inputs.drawn_levels.std(axis=0) > 0.02).all()


def test_a_plan_over_samples_is_worth_at_least_the_plan_on_means_over_them(inputs):
    question = Question(budget=10)
    draws = draws_of(inputs)
    _, plain = solve(inputs, question)
    _, over = solve(inputs, question.model_copy(update={"over_samples": True}))
    assert len(over) == 10
    assert _mean_worth(draws, over) >= _mean_worth(draws, plain) * (1 - 1e-6)


def test_a_plan_over_samples_opens_what_is_sure_where_small_rooms_turn_luck_away(inputs):
    """Every second category may be liked much more or less than in the mean; what is liked more finds no room."""
    rng, shape = np.random.default_rng(0), inputs.drawn_levels.shape
    levels = np.exp(1.5 * rng.normal(size=shape) * (np.arange(shape[1]) % 2 == 0))
    doubtful = replace(inputs, drawn_levels=(levels / levels.mean(axis=0)).astype(np.float32))
    plan = planned(doubtful, Question(budget=4, over_samples=True, max_size=6))
    assert plan.worth > 1.03 * plan.worth_on_means
    assert plan.worth == pytest.approx(_mean_worth(draws_of(doubtful), plan.opened), rel=1e-4)


def test_where_nothing_is_in_doubt_both_plans_are_the_same(inputs):
    sure = replace(inputs, drawn_levels=np.ones_like(inputs.drawn_levels), drawn_slots=np.ones_like(inputs.drawn_slots))
    plain = suggest(sure, 6)
    over = suggest(sure, 6, question=Question(budget=6, over_samples=True))
    assert plain[["category", "venue_id"]].equals(over[["category", "venue_id"]])


def test_a_class_is_valued_by_the_mean_of_draws_beside_those_opened(inputs):
    sampled, each = SampledAudience(inputs), [Audience(draw) for draw in draws_of(inputs)]
    alone, other = sampled.opening(0, 0, 0, 30.0), sampled.opening(0, 1, 0, 30.0)
    for audience in (sampled, *each):
        audience.take(other)
    beside = sampled.opening(0, 0, 0, 30.0)
    assert beside.worth == pytest.approx(np.mean([draw.opening(0, 0, 0, 30.0).worth for draw in each]))
    assert beside.worth < alone.worth
    sampled.forget(0)
    assert sampled.opening(0, 0, 0, 30.0) == alone


def test_places_are_those_that_the_means_ask_for(inputs):
    of_sampled, of_means = (a.opening(0, 0, 0, 30.0, 2.0) for a in (SampledAudience(inputs), Audience(inputs)))
    assert 2.0 < of_sampled.size == of_means.size < 30.0


def test_samples_and_floors_contradict_each_other(inputs):
    asked = Question(budget=3, over_samples=True, floors=(Floor(by="township", share=0.1),))
    with pytest.raises(DataError, match="over_samples"):
        Choices(inputs, asked)
