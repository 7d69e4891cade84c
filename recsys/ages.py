"""Ages as far as a year of birth tells them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import local_times


def certain_ages(years: Any, birth_years: Any) -> NDArray[np.float64]:
    """Age that a person has reached for certain in a year, whatever the birthday; NaN where a year is.

    Args:
        years: Local year, or several.
        birth_years: Year of birth, or several that broadcast with `years`.

    >>> certain_ages(2026, np.array([2008.0, np.nan])).tolist()
    [17.0, nan]
    """
    return np.asarray(years, dtype=np.float64) - np.asarray(birth_years, dtype=np.float64) - 1


def local_year(at: pd.Timestamp, timezone: str) -> int:
    """The year that it is in a zone.

    >>> local_year(pd.Timestamp("2025-12-31T17:00:00Z"), "Asia/Shanghai")
    2026
    """
    return int(at.tz_convert(timezone).year)


def local_years(times: pd.Series, timezone: str) -> NDArray[np.float64]:
    """(n,) the year that it is in a zone at each instant, NaN where it is missing."""
    return local_times(times, timezone).dt.year.to_numpy(dtype=np.float64)
