"""Where the people of a key live: the nearest cell, and the lift there."""

import numpy as np

from features.signals.homes import Homes
from features.signals.place import distance_km


def homes(rng: np.random.Generator, n_cells: int = 200, n_keys: int = 3) -> Homes:
    lat, lon = rng.uniform(34, 38, n_cells), rng.uniform(115, 122, n_cells)
    lift = rng.normal(size=(n_cells, n_keys))
    return Homes(lat, lon, lift, np.full(n_keys, np.nan), np.full(n_keys, np.nan))


def test_the_cell_is_the_nearest_on_the_ground():
    rng = np.random.default_rng(0)
    found = homes(rng)
    lat, lon = rng.uniform(34, 38, 500), rng.uniform(115, 122, 500)
    far = distance_km(lat[:, None], lon[:, None], found.lat[None, :], found.lon[None, :])
    np.testing.assert_array_equal(found.cells(lat, lon), far.argmin(axis=1))


def test_without_a_home_or_a_key_there_is_no_lift():
    found = homes(np.random.default_rng(1))
    near = np.array([[found.lat[7], found.lon[7]], [np.nan, np.nan]])
    lift = found.lift_at(near)
    np.testing.assert_array_equal(lift[0], [*found.lift[7].astype(np.float32), 0.0])
    np.testing.assert_array_equal(lift[1], 0.0)
    nobody = Homes(np.zeros(0), np.zeros(0), np.zeros((0, 3)), np.full(3, np.nan), np.full(3, np.nan))
    np.testing.assert_array_equal(nobody.lift_at(near), np.zeros((2, 4)))
