"""The posterior of people's rates, against sums over a fine grid."""

import numpy as np

from features.signals.learned.posterior import Naming, posterior

OWN = np.array([[0.3, 0.9, 3.0], [0.3, 0.6, 0.1]])
NOTHING = Naming(np.zeros((1, 3)), np.ones((1, 3)))
NO_OWN = np.ones((2, 1))


def test_the_posterior_is_that_of_sums_over_a_fine_grid():
    rng = np.random.default_rng(0)
    loadings = np.array([[0.9], [0.5], [-0.4]])
    expected = rng.uniform(0.05, 1.0, (40, 3))
    counts = rng.poisson(expected * 1.5).astype(float)
    found = posterior(counts, expected, NOTHING, loadings, OWN)
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
    first, none, last = posterior(counts, expected, NOTHING, loadings, OWN).multiples
    assert first[0] > first[1] > first[2]
    assert first[1] > last[1]
    assert (none < 1).all()


def test_what_was_named_is_believed_as_sums_over_a_fine_grid_have_it():
    loadings = np.array([[0.9], [0.5], [-0.4]])
    expected = np.array([[0.3, 0.2, 0.6]] * 3)
    counts = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 2.0, 0.0]])
    naming = Naming(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), np.array([[0.2, 0.5, 1.0]] * 3))
    found = posterior(counts, expected, naming, loadings, NO_OWN)
    factor = np.linspace(-6, 6, 2401)
    multiples = np.exp(factor[:, None] * loadings[:, 0])
    chosen = naming.shares[:, None, :] * multiples
    chosen /= chosen.sum(axis=2, keepdims=True)
    log = (counts[:, None, :] * np.log(multiples) - expected[:, None, :] * multiples).sum(axis=2)
    log += (naming.named[:, None, :] * np.log(chosen)).sum(axis=2) - 0.5 * factor**2
    np.testing.assert_allclose(found.factors[:, 0], factor[log.argmax(axis=1)], atol=0.02)


def test_naming_raises_what_goes_with_it_and_says_nothing_of_how_often():
    loadings = np.array([[1.0, 0.8], [1.0, 0.8], [1.0, -0.8]])
    expected, counts = np.full((2, 3), 0.5), np.ones((2, 3))
    naming = Naming(np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), np.ones((2, 3)))
    found = posterior(counts, expected, naming, loadings, NO_OWN)
    named, none = found.multiples
    assert named[1] / named[2] > 1.2 * none[1] / none[2]
    by_level = posterior(counts, expected, naming, loadings[:, :1], NO_OWN).factors
    np.testing.assert_allclose(by_level[0], by_level[1], atol=0.01)
