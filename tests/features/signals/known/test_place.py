"""Distances of pairs of many spots: those of the plain formula, to the last bit."""

import numpy as np

from features.signals.known.place import distance_km, pair_km


def test_distances_of_pairs_are_those_of_the_plain_formula_to_the_last_bit():
    rng = np.random.default_rng(0)
    homes, venues = (np.column_stack([rng.uniform(30, 40, n), rng.uniform(110, 120, n)]) for n in (50, 30))
    homes[7], venues[3, 1] = np.nan, np.nan
    rows, cols = rng.integers(0, len(homes), 5000), rng.integers(-1, len(venues), 5000)
    there = np.vstack([venues, [np.nan, np.nan]])[cols]
    expected = distance_km(homes[rows, 0], homes[rows, 1], there[:, 0], there[:, 1])
    np.testing.assert_array_equal(pair_km(homes, venues, rows, cols), expected)
    assert np.isnan(expected).any()
    assert not np.isnan(expected).all()
