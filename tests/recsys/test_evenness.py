import numpy as np
import pytest

from recsys.evenness import gini, ginis


def test_all_in_one_hand():
    assert gini(np.array([0.0, 0.0, 0.0, 1.0]), np.ones(4)) == pytest.approx(0.75)
    assert gini(np.zeros(3), np.ones(3)) == 0.0


def test_equals_the_mean_difference_of_pairs():
    rng = np.random.default_rng(1)
    values, weights = rng.exponential(1, (5, 30)), rng.uniform(0.1, 9, 30)
    for row, found in zip(values, ginis(values, weights), strict=True):
        apart = np.abs(row[:, None] - row[None, :]) * weights[:, None] * weights[None, :]
        mean = float(np.average(row, weights=weights))
        assert found == pytest.approx(apart.sum() / (2 * mean * weights.sum() ** 2))
