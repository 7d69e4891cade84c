"""Forecasters of single series from statsforecast, by name; the library is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Statistical = Literal["theta", "ets", "ces", "ses", "imapa", "tsb", "croston"]

_LEAST_WEEKS = 8
"""Exponential smoothing with a chosen form refuses series of up to six weeks, and divides by zero at seven."""


def statistical_forecasts(
    history: NDArray[np.float64], horizon: int, model: Statistical, season: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (n_series, horizon) and in-sample one-step forecasts of (n_series, n_times) series.

    A series too short, constant or zero is forecast by its mean; a season of 1 means none. Means are not cut at 0.
    """
    make = _makers()[model]
    means = np.empty((len(history), horizon))
    fitted = np.empty(history.shape)
    for num, series in enumerate(history):
        if len(series) < _LEAST_WEEKS or np.ptp(series) == 0:
            level = float(series.mean()) if len(series) else 0.0
            means[num], fitted[num] = level, level
            continue
        has_season = season > 1 and len(series) >= 2 * season + 4
        said = make(season if has_season else 1).forecast(y=series, h=horizon, fitted=True)
        means[num] = _finite(said["mean"], float(series.mean()))
        fitted[num] = _finite(said["fitted"], float(series.mean()))
    return means, fitted


def _finite(values: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    return np.where(np.isfinite(values), values, otherwise)


def _makers() -> dict[str, Callable[[int], Any]]:
    from statsforecast import models

    return {
        "theta": lambda season: models.DynamicOptimizedTheta(season_length=season),
        "ets": lambda season: models.AutoETS(season_length=season, model="ZZZ" if season > 1 else "ZZN"),
        "ces": lambda season: models.AutoCES(season_length=season),
        "ses": lambda season: models.SimpleExponentialSmoothingOptimized(),
        "imapa": lambda season: models.IMAPA(),
        "tsb": lambda season: models.TSB(alpha_d=0.15, alpha_p=0.1),
        "croston": lambda season: models.CrostonSBA(),
    }
