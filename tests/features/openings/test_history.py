from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.openings.history import calibrated
from features.openings.inputs import OpeningsConfig, opening_history, opening_inputs
from tests.opening_world import world


def _history(ratio: float | list[float], n: int, is_new: bool = True) -> pd.DataFrame:
    predicted = np.full(n, 8.0)
    facts = {"category": "dance", "venue_id": "v", "is_new": is_new, "opened_on": "2026-01-05", "sessions": 9}
    return pd.DataFrame({**facts, "predicted": predicted, "real": np.resize(ratio, n) * predicted})


@pytest.fixture(scope="module")
def inputs():
    return opening_inputs(world(3).dataset, OpeningsConfig(follow_weeks=0))


def test_running_classes_are_predicted_about_right():
    history = opening_history(world(3).dataset)
    old = history[~history["is_new"]]
    assert len(old) == 18
    assert old["real"].sum() == pytest.approx(old["predicted"].sum(), rel=0.3)


@pytest.mark.parametrize(("ratio", "low", "high"), [(0.6, 0.5, 0.9), (1.0, 0.97, 1.03), (1.6, 1.1, 1.5)])
def test_bias_follows_past_openings_part_of_the_way(inputs, ratio, low, high):
    assert low <= calibrated(inputs, _history(ratio, 20)).bias <= high


def test_the_luck_of_a_few_openings_is_hardly_believed(inputs):
    ran_before = _history([0.4, 2.5], 20, is_new=False)
    few, many = (calibrated(inputs, pd.concat([_history([0.8, 5.0], n), ran_before])).bias for n in (4, 200))
    assert 1.0 < few < 1.05
    assert few < calibrated(inputs, _history(2.0, 4)).bias
    assert 1.1 < many < 1.5


def test_too_few_openings_change_nothing(inputs):
    few = calibrated(inputs, _history(0.2, 2))
    assert (few.bias, few.spread) == (inputs.bias, inputs.spread)
    assert len(few.followed) == 2


def test_openings_that_came_as_predicted_narrow_the_interval(inputs):
    assert calibrated(inputs, _history(1.0, 40)).spread < inputs.spread


def test_how_far_classes_that_ran_before_are_off_tells_the_interval_alone(inputs):
    near, far = (calibrated(inputs, _history(ratios, 40, is_new=False)) for ratios in ([1.0], [0.4, 2.5]))
    assert near.spread < inputs.spread < far.spread
    assert near.bias == far.bias == inputs.bias


def test_that_nobody_came_to_a_class_is_not_all_chance(inputs):
    small = _history([0.0, 0.125], 20).assign(predicted=0.5, sessions=3)
    assert calibrated(inputs, small).spread > inputs.spread


def test_classes_for_children_are_not_followed():
    dataset = world(3).dataset
    n = np.arange(len(dataset.activities))
    for_children = dataset.activities.assign(max_age=np.where(n % 2, np.nan, 14.0))
    history = opening_history(replace(dataset, activities=for_children))
    assert len(history) == len(opening_history(dataset)) / 2 == 9
