"""Sums by code."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def sums_by(codes: NDArray[np.integer[Any]], values: NDArray[Any], n: int) -> NDArray[np.float64]:
    """(n,) sums of values by code, float64 of no values too."""
    return np.asarray(np.bincount(codes, values, minlength=n), dtype=np.float64)


def row_sums(values: NDArray[np.float64], codes: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """(n, ...) sums of rows by code."""
    rows = np.arange(len(codes))
    return np.asarray(sparse.csr_array((np.ones(len(codes)), (codes, rows)), shape=(n, len(codes))) @ values)


def pair_counts(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.float64]:
    """(n_rows, n_columns) number of pairs of each row and column."""
    return sums_by(rows * shape[1] + columns, np.ones(len(rows)), shape[0] * shape[1]).reshape(shape)
