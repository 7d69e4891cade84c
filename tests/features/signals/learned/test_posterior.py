"""The posterior of people's rates, against sums over a fine grid."""

import numpy as np

from features.signals.learned.posterior import posterior

OWN = np.array([[0.3, 0.9, 3.0], [0.3, 0.6, 0.1]])


def test_the_posterior_is_that_of_sums_over_a_fine_grid():
    rng = np.random.default_rng(0)
    loadings = np.array([[0.9], [0.5], [-0.4]])
    expected = rng.uniform(0.05, 1.0, (40, 3))
    counts = rng.poisson(expected * 1.5).astype(float)
    found = posterior(counts, expected, loadings, OWN)
    factor = np.linspace(-6, 6, 2401)
    rate = expected[:, None, :, None] * np.exp(factor[:, None] * loadings[:, 0])[None, :, :, None] * OWN[0]
    chance = np.exp(counts[:, None, :, None] * np.log(rate) - rate) * OWN[1]
    of_keys = chance.sum(axis=3)
    weight = np.exp(-0.5 * factor**2) * of_keys.prod(axis=2)
    weight /= weight.sum(axis=1, keepdims=True)
    mean = ((rate * chance).sum(axis=3) / of_keys / expected[:, None, :] * weight[:, :, None]).sum(axis=1)
    np.testing.assert_allclose(found.multiples, mean, rtol=0.12)
    np.testing.assert_allclose(found.factors[:, 0], factor[weight.argmax(axis=1)], atol=0.02)


def test_more_of_a_key_raises_it_and_what_goes_with_it_and_nothing_seen_lowers_all():
    loadings = np.array([[1.0, 0.8], [1.0, 0.8], [1.0, -0.8]])
    expected = np.full((3, 3), 0.5)
    counts = np.array([[3.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 3.0]])
    first, none, last = posterior(counts, expected, loadings, OWN).multiples
    assert first[0] > first[1] > first[2]
    assert first[1] > last[1]
    assert (none < 1).all()
