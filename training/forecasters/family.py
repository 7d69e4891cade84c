"""Models of single series side by side: the one that past origins choose for each series, and their ensemble."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.forecasters.statistical import Statistical, statistical_forecasts

_LEAST_CHOICE = 3
_LEAST_KNOWN = 16
"""Weeks that an origin has to know before it may choose between models."""


def chosen_forecasts(
    history: NDArray[np.float64], horizon: int, models: Sequence[Statistical], n_origins: int = 2
) -> NDArray[np.float64]:
    """(n_series, horizon) of the model that did best at past origins; without an origin the first model's.

    An origin is `horizon` weeks (at most a fifth of the history) before the next. A series' own errors count as much
    as those of all series: of a few small counts alone, chance would choose.
    """
    said = {model: statistical_forecasts(history, horizon, model, season=1)[0] for model in models}
    return np.maximum(_chosen(history, horizon, said, n_origins), 0.0)


def ensemble_forecasts(
    history: NDArray[np.float64], horizon: int, models: Sequence[Statistical]
) -> NDArray[np.float64]:
    """(n_series, horizon) median of the models."""
    return median_of([statistical_forecasts(history, horizon, model, season=1)[0] for model in models])


def family_forecasts(
    history: NDArray[np.float64], horizon: int, models: Sequence[Statistical]
) -> dict[str, NDArray[np.float64]]:
    """(n_series, horizon) by model, with `chosen` and `ensemble` of three or more; none below zero.

    Choosing fits every model again at each past origin: between two it is not worth that.
    """
    said = {model: statistical_forecasts(history, horizon, model, season=1)[0] for model in models}
    found: dict[str, NDArray[np.float64]] = {model: np.maximum(means, 0.0) for model, means in said.items()}
    if len(models) >= _LEAST_CHOICE:
        found["chosen"] = np.maximum(_chosen(history, horizon, said, n_origins=2), 0.0)
        found["ensemble"] = median_of(list(said.values()))
    return found


def median_of(means: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The median of forecasts of one shape, none below zero."""
    return np.asarray(np.maximum(np.median(np.stack(means), axis=0), 0.0))


def _chosen(
    history: NDArray[np.float64], horizon: int, said: dict[Statistical, NDArray[np.float64]], n_origins: int
) -> NDArray[np.float64]:
    models = list(said)
    n_weeks = history.shape[1]
    step = max(min(horizon, n_weeks // 5), 1)
    errors = np.zeros((len(models), len(history)))
    total = np.zeros(len(history))
    for origin in range(1, n_origins + 1):
        known = n_weeks - origin * step
        if known < _LEAST_KNOWN:
            break
        seen = history[:, known : known + step]
        total += seen.sum(axis=1)
        for place, model in enumerate(models):
            means = statistical_forecasts(history[:, :known], step, model, season=1)[0]
            errors[place] += np.abs(np.maximum(means, 0.0) - seen).sum(axis=1)
    own = errors / np.maximum(total, 1.0)
    of_all = errors.sum(axis=1, keepdims=True) / max(float(total.sum()), 1.0)
    best = np.argmin(own + of_all, axis=0)
    return np.stack([said[model] for model in models])[best, np.arange(len(history))]
