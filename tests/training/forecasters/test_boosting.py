"""Boosting of counts with a known mean."""

from dataclasses import replace

import numpy as np

from training.forecasters.boosting import BoostingConfig, fit_boosting


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


def test_half_of_the_trees_is_the_root_of_their_factor() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2000, 1)).astype(np.float32)
    counts = rng.poisson(np.where(features[:, 0] > 0, 12.0, 3.0)).astype(float)
    whole = fit_boosting(features, counts, np.full(2000, 6.0), BoostingConfig(min_rows_in_leaf=30), rng)
    one = np.ones(2000)
    half = replace(whole, share=0.5).means(features, one)
    np.testing.assert_allclose(half, np.sqrt(whole.means(features, one)))
    assert half.max() > 1.2
