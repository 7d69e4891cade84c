"""Borders between where people live and the regions that venues are for."""

import numpy as np

from features.geography.borders import Borders
from features.geography.positions import Positions
from tests.features.geography.test_positions import made_up_tree

NAMES = ["p", "k", "far", "c1", "c2", "c1t0", "c1t0w0", "c2t1"]


def between(regions: list[int], venue_regions: list[int]) -> np.ndarray:
    """(n_users, n_venues) of people and venues in regions."""
    nowhere = [np.full((n, 2), np.nan) for n in (len(regions), len(venue_regions), len(made_up_tree()))]
    places = Positions(nowhere[0], nowhere[1], np.array(regions), np.array(venue_regions), nowhere[2])
    return Borders.of(made_up_tree(), places).across(np.arange(len(regions))[:, None], np.arange(len(venue_regions)))


def test_a_border_lies_between_where_neither_region_holds_the_other() -> None:
    tree = made_up_tree()
    rows = tree.ids.nums(NAMES).tolist()
    found = between([-1, *rows], rows)
    paths = tree.paths()
    own = {"c1t0": "c1", "c1t0w0": "c1", "c2t1": "c2"}
    for row, home in zip(found[1:], rows, strict=True):
        for is_across, name in zip(row, NAMES, strict=True):
            area = int(tree.ids.nums([own.get(name, name)])[0])
            assert is_across == (area not in paths[home] and home not in paths[area])
    assert not found[0].any()
    assert found.any()


def test_a_city_is_one_region_to_its_own_hall_and_none_to_another_citys() -> None:
    home, hall, other = made_up_tree().ids.nums(["c1t0w0", "k", "far"]).tolist()
    np.testing.assert_array_equal(between([home], [hall, other]), [[False, True]])
