"""Months and quarters of a forecast: whole ones, the weeks of them that are over included."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.panel import LONG_PERIODS, DemandPanel, LongPeriod, period_starts
from recsys.demand.paths import Span


@dataclass(frozen=True)
class PeriodSpan:
    """A month or quarter that ends within the weeks ahead.

    Attributes:
        period: Which of both.
        start: Its first day.
        span: The weeks ahead that belong to it.
    """

    period: LongPeriod
    start: pd.Timestamp
    span: Span

    def over(self, panel: DemandPanel, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_bottoms, n_categories) sum of (n_bottoms, n_categories, n_weeks) over its weeks that are over."""
        return np.asarray(values[..., period_starts(panel.weeks, self.period) == self.start].sum(axis=-1))


def whole_periods(weeks: pd.DatetimeIndex) -> list[PeriodSpan]:
    """The months and quarters whose last week is among these weeks ahead."""
    found = []
    for period in LONG_PERIODS:
        starts = period_starts(weeks.append(weeks[-1:] + pd.Timedelta(weeks=1)), period)
        edges = [0, *(np.flatnonzero(starts[1:] != starts[:-1]) + 1).tolist()]
        found += [PeriodSpan(period, starts[first], (first, end)) for first, end in pairwise(edges)]
    return found


def weeks_to_end(weeks: pd.DatetimeIndex, period: LongPeriod) -> int:
    """Weeks from the first of `weeks` to the end of the period that holds the last."""
    last, n_weeks = period_starts(weeks[-1:], period)[0], len(weeks)
    while period_starts(weeks[:1] + pd.Timedelta(weeks=n_weeks), period)[0] == last:
        n_weeks += 1
    return n_weeks
