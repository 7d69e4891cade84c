"""Tables by series: months that a history holds whole."""

import pandas as pd

from serving.planning.series import whole_past_periods


def history(first: str, n_weeks: int) -> pd.DataFrame:
    weeks = pd.date_range(first, periods=n_weeks, freq="7D")
    columns = {
        "region_id": "r",
        "level": "county",
        "category": "art",
        "week_start": weeks,
        "places": 2.0,
        "demand": 3.0,
    }
    return pd.DataFrame(columns)


def test_months_cut_at_either_end_are_left_out() -> None:
    # Thursdays 15 January to 2 April: January lacks two weeks, April has just begun.
    found = whole_past_periods(history("2026-01-12", 12), "month")
    assert found["period_start"].tolist() == [pd.Timestamp("2026-02-01"), pd.Timestamp("2026-03-01")]
    assert found["places"].tolist() == [8.0, 8.0]
    assert found["demand"].tolist() == [12.0, 12.0]


def test_a_history_of_whole_months_is_all_there() -> None:
    # Thursdays 5 to 26 February.
    assert len(whole_past_periods(history("2026-02-02", 4), "month")) == 1
    assert whole_past_periods(history("2026-02-02", 3), "month").empty
    assert whole_past_periods(history("2026-02-02", 4).iloc[:0], "quarter").empty
