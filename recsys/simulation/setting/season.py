"""How much is wanted when: year, week, and festivals that move, in two shapes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.setting.catalogue import CATEGORIES, DRAGON_BOATS, MID_AUTUMNS, SPRING_FESTIVALS

_NATIONAL_DAYS = (("01-01", 1), ("05-01", 5), ("10-01", 7))


def days_from_spring_festival(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """(n,) signed days to the nearest Spring Festival, negative before it."""
    festivals = np.array(SPRING_FESTIVALS, dtype="datetime64[D]")
    gaps = (days.astype("datetime64[D]")[:, None] - festivals[None, :]).astype(np.int64)
    return gaps[np.arange(len(gaps)), np.abs(gaps).argmin(axis=1)]


def season(
    days: NDArray[np.datetime64], category: NDArray[np.int64], is_training: NDArray[np.bool_], shape: str
) -> NDArray[np.float64]:
    """(n,) multiplier of demand on a day, for a category and training or not."""
    phase = np.array([c.phase for c in CATEGORIES])[category]
    festive = np.array([c.festive for c in CATEGORIES])[category]
    day_of_year = pd.DatetimeIndex(days).dayofyear.to_numpy()
    turn = 2 * np.pi * (day_of_year / 7.0 - phase) / 52.18
    wave = np.cos(turn)
    year = 0.22 * wave if shape == "logit" else 0.3 * np.sign(wave) * np.abs(wave) ** 0.5
    log = year + festival(days_from_spring_festival(days), is_training, festive, shape)
    return np.exp(log + _holidays(days, is_training))


def festival(
    gap: NDArray[np.int64], is_training: NDArray[np.bool_], festive: NDArray[np.float64], shape: str
) -> NDArray[np.float64]:
    """(n,) log-change of demand so many days from Spring Festival."""
    effect = _smooth_festival if shape == "logit" else _stepped_festival
    return effect(gap, is_training, festive)


def _smooth_festival(
    gap: NDArray[np.int64], is_training: NDArray[np.bool_], festive: NDArray[np.float64]
) -> NDArray[np.float64]:
    run_up = np.exp(-np.maximum(-gap - 1, 0) / 5.0) * (gap < 0)
    after = np.exp(-np.maximum(gap, 0) / 7.0) * (gap >= 0)
    lantern = np.exp(-np.abs(gap - 14) / 1.2)
    training = -1.1 * run_up - 1.5 * after + 0.2 * lantern
    events = (0.3 + festive) * run_up + (0.6 + festive) * after + (0.5 + 0.5 * festive) * lantern
    return np.where(is_training, training + 0.3 * festive * run_up, events)


def _stepped_festival(
    gap: NDArray[np.int64], is_training: NDArray[np.bool_], festive: NDArray[np.float64]
) -> NDArray[np.float64]:
    around = (gap >= -8) & (gap <= 6)
    until_lantern = (gap > 6) & (gap <= 15)
    training = np.where(around, -1.8, np.where(until_lantern, -0.5, 0.0))
    events = np.where(around, 0.5 + 0.8 * festive, np.where(until_lantern, 0.7 + 0.8 * festive, 0.0))
    return np.where(is_training, training, events)


def _holidays(days: NDArray[np.datetime64], is_training: NDArray[np.bool_]) -> NDArray[np.float64]:
    day = days.astype("datetime64[D]")
    log = np.zeros(len(day))
    for dates, length in ((DRAGON_BOATS, 3), (MID_AUTUMNS, 3)):
        gaps = (day[:, None] - np.array(dates, dtype="datetime64[D]")[None, :]).astype(np.int64)
        log += np.where(((gaps >= 0) & (gaps < length)).any(axis=1), np.where(is_training, -0.35, 0.3), 0.0)
    for text, length in _NATIONAL_DAYS:
        month, first = int(text[:2]), int(text[3:])
        starts = (day.astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)).astype("datetime64[D]") + (
            first - 1
        )
        gap = (day - starts).astype(np.int64)
        log += np.where((gap >= 0) & (gap < length), np.where(is_training, -0.6, 0.35), 0.0)
    return log
