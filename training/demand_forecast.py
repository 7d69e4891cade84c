"""From a data set to a demand forecast: sessions, both targets, spread, and the tables that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from features.panel import DemandPanel, panel_of
from features.panel_sessions import SessionBook, session_book
from recsys.dataset import Dataset
from recsys.demand import FORECAST_COLUMNS, QUANTILES, TARGETS, DemandForecast
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree
from recsys.unconstrain import unconstrain_sessions
from training.demand_programme import ProgrammeData, ProgrammeForecaster, fit_programme, programme_data
from training.demand_spread import BackTest, Spread, fit_spread
from training.demand_tables import (
    accuracy_table,
    alarms_table,
    drivers_table,
    gaps_table,
    history_table,
    notes_table,
    planned_supply,
)
from training.forecasters.boosting import BoostingConfig
from training.forecasters.pooled import PooledForecaster, fit_pooled
from training.forecasters.statistical import Statistical
from training.forecasters.unpublished import weekly_totals

_LEAST_POOLED_WEEKS = 4
_OUTLIER_RATIO = 25.0
_OVERBOOKED = 1.5
_MOST_ROWS = 2_500_000
"""Series x weeks ahead x origins that are held at once; a province looks back on fewer origins than a county."""


class DemandConfig(BaseModel):
    """Settings of the demand forecast."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_weeks: int = Field(default=160, ge=1, description="weeks looked back on; older sessions do not count")
    max_origins: int = Field(default=60, ge=2, description="past weekly cut-offs learned from; more take longer")
    test_weeks: int = Field(default=10, ge=1, description="latest weekly cut-offs kept to measure the spread")
    refit_weeks: int = Field(default=4, ge=1, description="weekly cut-offs that a fit serves in that measurement")
    boosting: BoostingConfig = BoostingConfig()
    statistical: tuple[Statistical, ...] = Field(
        default=("theta", "imapa"), description="models of single series that evaluations put beside the served one"
    )
    n_boots: int = Field(default=200, ge=0, description="bootstrap draws of an evaluation's intervals")
    seed: int = Field(default=0, ge=0, description="of sampling")


@dataclass(frozen=True)
class _Known:
    """What a data set says, in the forms that the steps share."""

    hierarchy: Hierarchy
    book: SessionBook
    places: NDArray[np.float64]
    demand: NDArray[np.float64]
    panel: DemandPanel
    weeks: pd.DatetimeIndex
    n_origins: int


def forecast_demand(dataset: Dataset, horizon_weeks: int, config: DemandConfig) -> DemandForecast:
    """Both targets for every region, category and week, with history, gaps, drivers, alarms and accuracy.

    A place where nothing was ever offered gets empty tables.
    """
    rng = np.random.default_rng(config.seed)
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    if not len(hierarchy.categories):
        return DemandForecast.empty()
    known = _known(dataset, tree, hierarchy, horizon_weeks, config)
    data = programme_data(known.book, known.places, hierarchy, known.n_origins, horizon_weeks)
    wanted = programme_data(known.book, known.demand, hierarchy, known.n_origins, horizon_weeks)
    forecaster = fit_programme(data, 0, config.boosting, rng)
    bookings = forecaster.means(data, 0, is_capped=True)
    demand = fit_programme(wanted, 0, config.boosting, rng).means(wanted, 0, is_capped=False)
    demand = np.maximum(demand, bookings)
    tests = [back_test(data, config, rng, is_capped=True), back_test(wanted, config, rng, is_capped=False)]
    tests[1] = _with_unseen(tests[1], known, wanted, rng)
    spreads = [fit_spread(hierarchy, test, rng) for test in tests]
    table = _table(known, spreads, (bookings, demand), (data.begun[0], wanted.begun[0]))
    return _with_tables(table, known, forecaster, (bookings, demand), tests[0])


def weeks_ahead(as_of: pd.Timestamp, horizon: int) -> pd.DatetimeIndex:
    """Mondays from that of the week that holds `as_of` (local, without a zone)."""
    monday = as_of.normalize() - pd.Timedelta(days=as_of.dayofweek)
    return pd.DatetimeIndex(monday + pd.to_timedelta(np.arange(horizon) * 7, unit="D"))


def without_outliers(book: SessionBook) -> NDArray[np.float64]:
    """(n_sessions,) places taken; past figures that nothing explains are cut to what the category could explain.

    Cut is what is above 25 times the category's median session and half again above the stated capacity, if any:
    a slip of the pen in one row must not move a forecast. The week that is under way is left as it is.
    """
    past = (book.week < 0) & (book.places > 0)
    medians = pd.Series(book.places[past]).groupby(book.category[past]).median()
    usual = pd.Series(book.category).map(medians).fillna(np.inf).to_numpy(dtype=float)
    most = np.fmax(_OUTLIER_RATIO * usual, _OVERBOOKED * np.nan_to_num(book.capacity))
    return np.where(past, np.minimum(book.places, most), book.places)


def session_demand(book: SessionBook, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_sessions,) places wanted: those of sessions that have begun are freed of their limits."""
    begun = (book.age >= 1) & ~book.is_cancelled
    demand = places.copy()
    chain = [codes[begun] for codes in book.likeness()]
    demand[begun] = unconstrain_sessions(places[begun], book.capacity[begun], book.waiting[begun], chain)
    return demand


def _known(dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, horizon: int, config: DemandConfig) -> _Known:
    book = session_book(dataset, tree, hierarchy, horizon + 1, config.history_weeks)
    places = without_outliers(book)
    n_alive = len(np.unique(book.bottom * len(hierarchy.categories) + book.category))
    most = min(config.max_origins, max(_MOST_ROWS // max(n_alive * horizon, 1), 4))
    demand = session_demand(book, places)
    return _Known(
        hierarchy=hierarchy,
        book=book,
        places=places,
        demand=demand,
        panel=panel_of(book, hierarchy, demand),
        weeks=weeks_ahead(book.as_of, horizon),
        n_origins=int(np.clip(book.age.max(initial=0), 1, most)),
    )


def back_test(data: ProgrammeData, config: DemandConfig, rng: np.random.Generator, *, is_capped: bool) -> BackTest:
    """The latest origins, each forecast by what was learned before it, and at most `refit_weeks` before."""
    n_tests = min(config.test_weeks, data.shape[0] // 2)
    if n_tests == 0:
        empty = np.zeros((0, *data.shape[1:]))
        return BackTest(empty, empty, empty)
    predicted = np.empty((n_tests, *data.shape[1:]))
    for origin in range(n_tests, 0, -1):
        if (n_tests - origin) % config.refit_weeks == 0:
            forecaster = fit_programme(data, origin, config.boosting, rng)
        predicted[origin - 1] = forecaster.means(data, origin, is_capped=is_capped)
    ahead, origins = np.arange(data.shape[3]), np.arange(1, n_tests + 1)
    is_over = (ahead[None, :] < origins[:, None])[:, None, None, :]
    tested = slice(1, n_tests + 1)
    return BackTest(np.where(is_over, data.totals[tested], np.nan), predicted, data.begun[tested])


def _with_unseen(test: BackTest, known: _Known, wanted: ProgrammeData, rng: np.random.Generator) -> BackTest:
    """The back-test of demand with outcomes as uncertain as they are: those turned away drawn, not their mean.

    Their number is taken as exponential, as the tail of a count is about geometric.
    """
    hidden = np.maximum(known.demand - known.places - known.book.waiting, 0.0)
    drawn = known.demand + hidden * (rng.exponential(size=len(hidden)) - 1)
    n_tests = len(test.actual)
    outcomes = weekly_totals(known.book, drawn, wanted.shape)[1 : n_tests + 1]
    return BackTest(np.where(np.isfinite(test.actual), outcomes, np.nan), test.predicted, test.begun)


def _table(
    known: _Known,
    spreads: Sequence[Spread],
    bottoms: tuple[NDArray[np.float64], NDArray[np.float64]],
    begun: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> pd.DataFrame:
    parts = []
    floor: NDArray[np.float64] | float = 0.0
    for target, spread, bottom, certain in zip(TARGETS, spreads, bottoms, begun, strict=True):
        means = known.hierarchy.sums(bottom)
        # Never fewer are wanted than are taken: the quantiles of demand lie nowhere below those of bookings.
        quantiles = np.maximum(spread.quantiles(known.hierarchy.sums(certain), means), floor)
        floor = quantiles
        columns = {"mean": means, **{f"q{level}": quantiles[i] for i, level in enumerate(QUANTILES)}}
        parts.append(known.hierarchy.long_table(known.weeks, columns).assign(target=target))
    return pd.concat(parts, ignore_index=True)[list(FORECAST_COLUMNS)]


def _with_tables(
    table: pd.DataFrame,
    known: _Known,
    forecaster: ProgrammeForecaster,
    bottoms: tuple[NDArray[np.float64], NDArray[np.float64]],
    test: BackTest,
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
        accuracy=accuracy_table(hierarchy, test.actual, {"programme": test.predicted}),
        notes=notes_table(known.weeks, facts),
    )


def _pooled(panel: DemandPanel) -> PooledForecaster | None:
    if panel.n_weeks < _LEAST_POOLED_WEEKS:
        return None
    return fit_pooled(panel.demand.sum(axis=0), panel.weeks)


def _planned_places(known: _Known) -> NDArray[np.float64]:
    """(n_bottoms, n_categories, horizon) places that the published sessions of each week offer."""
    book, horizon = known.book, len(known.weeks)
    ahead = (book.week >= 0) & (book.week < horizon) & ~book.is_cancelled
    n_series = known.hierarchy.n_bottoms * len(known.hierarchy.categories)
    series = book.bottom[ahead] * len(known.hierarchy.categories) + book.category[ahead]
    flat = series * horizon + book.week[ahead]
    sums = np.bincount(flat, weights=np.nan_to_num(book.capacity[ahead]), minlength=n_series * horizon)
    return sums.astype(np.float64).reshape(known.hierarchy.n_bottoms, -1, horizon)
