"""The demand panel: a complete weekly grid of region x category, every kind of week told apart."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from features.demand.calendar import week_table
from features.demand.counts import MEASURES, SERIES, weekly_counts, with_regions_above
from features.demand.session_book import session_book
from features.demand.sessions import SessionBook, counted_sessions
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree

CLOSED_AFTER_WEEKS = 13
"""A series without a session for longer is closed, not pausing."""

HOLIDAY_DAYS_OFF = 3
"""A week without a session and with this many days off is a holiday week."""

Period = Literal["week", "month", "quarter"]
LongPeriod = Literal["month", "quarter"]
LONG_PERIODS: tuple[LongPeriod, ...] = get_args(LongPeriod)


@dataclass(frozen=True)
class DemandPanel:
    """Weeks that are over, for every bottom region and category.

    Attributes:
        hierarchy: Adds bottoms up to every region.
        weeks: (n_weeks,) local Mondays, without gaps.
        sessions: (n_bottoms, n_categories, n_weeks) sessions that took place.
        places: Places taken in them.
        offered: Places offered by those that state a capacity.
        limited: Sessions that state a capacity.
        sold_out: Sessions that were full.
        demand: Places wanted, full sessions freed of their limit.
        counts: The same as `weekly_counts` gives it: a row for each week with a session, counted from -1 backwards.
    """

    hierarchy: Hierarchy
    weeks: pd.DatetimeIndex
    sessions: NDArray[np.float64]
    places: NDArray[np.float64]
    offered: NDArray[np.float64]
    limited: NDArray[np.float64]
    sold_out: NDArray[np.float64]
    demand: NDArray[np.float64]
    counts: pl.DataFrame = field(repr=False, compare=False)

    @property
    def n_weeks(self) -> int:
        """Number of weeks."""
        return len(self.weeks)

    def nodes(self) -> DemandPanel:
        """The same with a row for every region of the hierarchy instead of every bottom."""
        at_node, at_bottom = self.hierarchy.summing.nonzero()
        ancestors = pl.DataFrame({"region_num": at_bottom.astype(np.int64), "ancestor_num": at_node.astype(np.int64)})
        counts = with_regions_above(self.counts, ancestors)
        return _on_grid(counts, self.hierarchy, self.hierarchy.n_nodes, self.weeks)


def week_states(
    sessions: NDArray[np.float64],
    limited: NDArray[np.float64],
    sold_out: NDArray[np.float64],
    weeks: pd.DatetimeIndex,
) -> NDArray[np.object_]:
    """(n_regions, n_categories, n_weeks) like `sessions`: the state that each week is in.

    `open`, or `sold out`: all sessions have a limit and are full; `closed`: before the first and long after the last
    session; `holiday` or `no session` in between.
    """
    n_weeks = sessions.shape[-1]
    runs = sessions > 0
    at = np.arange(n_weeks)
    last_before = np.maximum.accumulate(np.where(runs, at, -(10**6)), axis=-1)
    is_closed = at - last_before > CLOSED_AFTER_WEEKS
    days_off = week_table(weeks)["days_off"].to_numpy() if n_weeks else np.zeros(0)
    is_holiday = np.broadcast_to(days_off >= HOLIDAY_DAYS_OFF, sessions.shape)
    is_sold_out = runs & (sold_out >= sessions) & (limited >= sessions)
    return np.select(
        [is_sold_out, runs, is_closed, is_holiday],
        np.array(["sold out", "open", "closed", "holiday"], dtype=object),
        default="no session",
    )


def demand_panel(dataset: Dataset, history_weeks: int = 160) -> DemandPanel:
    """The panel of a data set; demand is what was taken, and the waitlists of full sessions.

    `training.demand` puts the estimate behind full sessions in; this plain panel needs no estimate.
    """
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    book = session_book(dataset, tree, hierarchy, 1, history_weeks)
    return panel_of(book, hierarchy, book.places + np.where(book.is_full, book.waiting, 0.0))


def panel_of(book: SessionBook, hierarchy: Hierarchy, demand: NDArray[np.float64]) -> DemandPanel:
    """The panel of a session book; `demand` (n_sessions,) is what each session would have drawn without a limit."""
    n_weeks = int(-book.week[~book.is_cancelled].min(initial=0))
    monday = book.as_of.normalize() - pd.Timedelta(days=book.as_of.dayofweek)
    weeks = pd.DatetimeIndex(monday + pd.to_timedelta(np.arange(-n_weeks, 0) * 7, unit="D"))
    return _on_grid(weekly_counts(counted_sessions(book, demand)), hierarchy, hierarchy.n_bottoms, weeks)


def _on_grid(counts: pl.DataFrame, hierarchy: Hierarchy, n_regions: int, weeks: pd.DatetimeIndex) -> DemandPanel:
    """Weekly counts with every week that had no session."""
    # Frames, not plans, and in order: a plan adds up demand in another order every time, and a run must be repeatable.
    found = counts.sort(SERIES)
    at = tuple(found[name].to_numpy() for name in SERIES)
    shape = (n_regions, len(hierarchy.categories), len(weeks))

    def grid(measure: str) -> NDArray[np.float64]:
        values = np.zeros(shape)
        values[at] = found[measure].to_numpy()  # Weeks count from -1 backwards, as the last index of an axis does.
        return values

    return DemandPanel(hierarchy, weeks, **{name: grid(name) for name in MEASURES}, counts=found)


def period_starts(weeks: pd.DatetimeIndex, period: LongPeriod) -> pd.DatetimeIndex:
    """(n_weeks,) first day of the month or quarter that holds each week's Thursday."""
    thursdays = weeks + pd.Timedelta(days=3)
    return thursdays.to_period("M" if period == "month" else "Q").to_timestamp()


def by_period(table: pd.DataFrame, period: LongPeriod) -> pd.DataFrame:
    """A long weekly table summed to months or quarters, a week counting where its Thursday lies (as in ISO 8601).

    `week_start` gives way to `period_start`; columns of numbers are summed, others but the keys are left out.
    """
    start = period_starts(pd.DatetimeIndex(table["week_start"]), period)
    keys = ["region_id", "level", "category", "period_start"] + (["target"] if "target" in table else [])
    numbers = [name for name in table.select_dtypes("number").columns if not str(name).startswith("q")]
    return table.assign(period_start=start).groupby(keys, sort=False, as_index=False)[numbers].sum()
