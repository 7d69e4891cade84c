"""Rules that anybody could follow: what a forecaster has to beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

WEEKS_A_YEAR = 52
_USUAL_WEEKS = 8


def last_value(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """(..., horizon): the last whole week of (..., n_weeks), again and again; zeros without one."""
    last = history[..., -1:] if history.shape[-1] else np.zeros((*history.shape[:-1], 1))
    return np.repeat(last, horizon, axis=-1)


def seasonal_naive(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """(..., horizon): the same week of the year before; the last value where there is no year."""
    n_weeks = history.shape[-1]
    forecast = last_value(history, horizon)
    for ahead in range(horizon):
        # The history ends a week before the first week that is forecast.
        back = n_weeks + ahead - WEEKS_A_YEAR * (1 + ahead // WEEKS_A_YEAR)
        if back >= 0:
            forecast[..., ahead] = history[..., back]
    return forecast


def recent_mean(history: NDArray[np.float64], horizon: int) -> NDArray[np.float64]:
    """(..., horizon): the mean of the last eight weeks."""
    recent = history[..., -_USUAL_WEEKS:]
    mean = recent.mean(axis=-1, keepdims=True) if recent.shape[-1] else np.zeros((*history.shape[:-1], 1))
    return np.repeat(mean, horizon, axis=-1)


BASELINES = {"seasonal naive": seasonal_naive, "last value": last_value, "mean of 8 weeks": recent_mean}


def rule_quantiles(
    rule: Callable[[NDArray[np.float64], int], NDArray[np.float64]],
    history: NDArray[np.float64],
    horizon: int,
    levels: Sequence[float],
) -> NDArray[np.float64]:
    """(n_levels, ..., horizon) the rule plus quantiles of each series' own errors of its last 26 origins, >= 0.

    Without a past error the rule itself stands on every level.
    """
    point = rule(history, horizon)
    n_weeks = history.shape[-1]
    errors = np.full((26, *point.shape), np.nan)
    for back in range(1, min(26, n_weeks - 1) + 1):
        past = rule(history[..., : n_weeks - back], min(back, horizon))
        seen = history[..., n_weeks - back : n_weeks - back + past.shape[-1]]
        errors[back - 1, ..., : past.shape[-1]] = seen - past
    # The furthest weeks ahead have no error yet: they take that of the last week.
    errors[0] = np.where(np.isnan(errors).all(axis=0), errors[0, ..., :1], errors[0])
    spread = _quantiles(errors if n_weeks > 1 else np.zeros_like(errors), levels)
    return np.maximum(point + spread, 0.0)


def _quantiles(values: NDArray[np.float64], levels: Sequence[float]) -> NDArray[np.float64]:
    """(n_levels, ...) quantiles over the first axis, NaN left out, as `numpy.nanquantile` has them.

    That one calls Python for each series, of which a province has fifty thousand.
    """
    ordered = np.sort(values, axis=0)
    last = np.maximum(np.isfinite(values).sum(axis=0) - 1, 0)
    found = []
    for level in levels:
        place = level * last
        low = np.floor(place).astype(np.int64)
        below, above = (np.take_along_axis(ordered, at[None], axis=0)[0] for at in (low, np.minimum(low + 1, last)))
        found.append(below + (place - low) * (above - below))
    return np.stack(found)
