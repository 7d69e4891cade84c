"""Bands of ages by hand."""

import numpy as np
import pandas as pd

from features.ages import age_bands


def test_bands_begin_at_their_edges_and_who_tells_no_age_has_a_band_of_their_own() -> None:
    born = pd.Series([2008, 2009, 1996, 1995, None, 2030], dtype="Float64").astype(float)
    np.testing.assert_array_equal(age_bands(born, 2026, (18, 30), unknown=3), [1, 0, 2, 2, 3, 0])
    np.testing.assert_array_equal(age_bands(born, 2026, (0, 18, 30), unknown=0) - 1, [1, 0, 2, 2, -1, -1])
