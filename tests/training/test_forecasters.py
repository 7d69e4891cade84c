"""Forecasters on series with a known answer."""

import numpy as np
import pandas as pd
import pytest

from training.forecasters.boosting import BoostingConfig, fit_boosting
from training.forecasters.levels import decayed_sums, shrunk
from training.forecasters.pooled import fit_pooled
from training.forecasters.simple import BASELINES, last_value, rule_quantiles, seasonal_naive
from training.forecasters.statistical import statistical_forecasts

WEEKS = pd.date_range("2023-01-02", periods=156, freq="W-MON")


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


def test_a_noiseless_seasonal_series_is_found() -> None:
    truth = 100 * np.exp(0.5 * np.sin(2 * np.pi * WEEKS.dayofyear.to_numpy() / 365.25))
    counts = np.round(np.stack([truth, 0.3 * truth]))
    model = fit_pooled(counts[:, :143], WEEKS[:143])
    found = model.means(WEEKS[143:])
    np.testing.assert_allclose(found, counts[:, 143:], rtol=0.15)


def test_the_festival_moves_with_the_moon() -> None:
    festival = pd.to_datetime(["2023-01-22", "2024-02-10", "2025-01-29"])
    gap = np.min(np.abs((WEEKS.to_numpy()[:, None] + np.timedelta64(3, "D")) - festival.to_numpy()), axis=1)
    dips = gap <= np.timedelta64(4, "D")
    counts = np.where(dips, 20.0, 100.0)[None].repeat(2, axis=0)
    model = fit_pooled(counts[:, :104], WEEKS[:104])
    found = model.means(WEEKS[104:])[0]
    assert found[dips[104:]].max() < 60
    assert found[~dips[104:]].min() > 65


def test_pooled_survives_zeros_and_outliers() -> None:
    counts = np.zeros((3, 30))
    assert fit_pooled(counts, WEEKS[:30]).means(WEEKS[30:40]).max() < 0.5
    counts = np.full((2, 30), 50.0)
    counts[0, 10] = 10_000
    assert fit_pooled(counts, WEEKS[:30]).means(WEEKS[30:40]).max() < 400


def test_decayed_sums_know_only_what_is_older() -> None:
    sums = decayed_sums(np.array([0, 0, 1]), np.array([1, 3, 0]), np.array([8.0, 4.0, 9.0]), 4, half_life_weeks=1)
    np.testing.assert_allclose(sums, [[8 + 1, 2, 4, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(shrunk(np.array([8.0]), np.array([1.0]), np.array([2.0]), 1.0), [5.0])


def test_boosting_moves_a_wrong_baseline_and_leaves_little_data_alone() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 2)).astype(np.float32)
    mean = np.where(features[:, 0] > 0, 12.0, 3.0)
    config = BoostingConfig(n_rounds=60, min_rows_in_leaf=30)
    baseline = np.full(4000, 6.0)
    booster = fit_boosting(features, rng.poisson(mean).astype(float), baseline, config, rng)
    np.testing.assert_allclose(booster.means(features, baseline).mean(), mean.mean(), rtol=0.05)
    assert np.corrcoef(booster.means(features, baseline), mean)[0, 1] > 0.98
    alone = fit_boosting(features[:20], mean[:20], baseline[:20], config, rng)
    np.testing.assert_array_equal(alone.means(features[:20], baseline[:20]), baseline[:20])


@pytest.mark.parametrize("model", ["theta", "ets", "ses", "imapa", "tsb", "croston"])
def test_statistical_models_forecast_any_series(model: str) -> None:
    rng = np.random.default_rng(1)
    history = np.stack([rng.poisson(9, 40), np.zeros(40), np.full(40, 7)]).astype(float)
    means, fitted = statistical_forecasts(history, 5, model, season=1)  # type: ignore[arg-type]
    assert means.shape == (3, 5)
    assert fitted.shape == history.shape
    assert np.isfinite(means).all()
    assert np.isfinite(fitted).all()
    np.testing.assert_allclose(means[0], 9, rtol=0.35)
    np.testing.assert_allclose(means[1:], [[0] * 5, [7] * 5])
