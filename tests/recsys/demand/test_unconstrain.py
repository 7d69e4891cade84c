"""Demand behind full sessions: exact tails, known worlds, and what cannot be known."""

import numpy as np
import pytest

from recsys.demand.tails import tail_means
from recsys.demand.unconstrain import _Tails, chained_means, unconstrain_sessions


def of_panel(counts: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Like `counts` (n_series, n_weeks): a session a week, of which nothing is known but its series."""
    series, week = (place.ravel() for place in np.indices(counts.shape))
    wide = np.broadcast_to(limits, counts.shape).ravel()
    return unconstrain_sessions(counts.ravel(), wide, np.zeros(counts.size), [series], week).reshape(counts.shape)


@pytest.mark.parametrize("mixing", ["gamma", "lognormal"])
def test_bias_in_a_world_of_either_tail(mixing: str) -> None:
    rng = np.random.default_rng(8)
    mean = rng.gamma(2, 6, (1500, 1)) * (1 + 0.2 * np.sin(np.arange(104) / 4 + rng.uniform(0, 6, (1500, 1))))
    factor = rng.gamma(4, 1 / 4, mean.shape) if mixing == "gamma" else rng.lognormal(-0.125, 0.5, mean.shape)
    demand = rng.poisson(mean * factor).astype(float)
    limits = np.maximum(np.round(mean.mean(axis=1, keepdims=True) * rng.lognormal(0.35, 0.45, (1500, 1))), 2)
    found = of_panel(np.minimum(demand, limits), limits)
    assert found.sum() / demand.sum() == pytest.approx(1, abs=0.01)


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    mean = rng.gamma(2, 6, (1500, 1)) * (1 + 0.3 * np.sin(np.arange(104) / 8))
    demand = rng.poisson(mean * rng.gamma(4, 1 / 4, mean.shape)).astype(float)
    limits = np.maximum(np.round(mean.mean(axis=1) * rng.lognormal(0.35, 0.45, 1500)), 2)[:, None]
    return demand, limits


def test_bias_within_the_figures(world: tuple[np.ndarray, np.ndarray]) -> None:
    demand, limits = world
    counts = np.minimum(demand, limits)
    found = of_panel(counts, limits)
    tight = (counts >= limits).mean(axis=1) > 0.5
    assert counts.sum() / demand.sum() < 0.9
    assert found.sum() / demand.sum() == pytest.approx(1, abs=0.01)
    assert found[tight].sum() / demand[tight].sum() == pytest.approx(1, abs=0.05)


def test_a_busy_week_is_told_apart_from_busy_series() -> None:
    rng = np.random.default_rng(6)
    mean = np.full((400, 20), 6.0)
    mean[:, 7] = 18.0
    demand = rng.poisson(mean).astype(float)
    found = of_panel(np.minimum(demand, 8.0), np.full((1, 1), 8.0))
    # In that week nearly all is full: what makes it busy is seen by how many are, and by nothing else.
    assert found[:, 7].sum() / demand[:, 7].sum() > 0.75
    others = np.arange(20) != 7
    assert found[:, others].sum() / demand[:, others].sum() == pytest.approx(1, abs=0.02)


def test_demand_is_at_least_what_was_taken_and_exact_where_nothing_was_full(
    world: tuple[np.ndarray, np.ndarray],
) -> None:
    demand, limits = (array[:200] for array in world)
    counts = np.minimum(demand, limits)
    found = of_panel(counts, limits)
    assert (found >= counts - 1e-9).all()
    np.testing.assert_array_equal(found[counts < limits], counts[counts < limits])


def test_tabulated_tails_are_the_exact_ones() -> None:
    rng = np.random.default_rng(7)
    limit = rng.integers(1, 40, 8_000).astype(float)
    means = limit * rng.uniform(0.05, 4, 8_000)
    tabulated = _Tails.of(limit).at_size(3.0, "gamma")(means)
    for found, exact in zip(tabulated, tail_means(means, limit, 3.0), strict=True):
        np.testing.assert_allclose(found, exact, rtol=0.01)


def test_a_series_that_is_always_full_stays_finite() -> None:
    rng = np.random.default_rng(1)
    counts = rng.poisson(5, (30, 40)).astype(float)
    limits = np.full(counts.shape, 12.0)
    counts[0], limits[0] = 6, 6
    found = of_panel(np.minimum(counts, limits), limits)
    assert 6 < found[0].mean() < 60


def test_without_limits_demand_is_bookings() -> None:
    counts = np.random.default_rng(0).poisson(4, (5, 20)).astype(float)
    np.testing.assert_array_equal(of_panel(counts, np.full((1, 1), np.nan)), counts)


def test_all_zeros_stay_zero() -> None:
    zeros = np.zeros((3, 10))
    np.testing.assert_allclose(of_panel(zeros, np.full((3, 10), 5.0)), 0)


def test_nothing_at_all_stays_nothing() -> None:
    nothing = np.zeros(0)
    assert unconstrain_sessions(nothing, nothing, nothing, [], np.zeros(0, dtype=np.int64)).shape == (0,)


def test_sessions_recover_what_capacity_hides() -> None:
    rng = np.random.default_rng(2)
    course = np.repeat(np.arange(60), 12)
    wanted = rng.poisson(rng.gamma(4, 2, 60)[course]).astype(float)
    limits = np.full(len(wanted), 9.0)
    places = np.minimum(wanted, limits)
    found = unconstrain_sessions(places, limits, np.zeros(len(wanted)), [course], np.tile(np.arange(12), 60))
    assert places.sum() / wanted.sum() < 0.85
    assert found.sum() / wanted.sum() == pytest.approx(1, abs=0.06)


def test_a_waitlist_that_all_join_is_the_demand() -> None:
    rng = np.random.default_rng(3)
    wanted = rng.poisson(10, 400).astype(float)
    places = np.minimum(wanted, 9)
    everyone = np.zeros(400, dtype=np.int64)
    found = unconstrain_sessions(places, np.full(400, 9.0), wanted - places, [everyone], everyone)
    assert found.sum() / wanted.sum() == pytest.approx(1, abs=0.06)
    assert (found >= wanted - 1e-9).all()


def test_chained_means_fall_back_on_the_level_above() -> None:
    values = np.array([10.0, 10, 10, 10, 2, 2])
    chain = [np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, -1, -1, 1, 1])]
    means = chained_means(values, chain, np.ones(6), strength=0.001)
    np.testing.assert_allclose(means, values, rtol=0.01)
