"""Festivals and days off, announced and by rule."""

import numpy as np
import pandas as pd
import pytest

from features.demand.calendar import FESTIVALS, day_table, festival_distance, week_table


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2024-02-10", "spring_festival"),
        ("2026-02-17", "spring_festival"),
        ("2027-02-06", "spring_festival"),
        ("2026-03-03", "lantern"),
        ("2026-06-19", "dragon_boat"),
        ("2026-09-25", "mid_autumn"),
    ],
)
def test_festivals_fall_on_their_days(day: str, name: str) -> None:
    days = np.array([day], dtype="datetime64[D]") + np.array([-3, 0, 2])
    assert festival_distance(days, name).tolist() == [-3, 0, 2]


def test_distance_is_clipped() -> None:
    assert festival_distance(np.array(["2026-07-01"], dtype="datetime64[D]"), "spring_festival").tolist() in (
        [28],
        [-28],
    )


def test_days_off_and_make_up_workdays() -> None:
    table = day_table(pd.date_range("2026-02-13", "2026-02-17").to_numpy())
    assert table["is_off"].tolist() == [False, False, True, True, True]
    # Saturday 14 February is worked, so that the week of the festival is free.
    assert table["is_makeup"].tolist() == [False, True, False, False, False]
    assert table["is_announced"].all()


def test_years_without_an_announcement_follow_the_rules_and_say_so() -> None:
    table = day_table(pd.date_range("2031-10-01", "2031-10-03").to_numpy())
    assert table["is_off"].all()
    assert not table["is_announced"].any()


def test_weeks_have_every_column_and_no_gap() -> None:
    table = week_table(pd.date_range("2026-01-19", periods=60, freq="W-MON"))
    assert not table.isna().to_numpy().any()
    assert {f"to_{name}" for name in FESTIVALS} <= set(table.columns)
    assert table.loc["2026-02-16", "days_off"] == 7
