"""Decayed means by hand."""

import numpy as np

from training.forecasters.levels import decayed_sums


def test_decayed_sums_know_only_what_is_older() -> None:
    sums = decayed_sums(np.array([0, 0, 1]), np.array([1, 3, 0]), np.array([8.0, 4.0, 9.0]), 4, half_life_weeks=1)
    np.testing.assert_allclose(sums, [[8 + 1, 2, 4, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
