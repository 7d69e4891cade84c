"""What goes with a forecast: history, gaps, drivers and the accuracy of past forecasts, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.calendar import week_table
from features.demand.panel import DemandPanel, week_states
from recsys.demand.forecast import ANNOUNCED, DAYS_OFF, TABLE_COLUMNS, empty_table
from recsys.demand.hierarchy import Hierarchy
from training.demand.back_test import SERVED
from training.forecasters.pooled import PooledForecaster

SHOWN_WEEKS = 104
"""Weeks of history that a forecast carries."""

_USUAL_WEEKS = 8
_LEAST_WEEKS, _LEAST_OPEN_WEEKS = 4, 2
_LEAST = 1e-12
INSIDE, INSIDE_SHARE = "pit80", 0.8
"""Metric: share of outcomes in the central 80 % interval, by randomised PIT."""


def history_table(nodes: DemandPanel) -> pd.DataFrame:
    """Weeks that are over, of every series that ever had a session; see `DemandForecast.history`."""
    if not nodes.n_weeks:
        return empty_table(TABLE_COLUMNS["history"])
    last = slice(max(nodes.n_weeks - SHOWN_WEEKS, 0), nodes.n_weeks)
    ran = nodes.sessions.max(axis=-1) > 0
    columns: dict[str, NDArray[Any]] = {
        name: getattr(nodes, name)[..., last] for name in ("sessions", "places", "offered", "sold_out", "demand")
    }
    # Of a province hardly a fifth of all series ever ran: their states alone are told.
    states = week_states(nodes.sessions[ran], nodes.limited[ran], nodes.sold_out[ran], nodes.weeks)
    table = nodes.hierarchy.long_table(nodes.weeks[last], columns, kept=ran)
    return table.assign(state=states[..., last].ravel())[list(TABLE_COLUMNS["history"])]


def identified(panel: DemandPanel) -> NDArray[np.bool_]:
    """(n_regions, n_categories) whether the series' own weeks tell how much is wanted.

    They do not where nearly every one of at least four weeks with a session was sold out: the estimate of such a
    series comes from sessions like its own.
    """
    runs = panel.sessions > 0
    n_open = (runs & (panel.sold_out < panel.sessions)).sum(axis=-1)
    return np.asarray((n_open >= _LEAST_OPEN_WEEKS) | (runs.sum(axis=-1) < _LEAST_WEEKS))


def gaps_table(
    hierarchy: Hierarchy,
    bookings: NDArray[np.float64],
    demand: NDArray[np.float64],
    supply: NDArray[np.float64],
    is_identified: NDArray[np.bool_],
) -> pd.DataFrame:
    """Means over the weeks ahead of (n_nodes, n_categories, horizon) arrays; see `DemandForecast.gaps`.

    `is_identified` is (n_nodes, n_categories), see `identified`.
    """
    wanted, taken, offered = (array.mean(axis=-1) for array in (demand, bookings, supply))
    n_nodes, n_categories = wanted.shape
    return pd.DataFrame(
        {
            "region_id": np.repeat(hierarchy.node_ids.ids, n_categories),
            "level": np.repeat(hierarchy.node_levels, n_categories),
            "category": np.tile(hierarchy.categories.ids, n_nodes),
            "demand": wanted.ravel(),
            "supply": offered.ravel(),
            "unmet": (wanted - taken).ravel(),
            "fill": np.where(offered > 0, taken / np.where(offered > 0, offered, 1.0), 0.0).clip(0, 1).ravel(),
            "is_identified": is_identified.ravel(),
        }
    )


def planned_supply(panel: DemandPanel, planned: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_bottoms, n_categories, horizon) places: those `planned`, and the usual ones of the share not yet published."""
    recent = panel.offered[..., -_USUAL_WEEKS:]
    usual = recent.mean(axis=-1) if recent.shape[-1] else np.zeros(planned.shape[:2])
    return planned + usual[..., None] * share


def drivers_table(
    hierarchy: Hierarchy, pooled: PooledForecaster | None, weeks: pd.DatetimeIndex, means: NDArray[np.float64]
) -> pd.DataFrame:
    """What makes the mean, as factors and as places to be added up; see `DemandForecast.drivers`.

    Trend, season and holiday are the category's; the level is the series' own; `programme` is what the sessions
    planned for the week make of it. Series whose mean is nothing are left out.
    """
    if pooled is None:
        return empty_table(TABLE_COLUMNS["drivers"])
    parts = pooled.factors(weeks)
    calendar = parts["trend"] * parts["season"] * parts["holiday"]
    level = means.sum(axis=-1) / np.maximum(calendar.sum(axis=-1), 1e-9)
    expected = level[..., None] * calendar
    factors = {
        "level": np.repeat(level[..., None], len(weeks), axis=-1),
        **{name: np.broadcast_to(parts[name], means.shape) for name in ("trend", "season", "holiday")},
        "programme": np.where(expected > 0, means / np.where(expected > 0, expected, 1.0), 1.0),
    }
    places = added_places(factors)
    alive = means.sum(axis=-1) > 1e-6
    tables = [
        hierarchy.long_table(weeks, {"factor": factors[name], "places": places[name]}, kept=alive).assign(driver=name)
        for name in factors
    ]
    return pd.concat(tables, ignore_index=True)[list(TABLE_COLUMNS["drivers"])]


def added_places(factors: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Factors, of which the first is a level in places, as places that add up to their product.

    Each factor moves the level by its logarithm times the logarithmic mean of level and product, whatever their order.
    Source: Ang 2005, Energy Policy 33(7), the LMDI decomposition.

    >>> added = added_places({"level": np.array([8.0]), "season": np.array([2.0]), "holiday": np.array([0.5])})
    >>> [round(float(one[0]), 3) for one in added.values()]
    [8.0, 5.545, -5.545]
    """
    name, *others = factors
    level = np.maximum(factors[name], _LEAST)
    kept = {other: np.maximum(factors[other], _LEAST) for other in others}
    product = level * np.prod(list(kept.values()), axis=0)
    apart = np.log(product / level)
    is_apart = np.abs(apart) > 1e-9
    mean = np.where(is_apart, (product - level) / np.where(is_apart, apart, 1.0), level)
    return {name: level} | {other: mean * np.log(kept[other]) for other in others}


def accuracy_table(
    hierarchy: Hierarchy,
    actual: NDArray[np.float64],
    predicted: dict[str, NDArray[np.float64]],
    pits: NDArray[np.float64],
) -> pd.DataFrame:
    """How past forecasts did, by level, by level and week ahead and by level and category.

    `actual` and each of `predicted` are (n_tests, n_bottoms, n_categories, horizon), NaN where the week is not over;
    `pits` are those of what is served, (n_tests, n_nodes, n_categories, horizon). See `DemandForecast.accuracy`.
    """
    if not len(actual):
        return empty_table(TABLE_COLUMNS["accuracy"])
    seen = np.stack([hierarchy.sums(one) for one in actual])
    tells = np.isfinite(seen)
    rows: list[tuple[object, ...]] = []
    for model, values in predicted.items():
        error = np.abs(np.stack([hierarchy.sums(one) for one in values]) - seen)
        rows += _shares(hierarchy, (model, "wape"), np.where(tells, error, 0.0), np.where(tells, seen, 0.0), tells)
    told = np.isfinite(pits)
    inside = (np.abs(2 * pits - 1) <= INSIDE_SHARE).astype(np.float64)
    rows += _shares(hierarchy, (SERVED, INSIDE), inside, told.astype(np.float64), told)
    if not rows:
        return empty_table(TABLE_COLUMNS["accuracy"])
    return pd.DataFrame(rows, columns=list(TABLE_COLUMNS["accuracy"]))


def _shares(
    hierarchy: Hierarchy,
    names: tuple[str, str],
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    tells: NDArray[np.bool_],
) -> Iterator[tuple[object, ...]]:
    """Rows of `accuracy_table` of one model and metric: sums of one over sums of the other, where these are not 0."""
    levels = hierarchy.node_levels.astype(str)
    for level in dict.fromkeys(levels):
        cells = np.stack([part[:, levels == level].sum(axis=(0, 1)) for part in (above, below, tells)])
        parts: list[tuple[str, float, NDArray[np.float64]]] = [("", np.nan, cells.sum(axis=(1, 2)))]
        parts += [("", float(ahead), one) for ahead, one in enumerate(cells.sum(axis=1).T)]
        parts += [
            (category, np.nan, one) for category, one in zip(hierarchy.categories.ids, cells.sum(axis=2).T, strict=True)
        ]
        for category, ahead, (up, down, n) in parts:
            if down > 0:
                yield (level, category, ahead, *names, up / down, n)


def notes_table(weeks: pd.DatetimeIndex, facts: dict[str, str]) -> pd.DataFrame:
    """Facts about the forecast, and whether the days off of its weeks are announced yet."""
    announced = bool(week_table(weeks)["is_announced"].all())
    said = {DAYS_OFF: ANNOUNCED if announced else "by rule: not announced yet for all of these weeks", **facts}
    return pd.DataFrame({"note": list(said), "value": list(said.values())}, dtype=object)
