"""Sums by code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sums_by(codes: NDArray[np.integer[Any]], values: NDArray[Any], n: int) -> NDArray[np.float64]:
    """(n,) sums of values by code, float64 of no values too."""
    return np.asarray(np.bincount(codes, values, minlength=n), dtype=np.float64)
