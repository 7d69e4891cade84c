"""What a question may say."""

import pytest

from recsys.errors import DataError, UnknownIdError
from recsys.openings.question import Question, QuestionError
from recsys.openings.suggest import solve, suggest
from tests.recsys.openings.some_classes import free_classes, running_class


def test_every_contradiction_is_named(inputs):
    free = free_classes(inputs)[0]
    question = Question(
        budget=5, must_open=[free, running_class(inputs)], not_here=[free], close=free_classes(inputs, 2)[1:]
    )
    with pytest.raises(DataError) as failure:
        solve(inputs, question)
    text = str(failure.value)
    assert len(failure.value.problems) == 3
    assert "not_here" in text
    assert "runs there now" in text
    assert "does not run there now" in text


def test_what_must_open_needs_a_cost_too(inputs):
    must, other = free_classes(inputs)[0], str(inputs.categories[-1])
    assert must["category"] != other
    question = Question(budget=5, categories=(other,), costs={other: 1.0}, must_open=[must])
    with pytest.raises(DataError, match=f"none is given for {must['category']}"):
        solve(inputs, question)


def test_classes_that_cost_the_budget_to_the_cent_are_within_it(inputs):
    must = [one for one in free_classes(inputs, 60) if one["category"] == free_classes(inputs)[0]["category"]][:3]
    costs = {str(c): 0.1 for c in inputs.categories}
    assert 0.1 + 0.1 + 0.1 > 0.3
    _, opened = solve(inputs, Question(budget=0.3, costs=costs, must_open=must))
    assert len(opened) == 3
    with pytest.raises(DataError, match=r"budget of 0\.29"):
        solve(inputs, Question(budget=0.29, costs=costs, must_open=must))


def test_unknown_names_are_errors(inputs):
    with pytest.raises(UnknownIdError):
        suggest(inputs, 1, region_id="nowhere")


def test_every_unknown_name_of_fixed_choices_stands_beside_what_contradicts(inputs):
    elves = {"category": "elves", "venue_id": "nowhere"}
    other = free_classes(inputs)[0]
    asked = next(str(name) for name in inputs.categories if name != other["category"])
    question = Question(budget=0, categories=(asked,), must_open=[elves, other], not_here=[elves], close=[elves])
    with pytest.raises(QuestionError) as failure:
        solve(inputs, question)
    unknown = [
        f"{field}: unknown {what}"
        for field in ("must_open", "not_here", "close")
        for what in ("category 'elves'", "venue_id 'nowhere'")
    ]
    assert list(failure.value.problems[:6]) == unknown
    outside, budget = failure.value.problems[6:]
    assert outside == f"must_open {other['category']} at {other['venue_id']}: its category is not among categories"
    assert "budget of 0" in budget


def test_who_names_no_category_asks_for_all(inputs):
    assert solve(inputs, Question(budget=4, categories=()))[1] == solve(inputs, Question(budget=4))[1] != []
