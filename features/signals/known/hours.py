"""Hours of the week, and how near two of them are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOURS_A_WEEK = 168


def _kernels() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """(168, 168) nearness of two hours of the week: on the same weekday, on any, and whether they are one."""
    hour, day = np.arange(HOURS_A_WEEK) % 24, np.arange(HOURS_A_WEEK) // 24
    apart = np.abs(hour[:, None] - hour[None, :])
    near = np.exp(-0.5 * (np.minimum(apart, 24 - apart) / 1.5) ** 2)
    is_near = near * (day[:, None] == day[None, :])
    week = np.abs(np.arange(HOURS_A_WEEK)[:, None] - np.arange(HOURS_A_WEEK))
    return is_near, near, (np.minimum(week, HOURS_A_WEEK - week) <= 1).astype(np.float64)


SAME_DAY, ANY_DAY, SAME_HOUR = _kernels()
"""(168, 168) nearness of two hours of the week, 1 for the same: 0 on different weekdays, and whatever the weekday; the
third is 1 for those that are an hour apart or less, and 0 for all others."""
