"""What a question may say."""

import pytest

from recsys.errors import DataError, UnknownIdError
from recsys.openings.question import Question
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


def test_unknown_names_are_errors(inputs):
    with pytest.raises(UnknownIdError):
        suggest(inputs, 1, region_id="nowhere")
    with pytest.raises(UnknownIdError):
        solve(inputs, Question(budget=1, must_open=[{"category": "cat0", "venue_id": "nowhere"}]))


def test_who_names_no_category_asks_for_all(inputs):
    assert solve(inputs, Question(budget=4, categories=()))[1] == solve(inputs, Question(budget=4))[1] != []
