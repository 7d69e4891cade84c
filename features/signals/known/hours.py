"""Hours of the week, and how near two of them are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HOURS_A_WEEK = 168


def _kernels() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(168, 168) nearness of two hours of the week: on the same weekday, and on any."""
    hour, day = np.arange(HOURS_A_WEEK) % 24, np.arange(HOURS_A_WEEK) // 24
    apart = np.abs(hour[:, None] - hour[None, :])
    near = np.exp(-0.5 * (np.minimum(apart, 24 - apart) / 1.5) ** 2)
    return near * (day[:, None] == day[None, :]), near


SAME_DAY, ANY_DAY = _kernels()
"""(168, 168) nearness of two hours of the week, 1 for the same: 0 on different weekdays, and whatever the weekday."""
