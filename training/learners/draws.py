"""Entries of histories drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def drawn(matrix: sparse.csr_array, n_each: NDArray[np.generic], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(nnz,) whether an entry is drawn: of each row as many as `n_each` (n_rows,) says, or all it has."""
    rows = _rows(matrix)
    order = np.lexsort((rng.random(matrix.nnz), rows))
    is_drawn = np.zeros(matrix.nnz, dtype=bool)
    is_drawn[order] = np.arange(matrix.nnz) - matrix.indptr[rows] < n_each[rows]
    return is_drawn


def part_of(matrix: sparse.csr_array, chosen: NDArray[np.bool_]) -> sparse.csr_array:
    """The matrix of the chosen entries alone."""
    return sparse.csr_array((matrix.data[chosen], (_rows(matrix)[chosen], matrix.indices[chosen])), shape=matrix.shape)


def _rows(matrix: sparse.csr_array) -> NDArray[np.int64]:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
