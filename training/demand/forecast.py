"""From a data set to a demand forecast: sessions, both targets, spread, and the tables that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset
from recsys.demand.forecast import FORECAST_COLUMNS, QUANTILES, TABLE_COLUMNS, TARGETS, DemandForecast, empty_table
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.paths import Span, over_spans, single_weeks
from recsys.demand.reconcile import Method
from recsys.regions import RegionTree
from training.demand.alarms import alarms_table
from training.demand.back_test import PastForecasts, back_test, outcomes, past_forecasts
from training.demand.config import DemandConfig
from training.demand.known import KnownDemand, known_demand, unseen
from training.demand.paths import N_PATHS, Ahead, Drawn, Limits, calibrated, calibrated_pits, draw
from training.demand.periods import PeriodSpan, whole_periods
from training.demand.programme import OpenMeans, ProgrammeForecaster, begun_places, fit_programme, programme_data
from training.demand.reconciled import Reconciliation, chosen_reconciliation
from training.demand.spread import Spread, fit_spread
from training.demand.tables import (
    accuracy_table,
    drivers_table,
    gaps_table,
    history_table,
    identified,
    notes_table,
    planned_supply,
)
from training.demand.villages import village_shares
from training.forecasters.pooled import pooled_calendar

Columns = dict[str, dict[str, NDArray[np.float64]]]
"""By target, the mean and quantiles, (n_nodes, n_categories, n_spans)."""

Bottoms = tuple[NDArray[np.float64], NDArray[np.float64]]
"""By target, (n_bottoms, n_categories, horizon)."""


def forecast_demand(dataset: Dataset, horizon_weeks: int, config: DemandConfig) -> DemandForecast:
    """Both targets for every region, category and week, with history, gaps, drivers, alarms and accuracy.

    A place where nothing was ever offered gets empty tables.
    """
    return judged_forecast(dataset, horizon_weeks, config, None).forecast


@dataclass(frozen=True)
class JudgedForecast:
    """A forecast with what an evaluation needs beside it.

    Attributes:
        forecast: What is served.
        pits: (n_nodes, n_categories, horizon) PITs of the bookings that came; NaN where nothing tells.
        reconciled: (n_nodes, n_categories, horizon) mean bookings by each way to make the regions add up.
    """

    forecast: DemandForecast
    pits: NDArray[np.float64]
    reconciled: dict[Method, NDArray[np.float64]]


def judged_forecast(
    dataset: Dataset, horizon_weeks: int, config: DemandConfig, came: NDArray[np.float64] | None
) -> JudgedForecast:
    """The forecast and how it did; `came` (n_bottoms, n_categories, horizon) places of whole weeks tell it nothing."""
    rng = np.random.default_rng(config.seed)
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    if not len(hierarchy.categories):
        return JudgedForecast(DemandForecast.empty(), np.zeros((hierarchy.n_nodes, 0, horizon_weeks)), {})
    known = known_demand(dataset, tree, hierarchy, horizon_weeks, config)
    learned = _learned(known, config, rng)
    past, begun = learned.past, learned.begun
    periods = whole_periods(known.weeks)
    spans = [*single_weeks(horizon_weeks), *(one.span for one in periods)]
    levels = (_levels(hierarchy, past, 0, spans), _levels(hierarchy, past, 1, spans))
    still_came = None if came is None else (came - begun[0], np.full_like(came, np.nan))
    ahead = Ahead(hierarchy, horizon_weeks, spans)
    drawn = draw(
        ahead, known.book, learned.means, learned.spread, learned.limits, N_PATHS, rng, levels=levels, came=still_came
    )
    bottoms = (begun[0] + drawn.means[0], begun[1] + drawn.means[1])
    table = _table(hierarchy, known.weeks, _weekly(hierarchy, drawn, bottoms, begun))
    by_period = _periods_table(known, periods, drawn, bottoms, begun)
    pits = calibrated_pits(hierarchy, drawn.pits[0][..., :horizon_weeks], past.pits[0])
    kept = np.divide(bottoms[0], bottoms[1], out=np.ones_like(bottoms[0]), where=bottoms[1] > 0)
    by_method = learned.reconciliation.by_method
    return JudgedForecast(
        forecast=_with_tables(table, by_period, village_shares(dataset, tree), known, learned, bottoms),
        pits=pits,
        reconciled={method: hierarchy.sums(one * kept) for method, one in by_method.items()},
    )


@dataclass(frozen=True)
class _Learned:
    """What past origins taught; the rows of all origins that it was learned from, a province's bulk, are not held.

    Attributes:
        forecaster: Means.
        means: What can still come, seen from now.
        begun: By target, what is certain of the weeks ahead.
        spread: What outcomes vary by.
        limits: What keeps places wanted from being taken.
        past: How past forecasts did.
        reconciliation: How regions are made to add up.
    """

    forecaster: ProgrammeForecaster
    means: OpenMeans
    begun: Bottoms
    spread: Spread
    limits: Limits
    past: PastForecasts
    reconciliation: Reconciliation


def _learned(known: KnownDemand, config: DemandConfig, rng: np.random.Generator) -> _Learned:
    hierarchy = known.hierarchy
    data = programme_data(known.book, known.demand, hierarchy, known.n_origins, len(known.weeks))
    forecaster = fit_programme(data, 0, config.boosting, rng)
    means, tested = forecaster.open_means(data, 0), back_test(data, config, rng)
    reconciliation = chosen_reconciliation(known, data, tested, means)
    tested = [(origin, reconciliation.adjusted(origin, one, data.begun[origin])) for origin, one in tested]
    spread = fit_spread(hierarchy, outcomes(data, tested, unseen(known, rng)))
    limits = Limits.of(known.book, known.places, known.demand, len(hierarchy.categories))
    return _Learned(
        forecaster=forecaster,
        means=reconciliation.adjusted(0, means, data.begun[0]),
        begun=(begun_places(known.book, known.places, (1, *data.shape[1:]))[0], data.begun[0].copy()),
        spread=spread,
        limits=limits,
        past=past_forecasts(known, data, tested, spread, limits, rng),
        reconciliation=reconciliation,
    )


def _levels(hierarchy: Hierarchy, past: PastForecasts, target: int, spans: list[Span]) -> NDArray[np.float64]:
    """(n_nodes, n_spans, n_quantiles) levels to ask for: single weeks and longer spans by their own past."""
    weekly = calibrated(hierarchy, past.pits[target])
    has_blocks = any(np.isfinite(one).any() for one in past.block_pits[target])
    longer = calibrated(hierarchy, past.block_pits[target]) if has_blocks else weekly
    return np.stack([weekly if end - first == 1 else longer for first, end in spans], axis=1)


def _weekly(hierarchy: Hierarchy, drawn: Drawn, bottoms: Bottoms, begun: Bottoms) -> Columns:
    horizon = bottoms[0].shape[-1]
    still_open = [one[..., :horizon] for one in drawn.quantiles]
    return _columns(hierarchy, still_open, bottoms, begun)


def _columns(
    hierarchy: Hierarchy, still_open: Sequence[NDArray[np.float32]], bottoms: Bottoms, certain: Bottoms
) -> Columns:
    """What is still open on top of what is certain; means as they are."""
    found: Columns = {}
    floor: NDArray[np.float64] | float = 0.0
    for target, open_quantiles, bottom, sure in zip(TARGETS, still_open, bottoms, certain, strict=True):
        # Never fewer are wanted than are taken: the quantiles of demand lie nowhere below those of bookings.
        quantiles = np.maximum(hierarchy.sums(sure) + open_quantiles, floor)
        floor = quantiles
        found[target] = {"mean": hierarchy.sums(bottom)}
        found[target] |= {f"q{level}": quantiles[i] for i, level in enumerate(QUANTILES)}
    return found


def _table(hierarchy: Hierarchy, weeks: pd.DatetimeIndex, columns: Columns) -> pd.DataFrame:
    parts = [hierarchy.long_table(weeks, values).assign(target=target) for target, values in columns.items()]
    return pd.concat(parts, ignore_index=True)[list(FORECAST_COLUMNS)]


def _periods_table(
    known: KnownDemand, periods: list[PeriodSpan], drawn: Drawn, bottoms: Bottoms, begun: Bottoms
) -> pd.DataFrame:
    """See `DemandForecast.periods`; what the weeks of a period that are over drew is certain."""
    horizon = bottoms[0].shape[-1]
    parts = [empty_table(TABLE_COLUMNS["periods"])]
    for place, period in enumerate(periods):
        over = [period.over(known.panel, values)[..., None] for values in (known.panel.places, known.panel.demand)]
        means, certain = (
            tuple(past + over_spans(part, [period.span], axis=2) for past, part in zip(over, both, strict=True))
            for both in (bottoms, begun)
        )
        still_open = [one[..., horizon + place, None] for one in drawn.quantiles]
        columns = _columns(known.hierarchy, still_open, (means[0], means[1]), (certain[0], certain[1]))
        table = _table(known.hierarchy, pd.DatetimeIndex([period.start]), columns)
        parts.append(table.rename(columns={"week_start": "period_start"}).assign(period=period.period))
    # An empty part has no say in the types.
    return pd.concat(parts[1:] or parts, ignore_index=True)[list(TABLE_COLUMNS["periods"])]


def _with_tables(
    table: pd.DataFrame,
    periods: pd.DataFrame,
    villages: pd.DataFrame,
    known: KnownDemand,
    learned: _Learned,
    bottoms: Bottoms,
) -> DemandForecast:
    hierarchy, nodes = known.hierarchy, known.panel.nodes()
    past = learned.past
    pooled = pooled_calendar(known.panel)
    means = [hierarchy.sums(bottom) for bottom in bottoms]
    supply = planned_supply(known.panel, _planned_places(known), learned.forecaster.unpublished.share)
    facts = {
        "sold-out sessions": f"{int(known.panel.sold_out.sum())} of {int(known.panel.sessions.sum())}",
        "turned away who took another session": f"{known.spill.share:.1%} of {known.spill.n_turned_away} waiting",
        "series full in nearly every week": f"{int((~identified(known.panel)).sum())}: their demand is of their like",
        **learned.reconciliation.notes(),
    }
    return DemandForecast(
        table=table,
        history=history_table(nodes),
        gaps=gaps_table(hierarchy, means[0], means[1], hierarchy.sums(supply), identified(nodes)),
        drivers=drivers_table(hierarchy, pooled, known.weeks, means[0]),
        alarms=alarms_table(known.panel, nodes),
        accuracy=accuracy_table(
            hierarchy, past.actual, past.predicted_by_model(known.panel.places), past.pits_put_right(hierarchy)
        ),
        periods=periods,
        villages=villages,
        notes=notes_table(known.weeks, facts),
    )


def _planned_places(known: KnownDemand) -> NDArray[np.float64]:
    """(n_bottoms, n_categories, horizon) places that the published sessions of each week offer."""
    book, horizon = known.book, len(known.weeks)
    ahead = (book.week >= 0) & (book.week < horizon) & ~book.is_cancelled
    n_series = known.hierarchy.n_bottoms * len(known.hierarchy.categories)
    series = book.bottom[ahead] * len(known.hierarchy.categories) + book.category[ahead]
    flat = series * horizon + book.week[ahead]
    sums = np.bincount(flat, weights=np.nan_to_num(book.capacity[ahead]), minlength=n_series * horizon)
    return sums.astype(np.float64).reshape(known.hierarchy.n_bottoms, -1, horizon)
