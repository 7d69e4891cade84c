"""What is believed of people's rates after counts of what they did: Poisson counts about log-normal rates.

The logarithm of a person's rate is that of the group, what factors in which keys go together change, and what is the
person's own (Aitchison & Ho 1989, Biometrika 76(4); Chiquet, Mariadassou & Robin 2021, Frontiers in Ecology and
Evolution 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recsys.products import row_products

NEWTON_STEPS = 3
"""From the mean of everybody on; more change the order of keys no more."""

_LONGEST_STEP = 2.0
_LEAST_EXPECTED = 1e-9
_MOST_LOG = 6.0
"""Of what factors change: no rate is farther from its group's."""
_LEAST_CURVE = 0.2
"""Share of the curve of one Poisson count that is left where what is the person's own explains it."""


@dataclass(frozen=True)
class Posterior:
    """What is believed of people.

    Attributes:
        factors: (n_users, n_factors) most likely ones.
        multiples: (n_users, n_keys) mean of what factors and the person's own make of the group's rate.
    """

    factors: NDArray[np.float64]
    multiples: NDArray[np.float64]


@dataclass(frozen=True)
class Naming:
    """What people said they like: a choice for each that they named, of keys by their shares of the person's rates.

    How much a person named says nothing of how often they go (a conditional logit; McFadden 1974).

    Attributes:
        named: (n_users, n_keys) how much a key's being named counts, 0 where it was not.
        shares: (n_users, n_keys) of what people of the group name, in any unit; 0 for what nobody names.
    """

    named: NDArray[np.float64]
    shares: NDArray[np.float64]

    def expected(self, multiples: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_users, n_keys) how often people who name as many name each, by multiples of the group's rates."""
        chances = self.shares * multiples
        total = row_products(chances, np.ones((chances.shape[1], 1)))
        return np.asarray(chances * (self.total / np.maximum(total, _LEAST_EXPECTED)))

    @property
    def total(self) -> NDArray[np.float64]:
        """(n_users, 1) of what was named."""
        return row_products(self.named, np.ones((self.named.shape[1], 1)))

    def among(self, keys: NDArray[np.int64]) -> Naming:
        """The same of some keys alone."""
        return Naming(self.named[:, keys], self.shares[:, keys])

    def every_other(self, first: int) -> Naming:
        """The same of every other person, from a row on."""
        return Naming(self.named[first::2], self.shares[first::2])


def own_points(variance: float, n_points: int) -> NDArray[np.float64]:
    """(2, n_points) multiples of mean 1 whose logarithms are about normal, and their weights."""
    spread = np.sqrt(variance)
    logs = np.linspace(-2.8, 3.9, n_points) * spread
    weights = np.exp(-0.5 * (logs / spread) ** 2)
    weights /= weights.sum()
    return np.stack([np.exp(logs) / (weights @ np.exp(logs)), weights])


def posterior(
    counts: NDArray[np.float64],
    expected: NDArray[np.float64],
    naming: Naming,
    loadings: NDArray[np.float64],
    own: NDArray[np.float64],
) -> Posterior:
    """Laplace's approximation in the factors, with what is the person's own summed over its points.

    Rows do not depend, to the last bit, on each other.

    Args:
        counts: (n_users, n_keys) of what people did.
        expected: (n_users, n_keys) what they are at the group's rate.
        naming: What they named.
        loadings: (n_keys, n_factors).
        own: (2, n_points) see `own_points`.
    """
    n_factors = loadings.shape[1]
    squares = (loadings[:, :, None] * loadings[:, None, :]).reshape(len(loadings), -1)
    back = np.ascontiguousarray(loadings.T)
    expected = np.maximum(expected, _LEAST_EXPECTED)
    factors = np.zeros((len(counts), n_factors))
    unit = np.eye(n_factors)
    counts = counts + naming.named
    some = np.nonzero(counts)

    def at(factors: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        log = np.clip(row_products(factors, back), -_MOST_LOG, _MOST_LOG)
        multiples = np.exp(log)
        rate = expected * multiples + naming.expected(multiples)
        mean, spread = own_multiples(counts, some, rate, own)
        due = rate * mean
        curve = np.maximum(due - rate * rate * spread, _LEAST_CURVE * due / (1.0 + due))
        return log, mean, due, curve, row_products(curve, squares).reshape(-1, n_factors, n_factors) + unit

    for _ in range(NEWTON_STEPS):
        _, _, due, _, precision = at(factors)
        slope = row_products(counts - due, loadings) - factors
        step = np.linalg.solve(precision, slope[:, :, None])[:, :, 0]
        length = np.sqrt((step * step).sum(axis=1, keepdims=True))
        factors = factors + step * np.minimum(1.0, _LONGEST_STEP / np.maximum(length, _LEAST_EXPECTED))
    log, mean, due, curve, precision = at(factors)
    covariance = np.linalg.inv(precision).reshape(len(counts), -1)
    variance = row_products(covariance, squares.T)
    # The more factors explain, the less is the person's own: a rate follows them by this share only.
    share = curve / due
    return Posterior(factors, np.exp(log + share * share * variance / 2) * mean)


def own_multiples(
    counts: NDArray[np.float64],
    some: tuple[NDArray[np.int64], ...],
    rate: NDArray[np.float64],
    own: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n_users, n_keys) mean and variance of the person's own multiple, given the counts and what they are at 1.

    Most counts are 0, all but `some`: what only counts decide is left out there.

    Args:
        counts: (n_users, n_keys).
        some: Rows and columns of those above 0.
        rate: (n_users, n_keys) what counts are at a multiple of 1.
        own: (2, n_points) see `own_points`.
    """
    mean, variance = _moments(rate.astype(np.float32), own)
    mean[some], variance[some] = _moments(rate[some], own, counts[some])
    return mean, variance


def _moments(
    rate: NDArray[Any], own: NDArray[np.float64], counts: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance of the multiple, worked out in the type of `rate`; counts None are all 0."""
    multiples, weights = own.astype(rate.dtype).reshape(2, -1, *(1,) * rate.ndim)
    chances = rate * -multiples
    if counts is not None:
        chances += counts * np.log(multiples)
    chances -= chances.max(axis=0)
    np.exp(chances, out=chances)
    chances *= weights
    total = chances.sum(axis=0)
    chances *= multiples
    mean = (chances.sum(axis=0) / total).astype(np.float64)
    chances *= multiples
    return mean, (chances.sum(axis=0) / total).astype(np.float64) - mean * mean
