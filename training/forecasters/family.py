"""Models of single series side by side, and the one that past origins choose for each series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.forecasters.statistical import Statistical, statistical_forecasts

_LEAST_CHOICE = 3
_N_ORIGINS = 2
_LEAST_KNOWN = 16
"""Weeks that an origin has to know before it may choose between models."""


def family_forecasts(
    history: NDArray[np.float64], horizon: int, models: Sequence[Statistical]
) -> dict[str, NDArray[np.float64]]:
    """(n_series, horizon) by model, with `chosen` of three or more; none below zero.

    Choosing fits every model again at each past origin: between two it is not worth that.
    """
    if not models:
        return {}
    said = np.stack([_means(history, horizon, model) for model in models])
    found: dict[str, NDArray[np.float64]] = dict(zip(models, said, strict=True))
    if len(models) >= _LEAST_CHOICE:
        found["chosen"] = _chosen(history, horizon, models, said)
    return found


def median_of(means: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The median of forecasts of one shape, none below zero."""
    return np.asarray(np.maximum(np.median(np.stack(means), axis=0), 0.0))


def _means(history: NDArray[np.float64], horizon: int, model: Statistical) -> NDArray[np.float64]:
    """A season of 52 is not learned from two years."""
    return np.maximum(statistical_forecasts(history, horizon, model, season=1)[0], 0.0)


def _chosen(
    history: NDArray[np.float64], horizon: int, models: Sequence[Statistical], said: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of (n_models, n_series, horizon) what the model said that did best at past origins; without one, the first.

    An origin is `horizon` weeks (at most a fifth of the history) before the next. A series' own errors count as much
    as those of all series: of a few small counts alone, chance would choose.
    """
    n_weeks = history.shape[1]
    step = max(min(horizon, n_weeks // 5), 1)
    errors = np.zeros((len(models), len(history)))
    total = np.zeros(len(history))
    for origin in range(1, _N_ORIGINS + 1):
        known = n_weeks - origin * step
        if known < _LEAST_KNOWN:
            break
        seen = history[:, known : known + step]
        total += seen.sum(axis=1)
        for place, model in enumerate(models):
            errors[place] += np.abs(_means(history[:, :known], step, model) - seen).sum(axis=1)
    own = errors / np.maximum(total, 1.0)
    of_all = errors.sum(axis=1, keepdims=True) / max(float(total.sum()), 1.0)
    best = np.argmin(own + of_all, axis=0)
    return said[best, np.arange(len(history))]
