"""Neighbourhoods with people in them."""

import numpy as np
import pytest

from features.geography.cells import Cells, cells_of
from features.signals.known.place import distance_km


def test_the_cell_is_the_nearest_on_the_ground():
    rng = np.random.default_rng(0)
    cells = Cells(rng.uniform(34, 38, 200), rng.uniform(115, 122, 200))
    lat, lon = rng.uniform(34, 38, 500), rng.uniform(115, 122, 500)
    far = distance_km(lat[:, None], lon[:, None], cells.lat[None, :], cells.lon[None, :])
    np.testing.assert_array_equal(cells.nearest(lat, lon), far.argmin(axis=1))
    np.testing.assert_array_equal(cells.nearest(np.array([np.nan, lat[0]]), np.array([117.0, np.nan])), [-1, -1])


@pytest.mark.parametrize("most", [5, 50, 10_000])
def test_there_are_as_many_cells_as_are_borne_each_amid_its_people(most):
    rng = np.random.default_rng(1)
    lat, lon = rng.uniform(36, 36.3, 300), rng.uniform(117, 117.3, 300)
    lat[:20] = np.nan
    cells, mine = cells_of(lat, lon, most)
    assert 1 < len(cells) <= most
    np.testing.assert_array_equal(mine[:20], -1)
    for num in range(len(cells)):
        here = mine == num
        np.testing.assert_allclose([cells.lat[num], cells.lon[num]], [lat[here].mean(), lon[here].mean()])


def test_nobody_has_a_cell_where_no_home_is_known():
    cells, mine = cells_of(np.full(3, np.nan), np.full(3, np.nan), 10)
    assert len(cells) == 0
    np.testing.assert_array_equal(mine, -1)
    np.testing.assert_array_equal(cells.nearest(np.array([36.0]), np.array([117.0])), [-1])
