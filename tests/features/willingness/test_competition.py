import numpy as np
import pytest

from features.willingness.competition import compared, weighed, within_courses
from features.willingness.offered import exposure
from tests.opening_world import world


@pytest.fixture(scope="module")
def offered():
    dataset = world(3).dataset
    return exposure(dataset, 52)


def test_short_courses_are_not_compared(offered):
    rows = compared(offered)
    assert np.bincount(offered.course[rows])[offered.course[rows]].min() >= 3


def _weeks_beside_others(offered, full_at=np.inf):
    """Counts made with strength 1, cut at `full_at`, and which were cut."""
    rng = np.random.default_rng(0)
    beside = rng.uniform(0, 4, len(offered.week))
    level = np.exp(rng.normal(1.5, 1.0, len(offered.course_ids)))[offered.course]
    wanted = rng.poisson(level / (1 + 1.0 * beside)).astype(float)
    return beside, np.minimum(wanted, full_at), wanted >= full_at


@pytest.mark.parametrize("full_at", [np.inf, 4.0])
def test_the_strength_that_made_the_counts_fits_best(offered, full_at):
    beside, seen, cut = _weeks_beside_others(offered, full_at)
    assert cut.mean() > 0.2 or np.isinf(full_at)
    rows = np.arange(len(offered.week))
    tried = np.array([0.1, 0.4, 1.0, 3.0, 10.0])
    fits = np.array([within_courses(offered, rows, seen, 1 / (1 + k * beside), cut) for k in tried])
    assert weighed(tried, fits) == pytest.approx(1.0, rel=0.5)


def test_equal_fits_give_the_middle_strength():
    assert weighed(np.array([0.5, 2.0]), np.zeros(2)) == pytest.approx(1.0)
