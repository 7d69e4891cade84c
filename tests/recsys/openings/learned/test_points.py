import numpy as np
import pytest

from recsys.openings.learned.points import DISTANCES_KM, Points

N_GROUPS, N_SLOTS, N_VENUES = 4, 3, 5


@pytest.fixture
def arrays():
    """Forty points of three age groups of four: nobody is of the second."""
    rng = np.random.default_rng(5)
    km = rng.gamma(1.0, 6.0, (40, N_VENUES)).astype(np.float16)
    km[::7, 2] = np.nan
    return {
        "reach": rng.random((40, N_VENUES), dtype=np.float32),
        "km": km,
        "age_group": rng.choice([0, 2, 3], 40),
        "slot_fit": rng.random((N_GROUPS, N_SLOTS), dtype=np.float32),
    }


def test_columns_are_those_of_the_arrays_and_laid_out_once(arrays):
    points = Points(**arrays)
    for venue in range(N_VENUES):
        assert points.reach(venue).tolist() == arrays["reach"][:, venue].tolist()
        assert points.reach(venue).flags.c_contiguous
    for slot in range(N_SLOTS):
        assert points.fit(slot).tolist() == [arrays["slot_fit"][group, slot] for group in arrays["age_group"]]
    assert points.reach(1) is points.reach(1)
    assert points.fit(1) is points.fit(1)
    assert points.by_age is points.by_age


def test_points_by_age_are_all_points_each_in_its_group(arrays):
    by_age = Points(**arrays).by_age
    assert len(by_age.groups) == N_GROUPS
    for group, at in enumerate(by_age.groups):
        rows = by_age.order[at]
        assert rows.tolist() == np.flatnonzero(arrays["age_group"] == group).tolist()
        np.testing.assert_array_equal(by_age.reach[at], arrays["reach"][rows])


def test_distances_are_told_in_tenths_and_bands_and_what_is_unknown_apart():
    km = np.array([[0.0], [0.26], [1.0], [1.01], [20.0], [25.0], [np.nan]], dtype=np.float16)
    nothing = np.zeros((7, 1), np.float32)
    points = Points(nothing, km, np.zeros(7, np.int64), np.ones((1, 1), np.float32))
    assert points.tenths(0).tolist() == [1, 4, 11, 11, 201, 251, 0]
    beyond = len(DISTANCES_KM)
    assert points.band(0).tolist() == [0, 0, 0, 1, beyond - 1, beyond, beyond + 1]
