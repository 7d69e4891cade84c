import numpy as np

from recsys.sums import sums_by


def test_values_are_summed_by_code_those_of_none_are_zero():
    np.testing.assert_array_equal(sums_by(np.array([2, 0, 2]), np.array([1.5, 2.0, 3.0]), 4), [2.0, 0.0, 4.5, 0.0])


def test_sums_of_nothing_are_float64():
    nothing = sums_by(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32), 2)
    assert nothing.dtype == np.float64
    np.testing.assert_array_equal(nothing, [0.0, 0.0])
