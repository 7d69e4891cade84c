"""PIT of sampled counts against exact distributions, and levels put right by it."""

import numpy as np
import pytest
from scipy import stats

from recsys.demand.calibration import central_levels, path_pit, pit_coverage

QUANTILES = (0.1, 0.5, 0.9)


def drawn(rng: np.random.Generator, n: int, extra: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts of a gamma-Poisson, and paths whose spread is `extra` times too narrow or wide."""
    mean = rng.gamma(1, 3, n) + 0.05
    counts = rng.poisson(mean * rng.gamma(5, 1 / 5, n)).astype(float)
    shape = 5 / extra
    paths = rng.poisson(mean[:, None] * rng.gamma(shape, 1 / shape, (n, 200))).astype(np.float32)
    return counts, paths


def test_pit_of_a_right_forecast_is_uniform() -> None:
    rng = np.random.default_rng(0)
    counts, paths = drawn(rng, 10_000, 1.0)
    pits = path_pit(paths, counts, rng)
    assert stats.kstest(pits, "uniform").pvalue > 0.001
    for share in (0.5, 0.8, 0.95):
        assert pit_coverage(pits, share) == pytest.approx(share, abs=0.015)


def test_levels_put_a_narrow_forecast_right() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(40 * rng.gamma(5, 1 / 5, 10_000)).astype(float)
    paths = rng.poisson(40 * rng.gamma(10, 1 / 10, (10_000, 200))).astype(np.float32)
    levels = central_levels(path_pit(paths, counts, rng), QUANTILES)
    assert levels[0] < 0.06
    low, high = (np.quantile(paths, level, axis=1) for level in levels[[0, 2]])
    assert ((counts >= low) & (counts <= high)).mean() == pytest.approx(0.8, abs=0.03)


def test_a_common_error_widens_both_sides_and_leaves_the_median() -> None:
    levels = central_levels(np.full(1000, 0.97), QUANTILES)
    assert levels[1] == 0.5
    assert levels[0] == pytest.approx(1 - levels[2])
    assert levels[2] > 0.95


def test_little_evidence_changes_little() -> None:
    np.testing.assert_allclose(central_levels(np.full(5, 0.5), QUANTILES), QUANTILES, atol=0.03)


def test_no_outcomes_no_coverage() -> None:
    assert np.isnan(pit_coverage(np.array([]), 0.8))
