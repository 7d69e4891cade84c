"""What the served forecast is put beside in evaluations: models of the weekly panel that see no session."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.demand.config import DemandConfig
from training.forecasters.family import family_forecasts, median_of
from training.forecasters.panel import boosted_panel, pooled_panel

Floats = NDArray[np.float64]

MOST_SERIES = 4_000
"""Series that a model of single series is fitted to in an evaluation; the regions above come first."""

_START_UP_WEEKS = 8


def rival_means(
    history: Floats,
    weeks: pd.DatetimeIndex,
    ahead: pd.DatetimeIndex,
    parents: NDArray[np.int64],
    config: DemandConfig,
) -> dict[str, Floats]:
    """(n_nodes, n_categories, n_ahead) by model, of (n_nodes, n_categories, n_weeks) places taken, the root's first.

    `parents` is (n_nodes,), see `pooled_panel`.

    Models of single series take the pooled panel's figure for a series in its first eight weeks: that of its parents
    and siblings. Where past origins choose, `ensemble` is the median of models and panels. Without a week of history
    there is no model.
    """
    if not len(weeks):
        return {}
    rng = np.random.default_rng(config.seed)
    found = {
        "pooled panel": pooled_panel(history, weeks, ahead, parents),
        "boosted panel": boosted_panel(history, weeks, ahead, config.boosting, rng),
    }
    horizon = len(ahead)
    flat = history.reshape(-1, len(weeks))
    pooled = found["pooled panel"].reshape(-1, horizon)
    is_old = (flat[:, : max(len(weeks) - _START_UP_WEEKS, 0)] > 0).any(axis=1)
    modelled = np.flatnonzero(is_old)[:MOST_SERIES]
    for model, means in family_forecasts(flat[modelled], horizon, config.statistical).items():
        whole = pooled.copy()
        whole[modelled] = means
        found[model] = whole.reshape(*history.shape[:2], horizon)
    if "chosen" in found:
        found["ensemble"] = median_of([means for model, means in found.items() if model != "chosen"])
    return found
