"""Counts and their calibration against exact distributions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recsys.calibration import calibrated_levels, count_pit, count_quantile, pit_coverage


def test_pit_of_a_right_forecast_is_uniform() -> None:
    rng = np.random.default_rng(0)
    mean = rng.gamma(1, 3, 20_000) + 0.05
    counts = rng.poisson(mean * rng.gamma(5, 1 / 5, len(mean))).astype(float)
    pits = count_pit(counts, mean, mean + mean**2 / 5, rng)
    assert stats.kstest(pits, "uniform").pvalue > 0.001
    for share in (0.5, 0.8, 0.95):
        assert pit_coverage(pits, share) == pytest.approx(share, abs=0.01)


def test_levels_put_a_narrow_forecast_right() -> None:
    rng = np.random.default_rng(1)
    mean = np.full(20_000, 40.0)
    counts = rng.poisson(mean * rng.gamma(5, 1 / 5, len(mean))).astype(float)
    narrow = mean * 2
    levels = calibrated_levels(count_pit(counts, mean, narrow, rng), (0.1, 0.9))
    low, high = (count_quantile(level, mean, narrow) for level in levels)
    assert ((counts >= low) & (counts <= high)).mean() == pytest.approx(0.8, abs=0.03)


def test_little_evidence_changes_little() -> None:
    np.testing.assert_allclose(calibrated_levels(np.full(5, 0.5), (0.1, 0.9)), (0.1, 0.9), atol=0.03)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 200), st.floats(0.05, 10), st.floats(0, 1))
def test_quantiles_are_ordered_and_not_negative(mean: float, linear: float, quadratic: float) -> None:
    means = np.array([mean])
    variance = linear * means + quadratic * means**2
    found = [float(count_quantile(level, means, variance)[0]) for level in (0.1, 0.5, 0.9)]
    assert found == sorted(found)
    assert found[0] >= 0
    assert np.isfinite(found).all()


def test_no_outcomes_no_coverage() -> None:
    assert np.isnan(pit_coverage(np.array([]), 0.8))
