"""Means of what is taken: nothing but what a limit costs, and not the luck of a few hundred paths."""

import numpy as np
import pytest

from training.demand.paths import _mean_taken

MEAN = np.array([30.0, 30.0, 140.0])
LIMITS = np.array([np.inf, 40.0, 40.0])
N_PATHS = 300


def paths(seed: int, n_paths: int = N_PATHS) -> tuple[np.ndarray, np.ndarray]:
    """Places taken and wanted of a session without a limit, one that is full now and then, and one that always is."""
    rng = np.random.default_rng(seed)
    factors = rng.gamma(2.0, 0.5, (len(MEAN), n_paths))
    wanted = rng.poisson(MEAN[:, None] * factors).astype(np.float32)
    return np.minimum(wanted, LIMITS[:, None]).astype(np.float32), wanted


def test_without_a_limit_the_mean_stays_what_was_forecast():
    assert _mean_taken(MEAN, *paths(0))[0] == MEAN[0]


def test_a_share_that_is_kept_is_kept_of_the_mean():
    _, wanted = paths(1)
    np.testing.assert_allclose(_mean_taken(MEAN, np.float32(0.75) * wanted, wanted), 0.75 * MEAN, rtol=1e-6)


def test_the_luck_of_the_paths_does_not_fill_more_than_there_are_places():
    expected = paths(99, 400_000)[0].mean(axis=1)
    found = np.array([_mean_taken(MEAN, *paths(seed)) for seed in range(200)])
    np.testing.assert_allclose(found.mean(axis=0)[1:], expected[1:], rtol=0.01)
    assert (found[:, 2] <= LIMITS[2]).all()
    # Taking the loss of the paths from the mean instead would carry all of their luck.
    plain = np.array([MEAN - (wanted - taken).mean(axis=1) for taken, wanted in map(paths, range(200))])
    assert found[:, 2].std() < 0.2 * plain[:, 2].std()
    assert found[:, 1].std() < plain[:, 1].std()


def test_paths_that_are_all_alike_say_what_they_say():
    wanted = np.full((1, N_PATHS), 12.0, dtype=np.float32)
    assert _mean_taken(np.array([12.0]), np.minimum(wanted, 9), wanted) == pytest.approx(9.0)
