"""The calendar that moves demand: lunar festivals, days off and make-up workdays, by day and by week."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

import chinese_calendar
import holidays
import numpy as np
import pandas as pd
from chinese_calendar import constants
from lunardate import LunarDate
from numpy.typing import NDArray

FESTIVALS: dict[str, tuple[int, int]] = {
    "spring_festival": (1, 1),
    "lantern": (1, 15),
    "dragon_boat": (5, 5),
    "mid_autumn": (8, 15),
}
"""Lunar month and day of each festival."""

REACH_DAYS = 28
"""Distances to a festival are clipped at plus and minus this: further away it has no say."""

_FIRST_YEAR, _LAST_YEAR = 1901, 2098
_ANNOUNCED = frozenset(day.year for day in constants.holidays)


@lru_cache(maxsize=8)
def festival_days(name: str) -> NDArray[np.datetime64]:
    """All days from 1901 to 2098 on which a festival falls, in order; source: the lunar calendar."""
    month, day = FESTIVALS[name]
    days = [LunarDate(year, month, day).to_solar_date() for year in range(_FIRST_YEAR, _LAST_YEAR + 1)]
    return np.array(days, dtype="datetime64[D]")


def festival_distance(days: NDArray[np.datetime64], name: str) -> NDArray[np.float64]:
    """(n,) days since the nearest of a festival's days (negative: still to come), clipped at `REACH_DAYS`."""
    wanted = days.astype("datetime64[D]")
    festivals = festival_days(name)
    after = np.clip(np.searchsorted(festivals, wanted), 1, len(festivals) - 1)
    since = (wanted - festivals[after - 1]).astype(np.int64)
    until = (wanted - festivals[after]).astype(np.int64)
    nearest = np.where(np.abs(since) <= np.abs(until), since, until)
    return np.clip(nearest, -REACH_DAYS, REACH_DAYS).astype(np.float64)


def day_table(days: NDArray[np.datetime64]) -> pd.DataFrame:
    """One row a day: `is_off` (statutory), `is_makeup` (a weekend day worked), distances, `is_announced`.

    Years whose days off the State Council has announced come from `chinesecalendar`; for others the rules of
    `holidays` stand in (no make-up workdays yet) and `is_announced` is False.
    """
    wanted = pd.DatetimeIndex(days).date
    kinds = [_day_kind(one) for one in wanted]
    columns: dict[str, object] = {
        "is_off": np.array([kind[0] for kind in kinds], dtype=bool),
        "is_makeup": np.array([kind[1] for kind in kinds], dtype=bool),
        "is_announced": np.array([one.year in _ANNOUNCED for one in wanted], dtype=bool),
    }
    for name in FESTIVALS:
        columns[f"to_{name}"] = festival_distance(days, name)
    return pd.DataFrame(columns, index=pd.DatetimeIndex(days))


def week_table(weeks: pd.DatetimeIndex) -> pd.DataFrame:
    """One row a Monday: days off and worked weekend days of the week, distances at its middle, harmonics."""
    mondays = weeks.to_numpy().astype("datetime64[D]")
    days = (mondays[:, None] + np.arange(7)).ravel()
    by_day = day_table(days)
    middle = mondays + np.timedelta64(3, "D")
    angle = 2 * np.pi * pd.DatetimeIndex(middle).dayofyear.to_numpy() / 365.25
    columns: dict[str, object] = {
        "days_off": by_day["is_off"].to_numpy().reshape(-1, 7).sum(axis=1).astype(float),
        "makeup_days": by_day["is_makeup"].to_numpy().reshape(-1, 7).sum(axis=1).astype(float),
        "is_announced": by_day["is_announced"].to_numpy().reshape(-1, 7).all(axis=1),
    }
    for name in FESTIVALS:
        columns[f"to_{name}"] = festival_distance(middle, name)
    for order in (1, 2):
        columns[f"sin_{order}"] = np.sin(order * angle)
        columns[f"cos_{order}"] = np.cos(order * angle)
    return pd.DataFrame(columns, index=weeks)


@lru_cache(maxsize=65536)
def _day_kind(one: date) -> tuple[bool, bool]:
    if one.year in _ANNOUNCED:
        is_off, name = chinese_calendar.get_holiday_detail(one)
        return bool(is_off and name is not None), one in constants.workdays
    if not _FIRST_YEAR <= one.year <= _LAST_YEAR:
        return False, False
    return one in _statutory(one.year), False


@lru_cache(maxsize=256)
def _statutory(year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays("CN", years=[year]))
