"""The bound on how even plans of a given reach can be."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.openings.equity_bound import least_gini
from recsys.openings.evenness.front import pareto_front
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question


@pytest.mark.parametrize("budget", [3, 8])
def test_no_plan_of_the_front_is_more_even_than_the_bound(inputs, budget):
    question = Question(budget=budget, effort="fast")
    front = pareto_front(inputs, question, 20)
    search = Search(inputs, Choices(inputs, question))
    opened = search.run().copy()
    bounds = [least_gini(search, front.access, reach, opened) for reach in front.table["expected_attendance"]]
    assert (np.array(bounds) <= front.table["gini"].to_numpy() + 1e-6).all()
    assert (np.array(bounds) >= 0.75 * front.table["gini"].to_numpy()).all()
    # Each stops once it is near enough.
    assert (np.diff(bounds) <= 1e-3).all()


def test_one_group_is_always_even(inputs):
    question = Question(budget=3, effort="fast")
    front = pareto_front(inputs, question, 5)
    search = Search(inputs, Choices(inputs, question))
    opened = search.run().copy()
    access = front.access
    alone = replace(access, people=access.people[:1], now=access.now[:1], per_place=access.per_place[:1])
    assert least_gini(search, alone, 1.0, opened) == 0.0


def test_more_than_can_be_reached_has_no_plan(inputs):
    question = Question(budget=3, effort="fast")
    front = pareto_front(inputs, question, 5)
    search = Search(inputs, Choices(inputs, question))
    opened = search.run().copy()
    most = float(front.table["expected_attendance"].iloc[0])
    assert np.isnan(least_gini(search, front.access, 3 * most, opened))
