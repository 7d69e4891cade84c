"""Products of rows that do not depend, to the last bit, on how many other rows there are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PRODUCT_ROWS = 16
"""Rows in one matrix product."""


def row_products(rows: NDArray[Any], matrix: NDArray[Any]) -> NDArray[Any]:
    """`rows @ matrix`, each row as it comes out alone.

    A matrix product adds up in another order for another number of rows: all are of as many, some of them empty.
    """
    n_rows, width = rows.shape
    n_blocks = -(-n_rows // PRODUCT_ROWS)
    filled = rows
    if n_blocks * PRODUCT_ROWS != n_rows:
        filled = np.zeros((n_blocks * PRODUCT_ROWS, width), dtype=rows.dtype)
        filled[:n_rows] = rows
    products = filled.reshape(n_blocks, PRODUCT_ROWS, width) @ matrix
    return products.reshape(n_blocks * PRODUCT_ROWS, matrix.shape[1])[:n_rows]
