import numpy as np
import pytest

from features.willingness.competition import compared, weighed, within_courses
from tests.opening_world import world


@pytest.fixture(scope="module")
def offered():
    from features.catchments import positions
    from features.exposure import exposure
    from recsys.regions import RegionTree

    dataset = world(3).dataset
    return exposure(dataset, positions(dataset, RegionTree.of(dataset)), 52)


def test_full_sessions_and_short_courses_are_not_compared(offered):
    rows = compared(offered)
    asked = np.bincount(offered.booking_session, offered.people, len(offered.week))
    assert (asked[rows] < offered.capacity[rows]).all()
    assert np.bincount(offered.course[rows])[offered.course[rows]].min() >= 3


def test_the_strength_that_made_the_counts_fits_best(offered):
    rng = np.random.default_rng(0)
    rows = np.arange(len(offered.week))
    beside = rng.uniform(0, 4, len(rows))
    level = np.exp(rng.normal(1.5, 1.0, len(offered.course_ids)))[offered.course]
    seen = rng.poisson(level / (1 + 1.0 * beside)).astype(float)
    tried = np.array([0.1, 0.4, 1.0, 3.0, 10.0])
    fits = np.array([within_courses(offered, rows, seen, 1 / (1 + k * beside)) for k in tried])
    assert weighed(tried, fits) == pytest.approx(1.0, rel=0.5)


def test_equal_fits_give_the_middle_strength():
    assert weighed(np.array([0.5, 2.0]), np.zeros(2)) == pytest.approx(1.0)
