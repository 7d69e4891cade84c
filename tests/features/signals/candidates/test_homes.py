"""Where the people of a key live: the lift around a home."""

import numpy as np

from features.geography.cells import Cells
from features.signals.candidates.homes import Homes


def homes(rng: np.random.Generator, n_cells: int = 200, n_keys: int = 3) -> Homes:
    lat, lon = rng.uniform(34, 38, n_cells), rng.uniform(115, 122, n_cells)
    lift = rng.normal(size=(n_cells, n_keys))
    return Homes(Cells(lat, lon), lift, np.full(n_keys, np.nan), np.full(n_keys, np.nan))


def test_without_a_home_or_a_key_there_is_no_lift():
    found = homes(np.random.default_rng(1))
    near = np.array([[found.cells.lat[7], found.cells.lon[7]], [np.nan, np.nan]])
    lift = found.lift_at(near)
    np.testing.assert_array_equal(lift[0], [*found.lift[7].astype(np.float32), 0.0])
    np.testing.assert_array_equal(lift[1], 0.0)
    nobody = Homes(Cells(np.zeros(0), np.zeros(0)), np.zeros((0, 3)), np.full(3, np.nan), np.full(3, np.nan))
    np.testing.assert_array_equal(nobody.lift_at(near), np.zeros((2, 4)))
