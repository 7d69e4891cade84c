import numpy as np

from recsys.sums import pair_counts, row_sums, sums_by


def test_values_are_summed_by_code_those_of_none_are_zero():
    np.testing.assert_array_equal(sums_by(np.array([2, 0, 2]), np.array([1.5, 2.0, 3.0]), 4), [2.0, 0.0, 4.5, 0.0])


def test_sums_of_nothing_are_float64():
    nothing = sums_by(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32), 2)
    assert nothing.dtype == np.float64
    np.testing.assert_array_equal(nothing, [0.0, 0.0])


def test_rows_are_summed_by_code_whatever_their_width():
    codes, rows = np.array([1, 1, 3]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    np.testing.assert_array_equal(row_sums(rows, codes, 4), [[0, 0], [4, 6], [0, 0], [5, 6]])
    np.testing.assert_array_equal(row_sums(rows[:, 0], codes, 4), [0, 4, 0, 5])
    np.testing.assert_array_equal(row_sums(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), 1), [[0, 0]])


def test_pairs_are_counted_in_their_cell():
    found = pair_counts(np.array([1, 0, 1]), np.array([2, 0, 2]), (2, 3))
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 0, 2]])
