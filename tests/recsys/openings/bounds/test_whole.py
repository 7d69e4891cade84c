import itertools

import numpy as np
import pytest

import recsys.openings.bounds.whole as whole_module
from recsys.openings.bounds.concave import Seats
from recsys.openings.bounds.limits import Limits
from recsys.openings.bounds.whole import FEW, Whole
from recsys.openings.classes.value import Audience
from recsys.openings.question import Choices, Question


@pytest.fixture(params=[None, 4.0])
def asked(request, inputs):
    """A question for all categories, with most places of a class."""
    return Choices(inputs, Question(budget=5, max_size=request.param))


def _best(choices, category, number):
    """What a category's classes bring at most, with the hours that may be best, in all orders."""
    limits, most = Limits.of(choices), choices.question.max_size or 20.0
    classes = [
        (v, int(limits.slots[h])) for v, h in np.argwhere(limits.free[category][:, None] & limits.hours).tolist()
    ]
    best = 0.0
    for plan in itertools.permutations(classes, number):
        if len({v for v, _ in plan}) < number:
            continue
        audience, brought = Audience(choices.inputs), 0.0
        for v, s in plan:
            opening = audience.opening(category, v, s, most)
            audience.take(opening)
            brought += opening.worth
        best = max(best, brought)
    return best


@pytest.mark.parametrize("category", [0, 3])
def test_no_few_classes_bring_more_and_the_best_nearly_as_much(asked, category):
    limits = Limits.of(asked)
    found = Whole((asked.inputs,), None, limits, Seats.of(asked, None)).of_few(category)
    assert len(found) == FEW + 1
    best = [_best(asked, category, number) for number in (0, 1, 2)]
    assert (np.array(best) <= found[:3] * (1 + 1e-5)).all()
    # Who would leave another class takes places too, of which the bound knows nothing.
    within = [1.0, 1.01, 1.08] if asked.question.max_size is None else [1.0, 1.1, 1.3]
    assert (found[:3] <= np.array(within) * best).all()
    # Of three each brings in the mean no more than of two.
    assert found[2] <= found[3] <= 1.5 * found[2] * (1 + 1e-9)


def test_one_class_is_valued_by_weights_and_by_draws_too(inputs, monkeypatch):
    monkeypatch.setattr(whole_module, "MOST_VALUED", 1000)
    choices = Choices(inputs, Question(budget=5))
    limits = Limits.of(choices)
    weights = np.random.default_rng(0).gamma(1.0, size=len(inputs.size)).astype(np.float32)
    whole = Whole((inputs, inputs), weights, limits, Seats.of(choices, weights))
    assert np.isinf(whole.of_few(0)[1:]).all()
    audience = Audience(inputs, weights)
    classes = np.argwhere(limits.free[0][:, None] & limits.hours).tolist()
    best = max(audience.opening(0, v, int(limits.slots[h]), 20.0).worth for v, h in classes)
    anything = np.full((limits.free.shape[1], len(limits.slots)), np.inf)
    assert best <= whole.of_one(0, anything) * (1 + 1e-6) <= 1.05 * best
    assert whole.of_one(0, np.zeros_like(anything)) == 0.0
    # What is not valued any more may bring what is known to bound it.
    monkeypatch.setattr(whole_module, "MOST_VALUED", 1)
    assert whole.of_one(0, np.full_like(anything, 1e3)) == 1e3


def test_of_three_whole_classes_no_three_bring_more(inputs):
    choices = Choices(inputs, Question(budget=5, not_here=_far(inputs)))
    limits = Limits.of(choices)
    found = Whole((inputs,), None, limits, Seats.of(choices, None)).of_few(1)
    assert _best(choices, 1, 3) <= found[3] * (1 + 1e-5) <= 1.2 * _best(choices, 1, 3)


def _far(inputs):
    """All classes of a category but four."""
    free = np.flatnonzero(~inputs.runs_now[1])[4:]
    names = inputs.venues["venue_id"].astype(str).to_numpy()
    return tuple({"category": str(inputs.categories[1]), "venue_id": names[v]} for v in free)
