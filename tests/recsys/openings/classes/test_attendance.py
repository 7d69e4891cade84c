import numpy as np
import pytest
from scipy import stats

from recsys.openings.classes.attendance import filled, places_for, planned_places, seated, week_interval


def test_of_one_class_it_is_as_of_many():
    rng = np.random.default_rng(2)
    mean, spread = rng.lognormal(2, 1.5, 200), 0.4
    size, most = rng.integers(1, 60, 200).astype(float), rng.integers(1, 90, 200).astype(float)
    np.testing.assert_allclose(
        [seated(*one, spread) for one in zip(mean, size, strict=True)], filled(mean, size, spread)
    )
    planned = [places_for(*one, 12.0, spread) for one in zip(mean, most, strict=True)]
    np.testing.assert_array_equal(planned, planned_places(mean, most, 12.0, spread))
    assert seated(0.0, 10.0, spread) == pytest.approx(0.0, abs=1e-5)


def test_the_interval_of_a_week_is_that_of_mixed_counts():
    rng = np.random.default_rng(3)
    for mean, spread in zip(rng.lognormal(1.5, 1.5, 60), rng.uniform(0.0, 1.0, 60), strict=True):
        weeks = rng.gamma(4.0, 0.25, 13)
        shape = 1.0 / max(spread, 1e-3) ** 2
        people = np.arange(5 + int(20 * mean * weeks.max()))
        chance = shape / (shape + np.maximum(mean * weeks, 1e-9))
        below = stats.nbinom.cdf(people[:, None], shape, chance).mean(axis=1)
        assert week_interval(mean, spread, weeks) == tuple(np.searchsorted(below, (0.1, 0.9)))
