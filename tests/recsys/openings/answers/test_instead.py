"""What could stand in the place of a class."""

import numpy as np
import pytest

from recsys.openings.answers.explain import explain
from recsys.openings.classes.value import Audience
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question
from recsys.openings.suggest import solve


@pytest.mark.parametrize(
    "asked", [{}, {"teachers": {"cat0": 1}}, {"costs": {f"cat{c}": 1.0 + c / 10 for c in range(6)}}]
)
def test_the_next_best_class_is_the_best_of_all_in_its_place(inputs, asked):
    question = Question(budget=4, **asked)
    _, opened = solve(inputs, question)
    plan = sorted(opened, key=lambda o: -o.worth)
    search = Search(inputs, Choices(inputs, question))
    whole = sum(o.attendance for o, _ in Audience(inputs).in_turn(plan))
    for given_up, entry in zip(plan, explain(inputs, question), strict=True):
        found = {}
        for category, venue in zip(*np.nonzero(search.choices.allowed), strict=True):
            if any((o.category, o.venue) == (category, venue) for o in plan):
                continue
            search.reset([])
            search.reset([o for o in plan if o is not given_up])
            if search.fits(category, venue):
                best = search.best_at(category, venue)
                kept = sum(o.attendance for o in search.opened)
                found[str(inputs.categories[category]), str(inputs.venues["venue_id"].iloc[venue])] = (
                    best.attendance,
                    whole - kept - best.attendance,
                )
        told = entry["instead"]
        gain, loses = found[told["category"], told["venue_id"]]
        assert (told["gain"], told["loses"]) == pytest.approx((gain, loses), rel=1e-4, abs=1e-4)
        assert told["gain"] == pytest.approx(max(gain for gain, _ in found.values()), rel=1e-4)
        assert told["loses"] > -1e-3
