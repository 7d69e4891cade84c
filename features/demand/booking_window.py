"""From when until when sessions can be booked, and how much of that time has gone by."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.instants import NEVER, NS_PER_DAY, nanoseconds

_LEAST_DAYS = 1 / 24


def booking_window(sessions: pd.DataFrame, at: pd.Timestamp) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_sessions,) days from `at` until each contract row can be booked, NaN if unknown, and until it no longer can.

    It is closed when it starts, where nothing else is stated.
    """
    published, opens, closes, starts = (
        np.where(times == NEVER, np.nan, (times - at.value) / NS_PER_DAY)
        for times in (
            nanoseconds(sessions[name])
            for name in ("published_at", "booking_opens_at", "booking_closes_at", "starts_at")
        )
    )
    return np.fmax(published, opens), np.where(np.isnan(closes), starts, closes)


def stages(
    opened: NDArray[np.float64], closed: NDArray[np.float64], days: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    """(n,) share of the time between opening and closing that has gone by at a day; NaN where that time is unknown."""
    return np.clip((days - opened) / np.maximum(closed - opened, _LEAST_DAYS), 0.0, 1.0)
