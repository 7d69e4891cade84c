"""Rules on series with a known answer."""

import numpy as np
import pytest

from training.forecasters.simple import BASELINES, _quantiles, last_value, rule_quantiles, seasonal_naive


def test_seasonal_naive_is_the_same_week_of_the_year_before() -> None:
    history = np.arange(60.0)[None]
    np.testing.assert_array_equal(seasonal_naive(history, 3), [[8, 9, 10]])
    np.testing.assert_array_equal(seasonal_naive(history[:, :20], 3), [[19, 19, 19]])
    assert last_value(np.zeros((2, 0)), 4).shape == (2, 4)


@pytest.mark.parametrize("name", list(BASELINES))
def test_rules_give_ordered_quantiles_at_any_length(name: str) -> None:
    for n_weeks in (0, 1, 2, 5, 60):
        history = np.random.default_rng(n_weeks).poisson(3, (4, n_weeks)).astype(float)
        found = rule_quantiles(BASELINES[name], history, 6, (0.1, 0.5, 0.9))
        assert found.shape == (3, 4, 6)
        assert (np.diff(found, axis=0) >= 0).all()
        assert (found >= 0).all()


def test_quantiles_are_numpys() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(26, 40, 3))
    values[rng.random(values.shape) < 0.4] = np.nan
    values[0] = 1.0
    values[1:, 0, 0] = np.nan
    levels = (0.0, 0.1, 0.5, 0.9, 1.0)
    np.testing.assert_allclose(_quantiles(values, levels), np.nanquantile(values, levels, axis=0), rtol=1e-12)
