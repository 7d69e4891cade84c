"""Weekly slots beside wall-clock times."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def start_minutes(slots: pd.DataFrame) -> NDArray[np.int64]:
    """(n_slots,) minute of the day at which each starts.

    >>> start_minutes(pd.DataFrame({"start_time": ["09:30", "19:00"]})).tolist()
    [570, 1140]
    """
    return np.array([int(time[:2]) * 60 + int(time[3:]) for time in slots["start_time"]], dtype=np.int64)


def nearest_slots(slots: pd.DataFrame, weekday: NDArray[np.int64], minute: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) row of the slot on each weekday (1 = Monday) whose start is nearest to the minute of the day."""
    away = np.abs(minute[:, None] - start_minutes(slots)[None, :])
    is_other_day = weekday[:, None] != slots["weekday"].to_numpy()[None, :]
    return np.asarray((away + 10_000 * is_other_day).argmin(axis=1))
