"""Rates of few observations."""

import numpy as np

from recsys.shrinkage import shrunk, shrunk_by_group


def test_little_says_little_and_much_says_all() -> None:
    seen, due = np.array([0.0, 4.0, 4e6]), np.array([0.0, 1.0, 1e6])
    np.testing.assert_allclose(shrunk(seen, due, 3.0, to=2.0), [2.0, 2.5, 4.0], rtol=1e-5)


def test_groups_are_drawn_to_what_all_have_and_that_to_one() -> None:
    seen, due = np.array([[8.0, 0.0], [4.0, 0.0]]), np.array([[2.0, 0.0], [4.0, 0.0]])
    of_all = (12.0 + 3.0) / (6.0 + 3.0)
    expected = [[(8 + 10 * of_all) / 12, 1.0], [(4 + 10 * of_all) / 14, 1.0]]
    np.testing.assert_allclose(shrunk_by_group(seen, due, 10.0, 3.0), expected)
