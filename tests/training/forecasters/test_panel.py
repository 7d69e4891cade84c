"""Start-up series, the model that past origins choose, and the ensemble."""

import numpy as np
import pandas as pd
import pytest

from training.demand.config import DemandConfig
from training.demand.rivals import rival_means
from training.forecasters import family
from training.forecasters.boosting import BoostingConfig
from training.forecasters.panel import pooled_panel

WEEKS = pd.date_range("2025-01-06", periods=30, freq="W-MON")
AHEAD = pd.date_range(WEEKS[-1] + pd.Timedelta(weeks=1), periods=4, freq="W-MON")
PARENTS = np.array([-1, 0, 0])


def two_towns() -> np.ndarray:
    """(root and two towns, two categories, weeks): the second town began its second category last week, with nobody."""
    bottoms = np.full((2, 2, len(WEEKS)), 20.0)
    bottoms[1, 1, :-1] = 0.0
    bottoms[1, 1, -1] = 1.0
    return np.concatenate([bottoms.sum(axis=0, keepdims=True), bottoms])


def test_a_series_that_has_just_begun_is_like_its_parents_and_siblings() -> None:
    means = pooled_panel(two_towns(), WEEKS, AHEAD, PARENTS)
    assert means[2, 1].min() > 2, "one week of one person is not all there is to know"
    assert means[2, 1].max() < 20
    np.testing.assert_allclose(means[1], 20, rtol=0.1)


def test_levels_are_drawn_to_the_region_around_and_not_to_the_root() -> None:
    """Two counties of two towns: the first county dances, the second sings; its second town has just begun."""
    towns = np.zeros((4, 2, len(WEEKS)))
    towns[:2, 0], towns[2:, 1] = 30.0, 30.0
    towns[:, 0] += 1.0
    towns[:, 1] += 1.0
    towns[3, :, :-1] = 0.0
    towns[3, :, -1] = 1.0
    counties = towns.reshape(2, 2, 2, -1).sum(axis=1)
    counts = np.concatenate([towns.sum(axis=0, keepdims=True), counties, towns])
    means = pooled_panel(counts, WEEKS, AHEAD, np.array([-1, 0, 0, 1, 1, 2, 2]))[..., 0]
    assert means[6, 1] > 3 * means[6, 0], "what it is like is its county, in which nobody dances"
    np.testing.assert_allclose(means[3], towns[0, :, -1], rtol=0.2)
    flat = pooled_panel(counts, WEEKS, AHEAD, np.array([-1, 0, 0, 0, 0, 0, 0]))[..., 0]
    assert flat[6, 1] < 3 * flat[6, 0]


def test_models_of_single_series_leave_those_that_began_to_the_panel() -> None:
    config = DemandConfig(statistical=("ses", "tsb", "croston"), boosting=BoostingConfig(min_rows_in_leaf=20))
    found = rival_means(two_towns(), WEEKS, AHEAD, PARENTS, config)
    for model in ("ses", "tsb", "croston", "chosen"):
        np.testing.assert_allclose(found[model][2, 1], found["pooled panel"][2, 1])
    singly = [found[model] for model in ("pooled panel", "boosted panel", "ses", "tsb", "croston")]
    np.testing.assert_allclose(found["ensemble"], np.median(singly, axis=0))


def test_past_origins_choose_the_model_for_each_series(monkeypatch: pytest.MonkeyPatch) -> None:
    says = {"ses": 1.0, "tsb": 5.0, "croston": 9.0}

    def constant(history: np.ndarray, horizon: int, model: str) -> np.ndarray:
        return np.full((len(history), horizon), says[model])

    monkeypatch.setattr(family, "_means", constant)
    history = np.stack([np.full(40, 5.0), np.full(40, 9.0)])
    found = family.family_forecasts(history, 4, ("ses", "tsb", "croston"))
    np.testing.assert_allclose(found["chosen"], [[5.0] * 4, [9.0] * 4])
