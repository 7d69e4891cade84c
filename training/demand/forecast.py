"""From a data set to a demand forecast: sessions, both targets, spread, and the tables that go with them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.panel import DemandPanel
from recsys.dataset import Dataset
from recsys.demand import FORECAST_COLUMNS, QUANTILES, TARGETS, DemandForecast
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.demand.back_test import PastForecasts, back_test, outcomes, past_forecasts
from training.demand.config import DemandConfig
from training.demand.known import KnownDemand, known_demand, unseen
from training.demand.paths import N_PATHS, Drawn, Limits, calibrated, draw
from training.demand.programme import ProgrammeForecaster, begun_places, fit_programme, programme_data
from training.demand.spread import fit_spread
from training.demand.tables import (
    accuracy_table,
    alarms_table,
    drivers_table,
    gaps_table,
    history_table,
    notes_table,
    planned_supply,
)
from training.forecasters.pooled import PooledForecaster, fit_pooled

_LEAST_POOLED_WEEKS = 4


def forecast_demand(dataset: Dataset, horizon_weeks: int, config: DemandConfig) -> DemandForecast:
    """Both targets for every region, category and week, with history, gaps, drivers, alarms and accuracy.

    A place where nothing was ever offered gets empty tables.
    """
    rng = np.random.default_rng(config.seed)
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    if not len(hierarchy.categories):
        return DemandForecast.empty()
    known = known_demand(dataset, tree, hierarchy, horizon_weeks, config)
    data = programme_data(known.book, known.demand, hierarchy, known.n_origins, horizon_weeks)
    forecaster = fit_programme(data, 0, config.boosting, rng)
    tested = back_test(data, config, rng)
    spread = fit_spread(hierarchy, outcomes(data, tested, unseen(known, rng)))
    limits = Limits.of(known.book, known.places, known.demand, len(hierarchy.categories))
    past = past_forecasts(known, data, tested, spread, limits, rng)
    levels = (calibrated(hierarchy, past.pits[0]), calibrated(hierarchy, past.pits[1]))
    means = forecaster.open_means(data, 0)
    drawn = draw(hierarchy, known.book, means, spread, limits, horizon_weeks, N_PATHS, rng, levels=levels)
    begun = begun_places(known.book, known.places, data.shape)[0]
    bottoms = (begun + drawn.means[0], data.begun[0] + drawn.means[1])
    table = _table(known, drawn, bottoms, (begun, data.begun[0]))
    return _with_tables(table, known, forecaster, bottoms, past)


def _table(
    known: KnownDemand,
    drawn: Drawn,
    bottoms: tuple[NDArray[np.float64], NDArray[np.float64]],
    begun: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> pd.DataFrame:
    parts = []
    floor: NDArray[np.float64] | float = 0.0
    for target, still_open, bottom, certain in zip(TARGETS, drawn.quantiles, bottoms, begun, strict=True):
        # Never fewer are wanted than are taken: the quantiles of demand lie nowhere below those of bookings.
        quantiles = np.maximum(known.hierarchy.sums(certain) + still_open, floor)
        floor = quantiles
        columns = {f"q{level}": quantiles[i] for i, level in enumerate(QUANTILES)}
        columns["mean"] = known.hierarchy.sums(bottom)
        parts.append(known.hierarchy.long_table(known.weeks, columns).assign(target=target))
    return pd.concat(parts, ignore_index=True)[list(FORECAST_COLUMNS)]


def _with_tables(
    table: pd.DataFrame,
    known: KnownDemand,
    forecaster: ProgrammeForecaster,
    bottoms: tuple[NDArray[np.float64], NDArray[np.float64]],
    past: PastForecasts,
) -> DemandForecast:
    hierarchy, nodes = known.hierarchy, known.panel.nodes()
    pooled = _pooled(known.panel)
    means = [hierarchy.sums(bottom) for bottom in bottoms]
    supply = planned_supply(known.panel, _planned_places(known), forecaster.unpublished.share)
    runs = known.panel.sessions > 0
    full = (known.panel.sold_out >= known.panel.sessions) & runs
    unidentified = (runs.sum(axis=-1) >= _LEAST_POOLED_WEEKS) & ((runs & ~full).sum(axis=-1) < 2)
    facts = {
        "sold-out sessions": f"{int(known.panel.sold_out.sum())} of {int(known.panel.sessions.sum())}",
        "series full in nearly every week": f"{int(unidentified.sum())}: their demand is that of their like",
    }
    return DemandForecast(
        table=table,
        history=history_table(nodes),
        gaps=gaps_table(hierarchy, means[0], means[1], hierarchy.sums(supply)),
        drivers=drivers_table(hierarchy, pooled, known.weeks, means[0]),
        alarms=alarms_table(nodes, pooled),
        accuracy=accuracy_table(hierarchy, past.actual, {"programme": past.predicted}),
        notes=notes_table(known.weeks, facts),
    )


def _pooled(panel: DemandPanel) -> PooledForecaster | None:
    if panel.n_weeks < _LEAST_POOLED_WEEKS:
        return None
    return fit_pooled(panel.demand.sum(axis=0), panel.weeks)


def _planned_places(known: KnownDemand) -> NDArray[np.float64]:
    """(n_bottoms, n_categories, horizon) places that the published sessions of each week offer."""
    book, horizon = known.book, len(known.weeks)
    ahead = (book.week >= 0) & (book.week < horizon) & ~book.is_cancelled
    n_series = known.hierarchy.n_bottoms * len(known.hierarchy.categories)
    series = book.bottom[ahead] * len(known.hierarchy.categories) + book.category[ahead]
    flat = series * horizon + book.week[ahead]
    sums = np.bincount(flat, weights=np.nan_to_num(book.capacity[ahead]), minlength=n_series * horizon)
    return sums.astype(np.float64).reshape(known.hierarchy.n_bottoms, -1, horizon)
