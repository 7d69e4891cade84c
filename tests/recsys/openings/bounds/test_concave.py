from dataclasses import replace

import numpy as np
import pytest

from recsys.openings.bounds.concave import HALVINGS, ConcaveModel, Seats, shares
from recsys.openings.bounds.limits import Limits
from recsys.openings.classes.attendance import filled
from recsys.openings.question import Choices, Question


def test_steps_end_where_a_little_farther_loses(inputs):
    rng, parts = np.random.default_rng(4), 2**HALVINGS
    model = ConcaveModel(inputs, None, np.arange(len(inputs.slots)))
    found = set()
    for _ in range(10):
        start, end = (rng.random((*inputs.runs_now.shape, len(inputs.slots))) < 0.02 for _ in range(2))
        access, on_way = model.access(start), end * 1.0 - start
        way = model.access(end) - access
        on = [model.gain(access + np.float32(n / parts) * way) * on_way for n in range(1, parts)]
        gains = np.array([gain.sum(axis=(1, 2)) for gain in on])
        for together in (False, True):
            at = gains.sum(axis=1, keepdims=True) if together else gains
            last = (at > 0).sum(axis=0)
            assert (model.step(access, way, together=together) * parts == np.where(last > 0, last, 0.5)).all()
            found.update(last.tolist())
    assert len(found) > 8


def test_categories_by_themselves_are_as_among_others(inputs):
    model, some = ConcaveModel(inputs, None, np.array([0, 9])), np.array([1, 4])
    share = np.random.default_rng(0).random((*inputs.runs_now.shape, 2)) < 0.2
    access, alone = model.access(share * 1.0), model.only(some)
    np.testing.assert_allclose(alone.access(share[some] * 1.0), access[:, some], rtol=1e-6)
    np.testing.assert_allclose(alone.gain(access[:, some]), model.gain(access)[some], rtol=1e-6)
    np.testing.assert_allclose(alone.value(access[:, some]), model.value(access)[some], rtol=1e-6)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.5])
def test_what_rooms_leave_is_no_less_than_who_finds_a_place_and_lies_below_its_tangents(spread):
    """More may want a place than are drawn: those too who would leave another class."""
    people = np.linspace(0.01, 400.0, 400)
    for places in (1.0, 7.0, 60.0):
        seats = Seats(np.full((1, 1, 1), 0.8), np.full((1, 1, 1), places), spread)
        left, slope = (one[0, 0] for one in seats.left(0.8 * people[None, None, :]))
        for wanting in (1.0, 1.7, 5.0):
            comes = 0.8 * people * filled(wanting * people, places, spread) / (wanting * people)
            assert (comes <= left * (1 + 1e-9) + 1e-9).all()
        tangents = left[:, None] + slope[:, None] * 0.8 * (people[None, :] - people[:, None])
        # Where more people would fill fewer places all places count, which is a step of its own.
        rising = slope > 0
        assert (left[None, rising] <= tangents[rising][:, rising] * (1 + 1e-6) + 1e-9).all()
        assert ((slope >= 0) & (slope <= 1)).all()


def test_tangents_at_the_shares_found_are_near_what_these_bring(inputs):
    crowded = replace(inputs, rate=3 * inputs.rate)
    choices = Choices(crowded, Question(budget=5))
    limits, seats = Limits.of(choices), Seats.of(choices, None)
    model, numbers = ConcaveModel(crowded, None, limits.slots), np.full(len(inputs.categories), 2)

    def bounds(share):
        access = model.access(share)
        gain = model.gain(access)
        left = seats.left(gain)[0]
        corner = limits.most_of_each(left, numbers)
        return model.value(access) + (left * corner).sum(axis=(1, 2)) - (gain * share).sum(axis=(1, 2))

    found = bounds(shares(model, seats, lambda left: limits.most_of_each(left, numbers)))
    nothing = np.zeros((*limits.free.shape, len(limits.slots)))
    whole = limits.most_of_each(model.gain(model.now), numbers)
    assert (found <= np.minimum(bounds(nothing), bounds(whole)) * (1 + 1e-6)).all()
    assert found.sum() < 0.95 * min(bounds(nothing).sum(), bounds(whole).sum())
