"""Instants as whole nanoseconds: what is compared and subtracted many times."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NS_PER_DAY = 86_400_000_000_000

NEVER = np.iinfo(np.int64).min
"""Nanoseconds of a time that is missing (numpy's NaT)."""


def nanoseconds(times: pd.Series) -> NDArray[np.int64]:
    """(n,) instants as nanoseconds since 1970 UTC, `NEVER` where missing."""
    return times.to_numpy(dtype="datetime64[ns]").astype(np.int64)
