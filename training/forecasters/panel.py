"""Forecasters of a whole panel of weeks, region by category, that know the calendar but no session."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.calendar import FESTIVALS, REACH_DAYS, week_table
from training.forecasters.boosting import BoostingConfig, fit_boosting
from training.forecasters.pooled import fit_pooled

Floats = NDArray[np.float64]

LEAST_WEEKS = 8
"""Below this the mean of what there is has to do."""

_HALF_LIFE_WEEKS = 10.0
"""Hardly matters: 5 to 20 weeks move WAPE four weeks ahead by at most 1.6 % (Nashville, a simulated county of each
shape, eight origins)."""

_INNER_SHAPE, _LEAF_SHAPE = 1.0, 3.0
_REGION_PLACES = 10.0

_MOST_ORIGINS = 30
_LEAST = 0.02


def pooled_panel(
    counts: Floats, weeks: pd.DatetimeIndex, ahead: pd.DatetimeIndex, parents: NDArray[np.int64]
) -> Floats:
    """(n_nodes, n_categories, n_ahead) means of (n_nodes, n_categories, n_weeks) counts, the root's first.

    Trend, season and festivals are those of the category at the root (`fit_pooled`); levels are nested, newer weeks
    counting more (`_nested_levels`): a series that has just begun is like its parents and siblings. `parents`
    (n_nodes,) is the row of the region around each, before it; -1 for the root.
    """
    if len(weeks) < LEAST_WEEKS:
        return _usual(counts, len(ahead))
    pooled = fit_pooled(counts[0], weeks)
    past, future = (_calendar(pooled.factors(times)) for times in (weeks, ahead))
    weight = 0.5 ** (np.arange(len(weeks))[::-1] / _HALF_LIFE_WEEKS)
    began = np.cumsum(counts, axis=-1) > 0
    seen = (counts * weight).sum(axis=-1)
    expected = (began * (past * weight)).sum(axis=-1)
    level = _nested_levels(seen, expected, (past * weight).sum(axis=-1), parents)
    return np.where(began.any(axis=-1), level, 0.0)[..., None] * future


def _nested_levels(seen: Floats, expected: Floats, weeks: Floats, parents: NDArray[np.int64]) -> Floats:
    """(n_nodes, n_categories) levels, from the root down, each drawn to its parent's.

    A region's share of all that its parent holds is drawn to an even one as if by ten places; what it has of each
    category is that share of the parent's level, times a gamma factor of mean one: a series of many places is its own,
    one of few is like its parent, more so (shape three for one) where nothing lies below. The root's parent is the
    category's mean over all `weeks` (n_categories,). `seen` places and `expected` weeks since a series began are
    (n_nodes, n_categories).
    """
    level = np.empty_like(seen)
    places, n_children = seen.sum(axis=1), np.bincount(parents[1:], minlength=len(parents))
    shapes = np.where(n_children > 0, _INNER_SHAPE, _LEAF_SHAPE)
    for node, parent in enumerate(parents.tolist()):
        usual = seen[0] / np.maximum(weeks, 1e-9)
        if parent >= 0:
            share = (places[node] + _REGION_PLACES / n_children[parent]) / (places[parent] + _REGION_PLACES)
            usual = share * level[parent]
        usual = np.maximum(usual, 1e-9)
        level[node] = usual * (seen[node] + shapes[node]) / (expected[node] * usual + shapes[node])
    return level


def boosted_panel(
    counts: Floats, weeks: pd.DatetimeIndex, ahead: pd.DatetimeIndex, config: BoostingConfig, rng: np.random.Generator
) -> Floats:
    """Like `pooled_panel`, by trees over decayed levels and the distance to each festival, around the usual level.

    Neither the week a year ago nor the day of the year is a feature: they mislead about a festival that moves.
    """
    n_weeks, horizon = len(weeks), len(ahead)
    if n_weeks < LEAST_WEEKS:
        return _usual(counts, horizon)
    flat = counts.reshape(-1, n_weeks)
    alive = np.flatnonzero(flat.sum(axis=1) > 0)
    category = np.tile(np.arange(counts.shape[1]), counts.shape[0])[alive]
    calendar = _calendar_features(weeks.append(ahead))
    levels = [_decayed(flat[alive], half_life) for half_life in (3.0, 12.0, 52.0)]
    origins = np.unique(np.linspace(LEAST_WEEKS // 2, n_weeks - 1, _MOST_ORIGINS).astype(np.int64))
    rows = [
        (known, week) for known in origins.tolist() for week in range(min(horizon, n_weeks - known)) if known + week > 0
    ]

    def features(known: int, week: int) -> tuple[NDArray[np.float32], Floats]:
        so_far = [level[:, known] for level in levels]
        n = len(alive)
        columns = [np.log(one + 0.05) for one in so_far] + [np.full(n, week), category]
        columns += [np.full(n, value) for value in calendar[known + week]]
        return np.column_stack(columns).astype(np.float32), np.maximum(so_far[1], _LEAST)

    parts = [features(*row) for row in rows]
    came = np.concatenate([flat[alive, known + week] for known, week in rows])
    booster = fit_boosting(
        np.concatenate([part[0] for part in parts]), came, np.concatenate([part[1] for part in parts]), config, rng
    )
    means = np.zeros((len(flat), horizon))
    for week in range(horizon):
        means[alive, week] = booster.means(*features(n_weeks, week))
    return means.reshape(*counts.shape[:2], horizon)


def _usual(counts: Floats, horizon: int) -> Floats:
    usual = counts.mean(axis=-1) if counts.shape[-1] else np.zeros(counts.shape[:2])
    return np.repeat(usual[..., None], horizon, axis=-1)


def _calendar(parts: dict[str, Floats]) -> Floats:
    return parts["trend"] * parts["season"] * parts["holiday"]


def _decayed(series: Floats, half_life: float) -> Floats:
    """(n_series, n_weeks + 1) decayed mean of the weeks before each."""
    keep = 0.5 ** (1 / half_life)
    sums, weight = np.zeros(len(series)), 0.0
    means = np.zeros((len(series), series.shape[1] + 1))
    for week in range(series.shape[1]):
        sums, weight = keep * sums + series[:, week], keep * weight + 1.0
        means[:, week + 1] = sums / weight
    return means


def _calendar_features(weeks: pd.DatetimeIndex) -> Floats:
    table = week_table(weeks)
    distances = [np.clip(table[f"to_{name}"].to_numpy(dtype=float), -REACH_DAYS, REACH_DAYS) for name in FESTIVALS]
    others = [table[name].to_numpy(dtype=float) for name in ("days_off", "makeup_days", "sin_1", "cos_1")]
    return np.column_stack([*distances, *others])
