"""How forecasts of demand did, beside simple rules and statistical models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset, week_starts
from recsys.demand.forecast import QUANTILES
from recsys.demand.hierarchy import Hierarchy
from recsys.open_sessions import places_taken
from recsys.regions import RegionTree, session_regions
from training.demand.back_test import SERVED
from training.demand.config import DemandConfig
from training.demand.forecast import judged_forecast
from training.demand.judged import Judged, judged_table
from training.demand.known import weeks_ahead
from training.demand.rivals import rival_means
from training.forecasters.simple import BASELINES, rule_quantiles
from training.workers import Here


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
    windows = judged_forecasts(dataset, cut_offs, window_days, config, Here())
    return demand_table([window.result() for window in windows], config)


def judged_forecasts(
    dataset: Dataset, cut_offs: Sequence[pd.Timestamp], window_days: float, config: DemandConfig, executor: Executor
) -> Iterator[Future[dict[str, pd.DataFrame]]]:
    """Forecasts by model beside what came in the window after each cut-off, each submitted when it is asked for."""
    return (executor.submit(_judged_at, dataset, one, window_days, config) for one in cut_offs)


def demand_table(windows: Sequence[Mapping[str, pd.DataFrame]], config: DemandConfig) -> pd.DataFrame:
    """The evaluation table of judged windows; without rows when there are none."""
    frames: dict[str, list[pd.DataFrame]] = {}
    for window in windows:
        for model, frame in window.items():
            frames.setdefault(model, []).append(frame)
    judged = [
        Judged("bookings", model, _role(model), pd.concat(parts, ignore_index=True)) for model, parts in frames.items()
    ]
    return judged_table([one for one in judged if len(one.frame)], config.n_boots, np.random.default_rng(config.seed))


def _role(model: str) -> str:
    return "served" if model == SERVED else "baseline" if model in BASELINES else "learner"


def _judged_at(
    dataset: Dataset, cut_off: pd.Timestamp, window_days: float, config: DemandConfig
) -> dict[str, pd.DataFrame]:
    end = min(cut_off + pd.Timedelta(days=window_days), dataset.data_until)
    last = end.tz_convert(dataset.timezone).tz_localize(None)
    known = dataset.known_at(cut_off)
    as_of = cut_off.tz_convert(dataset.timezone).tz_localize(None)
    horizon = int((last - weeks_ahead(as_of, 1)[0]) / pd.Timedelta(weeks=1))
    if horizon < 1 or known.sessions.empty:
        return {}
    tree = RegionTree.of(known)
    hierarchy = Hierarchy.of(known, tree)
    weeks = weeks_ahead(as_of, horizon)
    came = _weekly_places(dataset.known_at(end), tree, hierarchy, weeks)
    actual = hierarchy.sums(came)
    judged = judged_forecast(known, horizon, config, came)
    table = judged.forecast.table
    table = table[table["target"] == "bookings"]
    history_weeks = pd.DatetimeIndex(weeks[0] + pd.to_timedelta(np.arange(-config.history_weeks, 0) * 7, unit="D"))
    history = hierarchy.sums(_weekly_places(known, tree, hierarchy, history_weeks))
    history = history[..., _first_week(history) :]
    scale = np.abs(np.diff(history, axis=-1)).mean(axis=-1) if history.shape[-1] > 1 else np.zeros(history.shape[:2])
    base = hierarchy.long_table(
        weeks, {"actual": actual, "scale": np.repeat(scale[..., None], horizon, axis=-1)}
    ).assign(window=cut_off.isoformat(), ahead=np.tile(np.arange(horizon), actual.size // horizon), pit=np.nan)
    base = base.assign(series=base["region_id"].astype(str) + "\x1f" + base["category"].astype(str))
    quantiles = [f"q{level}" for level in QUANTILES]
    served = {name: table[name].to_numpy() for name in ["mean", *quantiles]}
    frames = {SERVED: base.assign(**served, pit=judged.pits.ravel())}
    for model, rule in BASELINES.items():
        spread = rule_quantiles(rule, history, horizon, QUANTILES)
        columns = {name: spread[i].ravel() for i, name in enumerate(quantiles)}
        frames[model] = base.assign(mean=rule(history, horizon).ravel(), **columns)
    known_weeks = history_weeks[len(history_weeks) - history.shape[-1] :]
    for model, means in rival_means(history, known_weeks, weeks, hierarchy.parents(), config).items():
        frames[model] = base.assign(mean=means.ravel(), **dict.fromkeys(quantiles, np.nan))
    for method, means in judged.reconciled.items():
        frames[f"reconciled: {method}"] = base.assign(mean=means.ravel(), **dict.fromkeys(quantiles, np.nan))
    return frames


def _weekly_places(
    dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, weeks: pd.DatetimeIndex
) -> NDArray[np.float64]:
    """(n_bottoms, n_categories, n_weeks) places taken in the sessions of each week, as the data set knows them."""
    sessions = dataset.sessions
    places = (
        sessions["session_id"]
        .map(places_taken(dataset.bookings))
        .fillna(0.0)
        .where(sessions["cancelled_at"].isna(), 0.0)
    )
    week = weeks.get_indexer(week_starts(sessions["starts_at"], dataset.timezone))
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    category_num = hierarchy.categories.nums_or_missing(category)
    bottom = hierarchy.bottom_nums(tree, session_regions(dataset, tree))
    inside = (week >= 0) & (category_num >= 0)
    sums = np.zeros((hierarchy.n_bottoms, len(hierarchy.categories), len(weeks)))
    np.add.at(sums, (bottom[inside], category_num[inside], week[inside]), places.to_numpy()[inside])
    return sums


def _first_week(history: NDArray[np.float64]) -> int:
    seen = np.flatnonzero(history[0].sum(axis=0) > 0)
    return int(seen[0]) if len(seen) else history.shape[-1]
