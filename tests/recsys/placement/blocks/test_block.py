from dataclasses import replace

import numpy as np
import pytest

from benchmarks.openings.placement_small import small_instance
from recsys.placement.whole.prices import Prices


def test_limits_cost_what_is_left_of_them_less_what_floors_ask_for():
    one = replace(small_instance(1), budget=3.0, slots=np.array([1, 2, 2]), teachers=np.array([2.0, np.inf]))
    one = one.relative_floor(np.arange(10) % 2, np.array([0.25, 0.5]))
    prices = Prices(2.0, np.array([0.5, 0.0, 1.0]), np.array([3.0, 0.0]), [np.array([1.0, 0.1])])
    least = one.coverable(np.arange(10) % 2, 2) * [0.25, 0.5]
    assert prices.of_limits(one) == pytest.approx(2 * 3 + 0.5 + 2 * 1 + 3 * 2 - (least[0] + 0.1 * least[1]))


def test_halfway_between_prices_each_is_halfway():
    low = Prices(0.0, np.zeros(2), np.ones(1), [np.zeros(1)])
    high = Prices(4.0, np.array([2.0, 0.0]), np.zeros(1), [np.array([8.0])])
    found = low.towards(high, 0.25)
    assert (found.budget, found.slots.tolist(), found.teachers.tolist()) == (1.0, [0.5, 0.0], [0.75])
    assert found.floors[0].tolist() == [2.0]
