"""Curves, moves and closings."""

import numpy as np
import pandas as pd
import pytest

from recsys.openings.answers.tradeoffs import benefit_curve, closings, moves
from recsys.openings.classes.value import without_classes
from recsys.openings.question import Question
from recsys.openings.suggest import solve
from tests.recsys.openings.some_classes import free_classes


def test_more_budget_never_brings_less(inputs):
    curve = benefit_curve(inputs, Question(budget=0), [0, 1, 2, 5, 10, 20])
    assert curve["expected_attendance"].is_monotonic_increasing
    assert curve["expected_attendance"][0] == 0


def test_moves_gain(inputs):
    table = moves(inputs, Question(budget=0))
    assert (table["gain"] > 0).all()
    assert len(table) == 5
    assert table["gain"].is_monotonic_decreasing
    venues, categories = inputs.venues["venue_id"].tolist(), inputs.categories.tolist()
    for category, old, new in table[["category", "from_venue_id", "to_venue_id"]].itertuples(index=False):
        runs = inputs.runs_now[categories.index(category)]
        assert runs[venues.index(old)]
        assert not runs[venues.index(new)]


def test_a_move_gains_what_the_new_class_brings_less_what_ending_the_old_one_loses(inputs):
    """New classes are so small that some running ones would be missed by more."""
    question = Question(budget=0, max_size=4)
    gains, n_losing = {}, 0
    for name, here, loses in closings(inputs, question, at_most=None).itertuples(index=False):
        close = ({"category": name, "venue_id": here},)
        opened = solve(inputs, Question(budget=1, max_size=4, categories=(name,), close=close, effort="fast"))[1]
        brings, there = opened[0].attendance, str(inputs.venues["venue_id"].iloc[opened[0].venue])
        if there != here and brings > loses:
            gains[name, here, there] = brings - loses
        n_losing += there != here and brings < loses
    assert n_losing > 0
    table = moves(inputs, question, at_most=1000).set_index(["category", "from_venue_id", "to_venue_id"])["gain"]
    assert table.to_dict() == pytest.approx(gains)


def test_closings_lose_what_ending_the_class_loses(inputs):
    """Least first, and each as much as the plan of nothing once it is closed falls short of that before."""
    table = closings(inputs, Question(budget=0), at_most=1000)
    assert len(table) == inputs.runs_now.sum()
    assert table["loses"].is_monotonic_increasing
    assert table["loses"].iloc[-1] > 0
    venues, categories = inputs.venues["venue_id"].tolist(), inputs.categories.tolist()

    def reached(seen, category):
        return float(seen.rate[:, category] @ seen.saturation.used(seen.access[:, category])) * seen.bias

    for name, venue_id, loses in table[["category", "venue_id", "loses"]].iloc[[0, -1]].itertuples(index=False):
        pair = categories.index(name), venues.index(venue_id)
        after = without_classes(inputs, [pair])
        expected = (reached(inputs, pair[0]) - reached(after, pair[0])) * inputs.show[pair[0]]
        assert loses == pytest.approx(expected, rel=1e-4, abs=1e-6)
    name, venue_id = table["category"].iloc[0], table["venue_id"].iloc[0]
    closed = closings(inputs, Question(budget=0, close=({"category": name, "venue_id": venue_id},)), at_most=1000)
    assert len(closed) == len(table) - 1
    assert set(closings(inputs, Question(budget=0, categories=(name,)), 1000)["category"]) == {name}


def test_of_many_classes_the_most_promising_are_tried(inputs, monkeypatch):
    every = moves(inputs, Question(budget=0), at_most=3)
    n_running = int(inputs.runs_now.sum())
    assert n_running > 12
    monkeypatch.setattr("recsys.openings.answers.tradeoffs.MOST_TRIED", 12)
    pd.testing.assert_frame_equal(moves(inputs, Question(budget=0), at_most=3), every)


def test_what_a_class_would_be_missed_by_counts_in_what_it_promises(inputs, monkeypatch):
    """New classes are so small that the category of the best one runs where it is missed by more than that."""
    question = Question(budget=0, max_size=4)
    running = closings(inputs, question, at_most=None)
    one = {name: Question(budget=1, max_size=4, categories=(name,), effort="fast") for name in running["category"]}
    brings = running["category"].map({name: solve(inputs, each)[1][0].attendance for name, each in one.items()})
    first = (brings - running["loses"]).idxmax()
    assert first != brings.idxmax()
    monkeypatch.setattr("recsys.openings.answers.tradeoffs.MOST_TRIED", 1)
    tried = moves(inputs, question)[["category", "from_venue_id"]].to_numpy().tolist()
    assert tried == [running.loc[first, ["category", "venue_id"]].tolist()]


def test_moves_stay_within_the_region_and_categories_asked_for(inputs):
    of_venue = inputs.tree.ids.ids[inputs.venues["region_num"].to_numpy(dtype=np.int64)]
    venues = inputs.venues["venue_id"].to_numpy(dtype=object)
    category = str(moves(inputs, Question(budget=0), at_most=1)["category"].iloc[0])
    assert set(moves(inputs, Question(budget=0, categories=(category,)), 20)["category"]) == {category}
    region = str(of_venue[np.flatnonzero(inputs.runs_now.any(axis=0))[0]])
    inside = set(venues[of_venue == region])
    found = moves(inputs, Question(budget=0, region_id=region), at_most=20)
    assert set(found["from_venue_id"]) | set(found["to_venue_id"]) <= inside
    assert set(closings(inputs, Question(budget=0, region_id=region), None)["venue_id"]) <= inside


def test_a_class_closed_twice_frees_one_place_in_the_timetable(inputs):
    pair = tuple(int(num) for num in np.argwhere(inputs.runs_now)[0])
    once, twice = without_classes(inputs, [pair]), without_classes(inputs, [pair, pair])
    np.testing.assert_array_equal(once.access, twice.access)
    pd.testing.assert_frame_equal(once.venues, twice.venues)


def test_moves_gain_whatever_the_plan_costs_and_opens(inputs):
    every = moves(inputs, Question(budget=0), at_most=1000)
    assert (every["gain"] > 0).all()
    costs = {str(category): 2.0 for category in inputs.categories}
    pd.testing.assert_frame_equal(moves(inputs, Question(budget=4, costs=costs), at_most=1000), every)
    must = Question(budget=1, must_open=free_classes(inputs))
    pd.testing.assert_frame_equal(moves(inputs, must, at_most=1000), every)
