"""What is still to be published: who is there to come, and what of the usual plan is not out yet."""

import numpy as np
import pandas as pd

from tests.training.forecasters.programmes import NOW, programme_forecast
from training.forecasters.simple import recent_mean

N_WEEKS, HORIZON = 26, 12


def registrations(weeks_back: np.ndarray) -> pd.DatetimeIndex:
    return NOW - pd.to_timedelta(7 * np.sort(weeks_back)[::-1], unit="D")


def test_a_register_that_has_stopped_growing_is_not_taken_to_grow_on() -> None:
    registered = registrations(np.linspace(13.2, N_WEEKS + 4, 600))
    starts = NOW + pd.to_timedelta(7 * (np.arange(N_WEEKS) - N_WEEKS) + 1, unit="D")
    people = np.searchsorted(registered, starts) / len(registered)
    usual = np.array([40.0, 25.0, 60.0, 30.0])
    history = np.round(usual[:, None] * people)
    forecast = programme_forecast(history, HORIZON, is_published=False, registered=registered)
    # The weeks farthest ahead were seen from origins while people still came.
    np.testing.assert_allclose(forecast, np.repeat(usual[:, None], HORIZON, axis=1), rtol=0.02)
    unknown = programme_forecast(history, HORIZON, is_published=False)
    assert (unknown[:, -1] > 1.03 * unknown[:, 0]).all()


def test_a_register_that_grows_brings_more() -> None:
    registered = registrations(np.linspace(0.0, 2 * N_WEEKS, 1_000))
    starts = NOW + pd.to_timedelta(7 * (np.arange(N_WEEKS) - N_WEEKS) + 1, unit="D")
    people = np.searchsorted(registered, starts) / len(registered)
    usual = np.array([40.0, 25.0, 60.0, 30.0])
    forecast = programme_forecast(np.round(usual[:, None] * people), HORIZON, is_published=False, registered=registered)
    np.testing.assert_allclose(forecast[:, 8:].mean(axis=1), usual * (1 + 10 / (2 * N_WEEKS)), rtol=0.1)


def test_weeks_that_differ_by_chance_alone_are_told_better_than_by_the_mean_of_eight() -> None:
    usual = np.array([40.0, 25.0, 60.0, 30.0, 10.0, 15.0, 50.0, 20.0])
    off = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        history = rng.negative_binomial(3, 3 / (3 + usual[:, None]), (len(usual), N_WEEKS)).astype(float)
        forecast = programme_forecast(history, HORIZON, is_published=False)
        off.append([np.abs(told / usual[:, None] - 1).mean() for told in (forecast, recent_mean(history, HORIZON))])
    of_trees, of_rule = np.mean(off, axis=0)
    # Trees wholly trusted take what chance did for a rule: 0.18.
    assert of_trees < 0.95 * of_rule
