"""Learning types of people, and how far to trust them beside factors, from counts that neither has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import optimize

from features.signals.known.groups import AGE_EDGES
from features.signals.learned.people_types import PeopleTypes, membership_of, type_multiples
from features.signals.learned.posterior import Naming, own_points, posterior
from recsys.closed import Closed

_FIRST_SPREAD = 0.7
"""Of the logarithms with which types begin."""
_MOST_LOG = 4.0
_CHANCE_STRENGTH = 2.0
_HELD_OUT = 0.25
"""Share of what people did that is foretold from the rest."""
_LEAST = 1e-12


class TypeConfig(Closed):
    """Settings of types of people."""

    n_types: int = Field(default=20, gt=0, description="types of people")
    shape: float = Field(default=0.8, gt=0, description="of the gamma factor on all that a person does")
    strength: float = Field(default=5.0, gt=0, description="expected events of a type that weigh as much as its group")
    own_variance: float = Field(default=0.3, gt=0, description="variance of what is a person's own, of logarithms")
    n_points: int = Field(default=7, gt=1, description="points that what is a person's own is summed over")
    most_rounds: int = Field(default=60, gt=0, description="rounds of expectation and maximisation at most")
    tolerance: float = Field(default=2e-4, gt=0, description="gain of log likelihood a person at which rounds end")


def alike(n_keys: int, config: TypeConfig, n_types: int = 1) -> PeopleTypes:
    """Types that want the same."""
    return PeopleTypes(
        chances=np.full((len(AGE_EDGES) + 1, n_types), 1.0 / n_types),
        effects=np.zeros((n_types, n_keys)),
        shape=config.shape,
        own=own_points(config.own_variance, config.n_points),
    )


def fit_types(
    counts: NDArray[np.float64],
    expected: NDArray[np.float64],
    naming: Naming,
    ages: NDArray[np.int64],
    config: TypeConfig,
    rng: np.random.Generator,
) -> PeopleTypes:
    """Types by expectation and maximisation, from random ones on.

    Args:
        counts: (n_users, n_keys) of what people did.
        expected: (n_users, n_keys) what they are at the group's rate.
        naming: What they named.
        ages: (n_users,) age group, -1 where unknown.
        config: Settings.
        rng: Of where types begin.
    """
    types = alike(counts.shape[1], config, config.n_types)
    types = replace(types, effects=rng.normal(0.0, _FIRST_SPREAD, types.effects.shape))
    before = -np.inf
    for _ in range(config.most_rounds):
        found = membership_of(counts, expected, naming, ages, types)
        now = float(found.log_likelihood.mean())
        if now - before < config.tolerance:
            break
        before = now
        seen = found.chances.T @ (counts + naming.named) + config.strength
        due = (found.chances * found.activity).T @ expected + config.strength
        due += (found.chances * found.namings).T @ naming.shares
        of_age = np.zeros_like(types.chances)
        np.add.at(of_age, ages, found.chances)
        of_age += _CHANCE_STRENGTH * found.chances.mean(axis=0) * config.n_types
        types = replace(
            types,
            chances=of_age / of_age.sum(axis=1, keepdims=True),
            effects=np.clip(np.log(seen / due), -_MOST_LOG, _MOST_LOG),
        )
    return types


def factor_share(
    counts: NDArray[np.float64],
    expected: NDArray[np.float64],
    naming: Naming,
    ages: NDArray[np.int64],
    loadings: NDArray[np.float64],
    own: NDArray[np.float64],
    config: TypeConfig,
    rng: np.random.Generator,
) -> float:
    """How much of a log rate factors say, types the rest: what foretells best what was held out.

    Types are learned from every other person; of the others a quarter of what they did is foretold from the rest.

    Args:
        counts: (n_users, n_keys) of what people did.
        expected: (n_users, n_keys) what they are at the group's rate.
        naming: What they named.
        ages: (n_users,) age group, -1 where unknown.
        loadings: (n_keys, n_factors).
        own: (2, n_points) multiples that are a person's own beside factors.
        config: Settings of types.
        rng: Of what is held out and where types begin.
    """
    types = fit_types(counts[::2], expected[::2], naming.every_other(0), ages[::2], config, rng)
    counts, expected, ages = counts[1::2], expected[1::2], ages[1::2]
    naming = naming.every_other(1)
    held = rng.binomial(counts.astype(np.int64), _HELD_OUT).astype(np.float64)
    if not held.any():
        return 1.0
    left, due = counts - held, (1.0 - _HELD_OUT) * expected
    by_factors = np.log(np.maximum(due * posterior(left, due, naming, loadings, own).multiples, _LEAST))
    by_types = np.log(np.maximum(due * type_multiples(left, due, naming, ages, types), _LEAST))

    def loss(share: float) -> float:
        log = share * by_factors + (1.0 - share) * by_types
        return float(held.sum() * np.log(np.exp(log).sum()) - (held * log).sum())

    return float(optimize.minimize_scalar(loss, bounds=(0.0, 1.0), method="bounded").x)
