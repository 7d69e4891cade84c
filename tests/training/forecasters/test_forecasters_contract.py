"""What every forecaster must keep, whatever it learns by."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import training.forecasters
from tests.training.forecasters.programmes import programme_forecast
from training.forecasters.boosting import BoostingConfig
from training.forecasters.family import family_forecasts, median_of
from training.forecasters.panel import boosted_panel, pooled_panel
from training.forecasters.pooled import fit_pooled
from training.forecasters.simple import last_value, recent_mean, seasonal_naive
from training.forecasters.statistical import Statistical, statistical_forecasts

Forecast = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
HORIZON = 5


def pooled_forecast(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    weeks = pd.date_range("2024-01-01", periods=history.shape[1] + horizon, freq="W-MON")
    return fit_pooled(history, weeks[: history.shape[1]]).means(weeks[history.shape[1] :])


Panel = Callable[[NDArray[np.float64], pd.DatetimeIndex, pd.DatetimeIndex], NDArray[np.float64]]


def panel_forecast(panel: Panel, history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """The series as categories of a root without regions."""
    weeks = pd.date_range("2024-01-01", periods=history.shape[1] + horizon, freq="W-MON")
    return panel(history[None], weeks[: history.shape[1]], weeks[history.shape[1] :])[0]


def pooled(counts: NDArray[np.float64], weeks: pd.DatetimeIndex, ahead: pd.DatetimeIndex) -> NDArray[np.float64]:
    return pooled_panel(counts, weeks, ahead, np.array([-1]))


def boosted(counts: NDArray[np.float64], weeks: pd.DatetimeIndex, ahead: pd.DatetimeIndex) -> NDArray[np.float64]:
    return boosted_panel(counts, weeks, ahead, BoostingConfig(min_rows_in_leaf=20), np.random.default_rng(0))


def statistical(model: str) -> Forecast:
    def forecast(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
        return statistical_forecasts(history, horizon, typing.cast(Statistical, model), season=1)[0]

    return forecast


def chosen(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    return family_forecasts(history, horizon, ("theta", "ets", "imapa"))["chosen"]


def ensemble(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    said = family_forecasts(history, horizon, ("theta", "ets", "imapa"))
    return median_of([means for model, means in said.items() if model != "chosen"])


def poisson(n_weeks: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).poisson([[4.0], [20.0], [0.3]], (3, n_weeks)).astype(np.float64)


class ForecasterContract:
    """A subclass names the functions and models it tests, and how they forecast weeks of (n_series, n_weeks) counts.

    `is_pooled`: series learn from each other; `least_weeks`: below this nobody asks it.
    """

    tests: ClassVar[tuple[str, ...]]
    forecast: ClassVar[Forecast]
    is_pooled: ClassVar[bool] = False
    least_weeks: ClassVar[int] = 0

    def of(self, history: NDArray[np.float64], horizon: int = HORIZON) -> NDArray[np.float64]:
        return type(self).forecast(history, horizon)

    @pytest.mark.parametrize("n_weeks", [0, 1, 2, 5, 7, 8, 60])
    def test_a_finite_figure_for_every_week_at_any_length(self, n_weeks: int) -> None:
        found = self.of(poisson(max(n_weeks, self.least_weeks)))
        assert found.shape == (3, HORIZON)
        assert np.isfinite(found).all()

    def test_a_constant_goes_on(self) -> None:
        history = np.repeat([[30.0], [6.0]], 60, axis=1)
        np.testing.assert_allclose(self.of(history), history[:, :HORIZON], rtol=0.2)

    def test_nothing_stays_nothing(self) -> None:
        assert np.abs(self.of(np.zeros((2, 60)))).max() < 0.1

    def test_large_series_stay_larger_than_small_ones(self) -> None:
        found = self.of(poisson(60))
        assert (found[1] > found[0]).all()
        assert found[0].mean() > found[2].mean()

    def test_ten_times_the_people_ten_times_the_figure(self) -> None:
        found = self.of(poisson(60)[:2])
        np.testing.assert_allclose(self.of(10 * poisson(60)[:2]), 10 * found, rtol=0.5)

    def test_the_same_twice(self) -> None:
        np.testing.assert_array_equal(self.of(poisson(30)), self.of(poisson(30)))

    def test_history_is_left_alone(self) -> None:
        history = poisson(30)
        self.of(history)
        np.testing.assert_array_equal(history, poisson(30))

    def test_a_series_alone_as_among_others(self) -> None:
        history = poisson(60)
        alone = np.vstack([self.of(history[[num]]) for num in range(len(history))])
        assert np.allclose(alone, self.of(history)) == (not self.is_pooled)

    def test_a_longer_horizon_begins_as_a_shorter_one(self) -> None:
        history = poisson(60)
        longer, shorter = self.of(history, HORIZON + 3)[:, :HORIZON], self.of(history)
        np.testing.assert_allclose(longer, shorter, rtol=0.25 if self.is_pooled else 1e-9, atol=0.3 * self.is_pooled)


class TestLastValue(ForecasterContract):
    tests, forecast = ("last_value",), last_value


class TestSeasonalNaive(ForecasterContract):
    tests, forecast = ("seasonal_naive",), seasonal_naive


class TestRecentMean(ForecasterContract):
    tests, forecast = ("recent_mean",), recent_mean


class TestTheta(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "theta"), statistical("theta")


class TestEts(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "ets"), statistical("ets")


class TestCes(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "ces"), statistical("ces")


class TestSes(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "ses"), statistical("ses")


class TestImapa(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "imapa"), statistical("imapa")


class TestTsb(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "tsb"), statistical("tsb")


class TestCroston(ForecasterContract):
    tests, forecast = ("statistical_forecasts", "croston"), statistical("croston")


class TestChosen(ForecasterContract):
    tests, forecast = ("family_forecasts", "chosen"), chosen
    is_pooled = True


class TestEnsemble(ForecasterContract):
    tests, forecast = ("family_forecasts", "ensemble"), ensemble


class TestPooledPanel(ForecasterContract):
    tests, forecast = ("pooled_panel",), partial(panel_forecast, pooled)
    is_pooled = True


class TestBoostedPanel(ForecasterContract):
    tests, forecast = ("boosted_panel",), partial(panel_forecast, boosted)
    is_pooled = True


class TestPooled(ForecasterContract):
    tests, forecast = ("fit_pooled",), pooled_forecast
    is_pooled, least_weeks = True, 4


class TestPublishedSessions(ForecasterContract):
    tests = ("fit_published", "fit_booking_curve", "fit_effects", "fit_boosting")
    forecast = partial(programme_forecast, is_published=True)
    is_pooled = True


class TestSessionsToCome(ForecasterContract):
    tests, forecast = ("fit_unpublished", "fit_boosting"), partial(programme_forecast, is_published=False)
    is_pooled, least_weeks = True, 1


def test_every_forecaster_keeps_the_contract() -> None:
    """A forecaster is what makes something with `means`, or a function of a history and a horizon."""
    modules = [
        importlib.import_module(f"training.forecasters.{module.name}")
        for module in pkgutil.iter_modules(training.forecasters.__path__)
    ]
    functions = {
        function
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not function.__name__.startswith("_")
    }
    forecasters = {one for one in functions if _makes_means(one) or _is_of_history(one) or _is_of_panel(one)}
    kept = {tested for contract in ForecasterContract.__subclasses__() for tested in contract.tests}
    assert {fit_pooled, seasonal_naive, statistical_forecasts} <= forecasters
    assert {one.__name__ for one in forecasters} - kept == set()
    assert set(typing.get_args(Statistical)) - kept == set()


def _is_of_history(function: Callable[..., Any]) -> bool:
    return list(inspect.signature(function).parameters)[:2] == ["history", "horizon"]


def _is_of_panel(function: Callable[..., Any]) -> bool:
    return list(inspect.signature(function).parameters)[:3] == ["counts", "weeks", "ahead"]


def _makes_means(function: Callable[..., Any]) -> bool:
    return hasattr(typing.get_type_hints(function).get("return"), "means")
