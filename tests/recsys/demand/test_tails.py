"""Tails of counts against plain sums, and which mixing counts came from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from recsys.demand.tails import MIXINGS, Mixing, likelier_mixing, tail_means


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 40), st.integers(0, 50), st.floats(0.5, 30))
def test_gamma_tails_equal_the_plain_sum(mean: float, limit: int, size: float) -> None:
    counts = np.arange(limit, 4000)
    chances = stats.nbinom.pmf(counts, size, size / (size + mean))
    if chances.sum() < 1e-9:
        return
    first, second = tail_means(np.array([mean]), np.array([float(limit)]), size)
    assert first[0] == pytest.approx((counts * chances).sum() / chances.sum(), rel=1e-4)
    assert second[0] == pytest.approx((counts * (counts - 1) * chances).sum() / chances.sum(), rel=1e-3)


@pytest.mark.parametrize(("mean", "limit", "size"), [(4.0, 0, 3.0), (8.0, 10, 2.0), (20.0, 25, 4.0), (3.0, 9, 6.0)])
def test_lognormal_tails_equal_the_plain_integral(mean: float, limit: int, size: float) -> None:
    spread = np.sqrt(np.log1p(1 / size))
    counts = np.arange(limit, 2000)

    def chance(z: float) -> float:
        return float(stats.norm.pdf(z))

    def expected(power: int) -> float:
        def inner(z: float) -> float:
            rates = mean * np.exp(spread * z - spread**2 / 2)
            return chance(z) * float((counts.astype(float) ** power * stats.poisson.pmf(counts, rates)).sum())

        return float(integrate.quad(inner, -8, 8, limit=200)[0])

    first, second = tail_means(np.array([mean]), np.array([float(limit)]), size, "lognormal")
    whole = expected(0)
    assert first[0] == pytest.approx(expected(1) / whole, rel=2e-3)
    assert second[0] == pytest.approx((expected(2) - expected(1)) / whole, rel=5e-3)


@pytest.mark.parametrize("mixing", MIXINGS)
def test_so_far_out_that_nothing_is_left_the_limit_stands(mixing: Mixing) -> None:
    first, second = tail_means(np.array([1e-3]), np.array([5000.0]), 5.0, mixing)
    assert first[0] == 5000.0
    assert second[0] == 5000.0 * 4999.0


@pytest.mark.parametrize("truth", MIXINGS)
def test_the_mixing_that_made_the_counts_is_likelier(truth: Mixing) -> None:
    rng = np.random.default_rng(3)
    mean = rng.gamma(2, 6, 20_000) + 1
    factor = rng.gamma(4, 1 / 4, len(mean)) if truth == "gamma" else rng.lognormal(-0.1116, 0.4724, len(mean))
    demand = rng.poisson(mean * factor).astype(float)
    limit = np.round(1.3 * mean)
    assert likelier_mixing(np.minimum(demand, limit), mean, demand >= limit, 4.0) == truth
