"""Tables of a forecast by series, found once for each bundle: a page of series costs what its own rows cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.panel import LONG_PERIODS, LongPeriod, by_period, period_starts
from recsys.demand.forecast import DemandForecast

SERIES = ["region_id", "level", "category"]
TARGETED = [*SERIES, "target"]


@dataclass(frozen=True)
class Grouped:
    """A table by series.

    Attributes:
        columns: Name to values, ordered by time; the time as text.
        rows: Series to its rows, first time first.
    """

    columns: dict[str, NDArray[Any]]
    rows: dict[tuple[str, ...], NDArray[np.int64]]

    @classmethod
    def of(cls, table: pd.DataFrame, by: Sequence[str], time: str = "week_start") -> Grouped:
        """The rows of each series of a table."""
        ordered = table.sort_values(time, kind="stable", ignore_index=True)
        # Each date is written once: a province has a million rows and a hundred dates.
        place, dates = pd.factorize(ordered[time])
        times = pd.DatetimeIndex(dates).strftime("%Y-%m-%d").to_numpy(dtype=object)[place]
        columns = {name: ordered[name].to_numpy() for name in ordered.columns} | {time: times}
        codes = ordered.groupby(list(by), sort=False).ngroup().to_numpy()
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        groups = np.split(order, starts[1:]) if len(order) else []
        keys = zip(*(columns[name][order[starts]] for name in by), strict=True)
        return cls(columns, dict(zip(keys, groups, strict=True)))


@dataclass(frozen=True)
class SeriesTables:
    """What a page of forecasts is made from.

    Attributes:
        keys: One row a series and target, in the forecast's order.
        forecast: By series and target.
        history: By series.
        drivers: By series.
        periods: By `month` and `quarter`, then by series and target.
        past_periods: By `month` and `quarter`, then by series; whole ones that are over.
        unidentified: Series whose own weeks do not tell how much is wanted.
    """

    keys: pd.DataFrame
    forecast: Grouped
    history: Grouped
    drivers: Grouped
    periods: dict[str, Grouped]
    past_periods: dict[str, Grouped]
    unidentified: frozenset[tuple[str, ...]]

    @classmethod
    def of(cls, demand: DemandForecast) -> SeriesTables:
        """The tables of one forecast."""
        return cls(
            demand.table[TARGETED].drop_duplicates(ignore_index=True),
            Grouped.of(demand.table, TARGETED),
            Grouped.of(demand.history, SERIES),
            Grouped.of(demand.drivers, SERIES),
            {
                period: Grouped.of(demand.periods[demand.periods["period"] == period], TARGETED, "period_start")
                for period in LONG_PERIODS
            },
            {
                period: Grouped.of(whole_past_periods(demand.history, period), SERIES, "period_start")
                for period in LONG_PERIODS
            },
            frozenset(demand.gaps.loc[~demand.gaps["is_identified"], SERIES].itertuples(index=False, name=None)),
        )


def whole_past_periods(history: pd.DataFrame, period: LongPeriod) -> pd.DataFrame:
    """`region_id, level, category, period_start, places, demand` of the periods whose weeks are all in a history."""
    summed = by_period(history[[*SERIES, "week_start", "places", "demand"]], period)
    if history.empty:
        return summed
    # The periods of the weeks just outside are cut.
    week = pd.Timedelta(weeks=1)
    outside = pd.DatetimeIndex([history["week_start"].min() - week, history["week_start"].max() + week])
    return summed[~summed["period_start"].isin(period_starts(outside, period))].reset_index(drop=True)
