"""Learning types of people from people drawn by the model itself, and from others."""

import numpy as np
import pytest

from features.signals.learned.people_types import membership_of, type_multiples
from features.signals.learned.posterior import Naming, own_points, posterior
from training.ranking.people_types import TypeConfig, factor_share, fit_types

N_USERS, N_KEYS = 3000, 12
CONFIG = TypeConfig(n_types=6)
OWN = own_points(0.8, 7)
NOTHING = Naming(np.zeros((N_USERS, N_KEYS)), np.ones((N_USERS, N_KEYS)))


@pytest.fixture(scope="module")
def of_types() -> tuple[np.ndarray, ...]:
    """Three types, each wanting four keys eight times as much as others; the old are mostly of the first."""
    rng = np.random.default_rng(0)
    ages = rng.integers(-1, 2, N_USERS)
    is_first = rng.random(N_USERS) < np.where(ages == 1, 0.8, 0.2)
    kind = np.where(is_first, 0, rng.integers(1, 3, N_USERS))
    wants = np.log(8.0) * (np.arange(N_KEYS) // 4 == np.arange(3)[:, None])
    rates = np.exp(wants[kind] - np.log(2.0)) * rng.gamma(0.8, 1 / 0.8, (N_USERS, 1))
    expected = rng.uniform(0.1, 0.4, (N_USERS, N_KEYS))
    return rng.poisson(expected * rates).astype(float), expected, ages, rates, kind


@pytest.fixture(scope="module")
def of_factors() -> tuple[np.ndarray, ...]:
    """Rates that two normal factors decide by degrees, and what is each key's own."""
    rng = np.random.default_rng(1)
    loadings = np.zeros((N_KEYS, 2))
    loadings[:6, 0] = loadings[6:, 1] = 0.9
    rates = np.exp(rng.normal(size=(N_USERS, 2)) @ loadings.T + rng.normal(0.0, 0.9, (N_USERS, N_KEYS)) - 0.8)
    expected = rng.uniform(0.1, 0.4, (N_USERS, N_KEYS))
    return rng.poisson(expected * rates).astype(float), expected, np.full(N_USERS, -1), rates, loadings


def error(found: np.ndarray, rates: np.ndarray) -> float:
    """Mean squared error of logarithms within people."""
    off = np.log(found / rates)
    return float(np.square(off - off.mean(axis=1, keepdims=True)).mean())


def test_people_of_a_type_are_found_together(of_types):
    counts, expected, ages, _, kind = of_types
    types = fit_types(counts, expected, NOTHING, ages, CONFIG, np.random.default_rng(0))
    busy = counts.sum(axis=1) >= 4
    found = membership_of(counts, expected, NOTHING, ages, types).chances[busy].argmax(axis=1)
    by_kind = np.array([np.bincount(kind[busy][found == one], minlength=3) for one in range(CONFIG.n_types)])
    assert by_kind.max(axis=1).sum() > 0.9 * busy.sum()
    first = np.exp(types.effects[:, :4]).mean(axis=1) > 2.0
    assert types.chances[1, first].sum() > 0.65 > 0.4 > types.chances[0, first].sum()


def test_types_are_found_better_than_by_factors_and_trusted(of_types):
    counts, expected, ages, rates, _ = of_types
    types = fit_types(counts, expected, NOTHING, ages, CONFIG, np.random.default_rng(0))
    loadings = np.concatenate([np.eye(3).repeat(4, axis=0), np.full((N_KEYS, 1), 0.8)], axis=1)
    by_factors = posterior(counts, expected, NOTHING, loadings, OWN).multiples
    assert error(type_multiples(counts, expected, NOTHING, ages, types), rates) < 0.8 * error(by_factors, rates)
    assert factor_share(counts, expected, NOTHING, ages, loadings, OWN, CONFIG, np.random.default_rng(0)) < 0.3


def test_factors_are_trusted_where_wishes_go_by_degrees(of_factors):
    counts, expected, ages, rates, loadings = of_factors
    share = factor_share(
        counts, expected, NOTHING, ages, loadings, own_points(0.81, 7), CONFIG, np.random.default_rng(0)
    )
    assert share > 0.7
    types = fit_types(counts, expected, NOTHING, ages, CONFIG, np.random.default_rng(0))
    by_factors = posterior(counts, expected, NOTHING, loadings, own_points(0.81, 7)).multiples
    assert error(by_factors, rates) < error(type_multiples(counts, expected, NOTHING, ages, types), rates)


def test_more_rounds_are_never_less_likely(of_types):
    counts, expected, ages, _, _ = of_types
    found = []
    for rounds in (1, 2, 4, 8, 16):
        config = CONFIG.model_copy(update={"most_rounds": rounds, "strength": 1e-9, "tolerance": 1e-9})
        types = fit_types(counts, expected, NOTHING, ages, config, np.random.default_rng(3))
        found.append(membership_of(counts, expected, NOTHING, ages, types).log_likelihood.mean())
    assert (np.diff(found) > -1e-3).all()
    assert found[-1] > found[0] + 0.01


def test_what_people_name_tells_their_type(of_types):
    """Each names one thing by the shares of what they want: types are found better than by what they did alone."""
    counts, expected, ages, rates, _ = of_types
    rng = np.random.default_rng(4)
    choice = (rates / rates.sum(axis=1, keepdims=True)).cumsum(axis=1) < rng.random((N_USERS, 1))
    naming = Naming(np.eye(N_KEYS)[choice.sum(axis=1)], np.ones((N_USERS, N_KEYS)))
    errors = [
        error(
            type_multiples(counts, expected, one, ages, fit_types(counts, expected, one, ages, CONFIG, rng)),
            rates,
        )
        for one in (NOTHING, naming)
    ]
    assert errors[1] < 0.8 * errors[0]


def test_nobody_who_did_anything_leaves_all_to_factors():
    nothing, ages = np.zeros((10, 3)), np.zeros(10, dtype=np.int64)
    none = Naming(nothing, np.ones((10, 3)))
    share = factor_share(nothing, np.ones((10, 3)), none, ages, np.zeros((3, 1)), OWN, CONFIG, np.random.default_rng(0))
    assert share == 1.0
    types = fit_types(nothing, np.ones((10, 3)), none, ages, CONFIG, np.random.default_rng(0))
    assert np.isfinite(type_multiples(nothing, np.ones((10, 3)), none, ages, types)).all()
