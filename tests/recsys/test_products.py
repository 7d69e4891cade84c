"""Products of rows that do not depend on each other."""

import numpy as np
import pytest

from recsys.products import row_products


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [0, 1, 15, 16, 33])
def test_a_row_comes_out_as_it_does_alone(n_rows, dtype):
    rng = np.random.default_rng(n_rows)
    rows, matrix = rng.normal(size=(n_rows, 64)).astype(dtype), rng.normal(size=(64, 123)).astype(dtype)
    found = row_products(rows, matrix)
    assert found.shape == (n_rows, 123)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, rows @ matrix, rtol=1e-4, atol=1e-4)
    for num in range(n_rows):
        np.testing.assert_array_equal(row_products(rows[num : num + 1], matrix)[0], found[num])


@pytest.mark.parametrize(("n_rows", "n_columns", "n_out"), [(53, 10, 10), (134, 22, 9), (123, 11, 17)])
def test_a_row_of_columns_taken_out_of_a_table_comes_out_as_it_does_alone(n_rows, n_columns, n_out):
    rng = np.random.default_rng(0)
    table, matrix = rng.gamma(0.3, size=(n_rows, n_columns + 3)), rng.normal(size=(n_columns, n_out))
    columns = rng.permutation(n_columns + 3)[:n_columns]
    found = row_products(table[:, columns], matrix)
    for num in range(n_rows):
        np.testing.assert_array_equal(row_products(table[num : num + 1][:, columns], matrix)[0], found[num])
