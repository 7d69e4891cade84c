"""Which months and quarters a forecast holds whole."""

import pandas as pd
import pytest

from features.demand.panel import LongPeriod
from training.demand.known import weeks_ahead
from training.demand.periods import weeks_to_end, whole_periods


@pytest.mark.parametrize(
    ("as_of", "horizon", "period", "n_weeks"),
    [
        ("2026-11-25", 1, "month", 1),  # Its Thursday is the 26th, that of the next week 3 December.
        ("2026-11-25", 2, "month", 6),
        ("2026-11-25", 1, "quarter", 6),
        ("2026-12-30", 1, "quarter", 1),
        ("2027-01-01", 1, "quarter", 1),  # A Friday: its week belongs to the year that ended.
        ("2027-01-04", 1, "quarter", 12),  # 1 April is a Thursday.
    ],
)
def test_a_horizon_reaches_to_the_end_of_its_last_period(
    as_of: str, horizon: int, period: LongPeriod, n_weeks: int
) -> None:
    weeks = weeks_ahead(pd.Timestamp(as_of), horizon)
    assert weeks_to_end(weeks, period) == n_weeks
    whole = whole_periods(weeks_ahead(pd.Timestamp(as_of), n_weeks))
    assert [one.span[1] for one in whole if one.period == period][-1] == n_weeks


def test_a_period_that_does_not_end_in_time_is_left_out() -> None:
    assert whole_periods(weeks_ahead(pd.Timestamp("2026-12-02"), 3)) == []
