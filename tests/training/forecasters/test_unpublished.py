"""What is still to be published: who is there to come, and what of the usual plan is not out yet."""

import numpy as np
import pandas as pd

from tests.training.forecasters.programmes import NOW, programme_forecast

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
    np.testing.assert_allclose(forecast[:, 6:].mean(axis=1), usual, rtol=0.03)
    unknown = programme_forecast(history, HORIZON, is_published=False)
    assert (unknown[:, 6:].mean(axis=1) > 1.06 * usual).all()


def test_a_register_that_grows_brings_more() -> None:
    registered = registrations(np.linspace(0.0, 2 * N_WEEKS, 1_000))
    starts = NOW + pd.to_timedelta(7 * (np.arange(N_WEEKS) - N_WEEKS) + 1, unit="D")
    people = np.searchsorted(registered, starts) / len(registered)
    usual = np.array([40.0, 25.0, 60.0, 30.0])
    forecast = programme_forecast(np.round(usual[:, None] * people), HORIZON, is_published=False, registered=registered)
    np.testing.assert_allclose(forecast[:, 8:].mean(axis=1), usual * (1 + 10 / (2 * N_WEEKS)), rtol=0.1)
