"""Demand: the forecast that a bundle carries, and how well such forecasts did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from features.panel_sessions import SessionBook, session_book
from recsys.dataset import Dataset, week_starts
from recsys.demand import FORECAST_COLUMNS, QUANTILES, TARGETS, DemandForecast
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree, session_regions
from recsys.schema import TAKING_STATUSES
from recsys.unconstrain import unconstrain_sessions
from training.demand_evaluation import Judged, evaluation_table
from training.demand_programme import ProgrammeData, fit_programme, programme_data
from training.demand_spread import fit_spread
from training.forecasters.boosting import BoostingConfig
from training.forecasters.simple import BASELINES, rule_quantiles

SERVED = "programme"
"""Name of the served model in evaluation tables."""


class DemandConfig(BaseModel):
    """Settings of the demand forecast."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    history_weeks: int = Field(default=160, ge=1, description="weeks looked back on; older sessions do not count")
    max_origins: int = Field(default=40, ge=2, description="past weekly cut-offs learned from; more take longer")
    test_weeks: int = Field(default=10, ge=1, description="latest weekly cut-offs kept to measure the spread")
    boosting: BoostingConfig = BoostingConfig()
    n_boots: int = Field(default=200, ge=0, description="bootstrap draws of an evaluation's intervals")
    seed: int = Field(default=0, ge=0, description="of sampling")


def forecast_demand(dataset: Dataset, horizon_weeks: int, config: DemandConfig) -> DemandForecast:
    """Both targets for every region, category and week, with history, gaps, drivers, alarms and accuracy."""
    rng = np.random.default_rng(config.seed)
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    if not len(hierarchy.categories):
        return DemandForecast.empty()
    book = session_book(dataset, tree, hierarchy, horizon_weeks + 1, config.history_weeks)
    weeks = _weeks(book.as_of, horizon_weeks)
    n_origins = _n_origins(book, config)
    data = programme_data(book, book.places, hierarchy, n_origins, horizon_weeks)
    forecaster = fit_programme(data, 0, config.boosting, rng)
    bookings = forecaster.means(data, 0, is_capped=True)
    wanted = programme_data(book, session_demand(book), hierarchy, n_origins, horizon_weeks)
    demand = np.maximum(fit_programme(wanted, 0, config.boosting, rng).means(wanted, 0, is_capped=False), bookings)
    actual, predicted = _back_test(data, n_origins, config, rng)
    spread = fit_spread(hierarchy, actual, predicted)
    parts = []
    for target, bottom in zip(TARGETS, (bookings, demand), strict=True):
        means = hierarchy.sums(bottom)
        quantiles = spread.quantiles(hierarchy.sums(data.begun[0]), means)
        columns = {"mean": means, **{f"q{level}": quantiles[i] for i, level in enumerate(QUANTILES)}}
        parts.append(hierarchy.long_table(weeks, columns).assign(target=target))
    table = pd.concat(parts, ignore_index=True)[list(FORECAST_COLUMNS)]
    return replace(DemandForecast.empty(), table=table)


def session_demand(book: SessionBook) -> NDArray[np.float64]:
    """(n_sessions,) places wanted: those of sessions that have begun are freed of their limits."""
    begun = (book.age >= 1) & ~book.is_cancelled
    demand = book.places.copy()
    chain = [codes[begun] for codes in book.likeness()]
    demand[begun] = unconstrain_sessions(book.places[begun], book.capacity[begun], book.waiting[begun], chain)
    return demand


def _n_origins(book: SessionBook, config: DemandConfig) -> int:
    oldest = int(book.age.max(initial=0))
    return int(np.clip(oldest, 1, config.max_origins))


def _weeks(as_of: pd.Timestamp, horizon: int) -> pd.DatetimeIndex:
    monday = as_of.normalize() - pd.Timedelta(days=as_of.dayofweek)
    return pd.DatetimeIndex(monday + pd.to_timedelta(np.arange(horizon) * 7, unit="D"))


def _back_test(
    data: ProgrammeData, n_origins: int, config: DemandConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Outcomes and forecasts of the latest origins, (n_tests, n_bottoms, n_categories, horizon); NaN: not over yet."""
    n_tests = min(config.test_weeks, n_origins // 2)
    if n_tests == 0:
        empty = np.zeros((0, *data.shape[1:]))
        return empty, empty
    forecaster = fit_programme(data, n_tests, config.boosting, rng)
    predicted = np.stack([forecaster.means(data, origin, is_capped=True) for origin in range(1, n_tests + 1)])
    actual = data.totals[1 : n_tests + 1].copy()
    ahead, origin = np.arange(data.shape[3]), np.arange(1, n_tests + 1)
    actual[(ahead[None, :] >= origin[:, None])[:, None, None, :] & np.ones(actual.shape, dtype=bool)] = np.nan
    return actual, predicted


def evaluate_demand(
    dataset: Dataset, cut_off: pd.Timestamp | Sequence[pd.Timestamp], window_days: float, config: DemandConfig
) -> pd.DataFrame:
    """Forecasts from what was known at each cut-off against the weeks of its window that are over.

    Only outcomes that can be seen are judged, so the target is `bookings`; a week counts when it ended before
    the window did and before `dataset.data_until`. The first week is the one that holds the cut-off.

    Returns:
        The evaluation table; without rows when no week is over.
    """
    cut_offs = [cut_off] if isinstance(cut_off, pd.Timestamp) else list(cut_off)
    frames: dict[str, list[pd.DataFrame]] = {}
    for one in cut_offs:
        for model, frame in _judged_at(dataset, one, window_days, config).items():
            frames.setdefault(model, []).append(frame)
    judged = [
        Judged("bookings", model, "served" if model == SERVED else "baseline", pd.concat(parts, ignore_index=True))
        for model, parts in frames.items()
    ]
    return evaluation_table(
        [one for one in judged if len(one.frame)], config.n_boots, np.random.default_rng(config.seed)
    )


def _judged_at(
    dataset: Dataset, cut_off: pd.Timestamp, window_days: float, config: DemandConfig
) -> dict[str, pd.DataFrame]:
    end = min(cut_off + pd.Timedelta(days=window_days), dataset.data_until)
    last = end.tz_convert(dataset.timezone).tz_localize(None)
    known = dataset.known_at(cut_off)
    as_of = cut_off.tz_convert(dataset.timezone).tz_localize(None)
    horizon = int((last - _weeks(as_of, 1)[0]) / pd.Timedelta(weeks=1))
    if horizon < 1 or known.sessions.empty:
        return {}
    table = forecast_demand(known, horizon, config).table
    table = table[table["target"] == "bookings"]
    tree = RegionTree.of(known)
    hierarchy = Hierarchy.of(known, tree)
    weeks = _weeks(as_of, horizon)
    actual = _weekly_places(dataset.known_at(end), tree, hierarchy, weeks)
    history_weeks = weeks[0] + pd.to_timedelta(np.arange(-config.history_weeks, 0) * 7, unit="D")
    history = _weekly_places(known, tree, hierarchy, pd.DatetimeIndex(history_weeks))
    history = history[..., _first_week(history) :]
    scale = np.abs(np.diff(history, axis=-1)).mean(axis=-1) if history.shape[-1] > 1 else np.zeros(history.shape[:2])
    base = hierarchy.long_table(
        weeks, {"actual": actual, "scale": np.repeat(scale[..., None], horizon, axis=-1)}
    ).assign(window=cut_off.isoformat())
    base = base.assign(series=base["region_id"].astype(str) + "\x1f" + base["category"].astype(str))
    quantiles = [f"q{level}" for level in QUANTILES]
    frames = {SERVED: base.assign(**{name: table[name].to_numpy() for name in ["mean", *quantiles]})}
    for model, rule in BASELINES.items():
        spread = rule_quantiles(rule, history, horizon, QUANTILES)
        columns = {name: spread[i].ravel() for i, name in enumerate(quantiles)}
        frames[model] = base.assign(mean=rule(history, horizon).ravel(), **columns)
    return frames


def _weekly_places(
    dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, weeks: pd.DatetimeIndex
) -> NDArray[np.float64]:
    """(n_nodes, n_categories, n_weeks) places taken in the sessions of each week, as the data set knows them."""
    sessions = dataset.sessions
    taken = dataset.bookings[dataset.bookings["status"].isin(TAKING_STATUSES)]
    places = taken.groupby("session_id")["party_size"].sum()
    places = sessions["session_id"].map(places).fillna(0.0).where(sessions["cancelled_at"].isna(), 0.0)
    week = weeks.get_indexer(week_starts(sessions["starts_at"], dataset.timezone))
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    category_num = hierarchy.categories.nums_or_missing(category)
    bottom = hierarchy.bottom_nums(tree, session_regions(dataset, tree))
    inside = (week >= 0) & (category_num >= 0)
    sums = np.zeros((hierarchy.n_bottoms, len(hierarchy.categories), len(weeks)))
    np.add.at(sums, (bottom[inside], category_num[inside], week[inside]), places.to_numpy()[inside])
    return hierarchy.sums(sums)


def _first_week(history: NDArray[np.float64]) -> int:
    seen = np.flatnonzero(history[0].sum(axis=0) > 0)
    return int(seen[0]) if len(seen) else history.shape[-1]
