"""Plans under floors."""

import pytest

from recsys.openings.plans.equity import floor_table
from recsys.openings.question import Choices, Floor, Question
from recsys.openings.suggest import solve


def test_fast_plans_with_floors_are_nearly_as_good(inputs):
    floors = (Floor(by="township", share=0.3, penalty=20),)
    short = {}
    for effort in ("fast", "search"):
        question = Question(budget=6, floors=floors, effort=effort)
        after, opened = solve(inputs, question)
        short[effort] = floor_table(Choices(after, question), opened)["short"].sum()
    assert short["fast"] <= 1.2 * short["search"] + 0.1


def test_floors_lift_who_is_short(inputs):
    plain = Question(budget=6, floors=(Floor(by="township", share=0.3),))
    _, opened = solve(inputs, Question(budget=6))
    before = floor_table(Choices(inputs, plain), opened)
    floors = Question(budget=6, floors=(Floor(by="township", share=0.3, penalty=20),))
    _, fair = solve(inputs, floors)
    after = floor_table(Choices(inputs, floors), fair)
    assert before["short"].sum() > 0
    assert after["short"].sum() < before["short"].sum()
    assert sum(o.attendance for o in fair) <= sum(o.attendance for o in opened) + 1e-6
    assert after["reached"].sum() == pytest.approx(sum(o.attendance for o in fair), rel=1e-3)
    assert (after["reached"] <= after["coverable"] + 1e-6).all()
