import numpy as np
import pytest

from recsys.openings.evenness.front import pareto_front
from recsys.openings.question import Choice, Question
from recsys.openings.suggest import solve, totals

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def front(inputs):
    return pareto_front(inputs, Question(budget=8), 12, seconds=np.inf).table


def test_no_plan_of_the_front_beats_another(front):
    assert 8 <= len(front) <= 12
    assert front["expected_attendance"].is_monotonic_decreasing
    assert front["gini"].is_monotonic_decreasing


def test_it_begins_at_least_with_the_plan_of_most_people(inputs, front):
    after, opened = solve(inputs, Question(budget=8, effort="fast"))
    assert front["expected_attendance"].iloc[0] >= totals(after, opened)[0]


def test_evenness_costs_little_at_first(inputs):
    table = pareto_front(inputs, Question(budget=20), 40, seconds=np.inf).table
    loss = 1 - table["expected_attendance"] / table["expected_attendance"].iloc[0]
    fall = 1 - table["gini"] / table["gini"].iloc[0]
    assert fall[loss <= 0.03].max() > 0.1


def test_branching_and_exchanges_find_more_even_plans_than_either_alone(inputs, monkeypatch):
    def of(budget):
        table = pareto_front(inputs, Question(budget=budget), 40, seconds=np.inf).table
        loss = 1 - table["expected_attendance"] / table["expected_attendance"].iloc[0]
        return sum(table["gini"][loss <= at_most].min() for at_most in (0.01, 0.03, 0.05))

    def total():
        # Of one question either alone may be the luckier.
        return sum(of(budget) for budget in (6, 8, 10, 12))

    both = total()
    with monkeypatch.context() as alone:
        alone.setattr("recsys.openings.evenness.front.AIMED", ())
        assert both < total()
    monkeypatch.setattr("recsys.openings.evenness.exchanges.Exchanges.run", lambda self, until: True)
    assert both < total()


def test_every_plan_keeps_to_the_question(inputs):
    first = solve(inputs, Question(budget=1))[1][0]
    name, place = str(inputs.categories[first.category]), str(inputs.venues["venue_id"].iloc[first.venue])
    costs = {str(c): 1.0 + n for n, c in enumerate(inputs.categories)}
    must = Choice(category=name, venue_id=place)
    question = Question(budget=9, costs=costs, teachers={"cat0": 2}, must_open=(must,))
    front = pareto_front(inputs, question, 40, seconds=np.inf).table
    assert len(front) > 1
    for opens in front["opens"]:
        assert must in opens
        assert sum(costs[c.category] for c in opens) <= 9 + 1e-9
        assert sum(c.category == "cat0" for c in opens) <= 2
        assert len(set(opens)) == len(opens)


def test_the_classes_of_a_point_give_its_plan_again(inputs):
    row = pareto_front(inputs, Question(budget=6), 12, seconds=np.inf).table.iloc[3]
    after, opened = solve(inputs, Question(budget=6, must_open=row["opens"]))
    assert totals(after, opened)[0] == pytest.approx(row["expected_attendance"], rel=0.02)
    assert len(opened) == row["classes"]


def test_a_front_cut_short_says_so(inputs):
    front = pareto_front(inputs, Question(budget=8), 12, seconds=0.0)
    assert not front.is_complete
    assert len(front.table) == 1


def test_nothing_to_open_is_a_front_of_one(inputs):
    front = pareto_front(inputs, Question(budget=0), 12)
    assert front.table["classes"].tolist() == [0]
    assert front.table["gini"].iloc[0] == pytest.approx(front.gini_now)
    assert np.isfinite(front.gini_now)
