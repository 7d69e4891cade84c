"""Rates of persons: segments, what people say and look at, the person, the person in one category."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.willingness.config import LatentConfig


def people_rates(
    segments: list[sparse.csr_array],
    signals: NDArray[np.float32],
    seen: NDArray[np.float32],
    exposed: NDArray[np.float32],
    config: LatentConfig,
) -> NDArray[np.float32]:
    """(n_users, n_categories) people a week at exposure 1; every effect is shrunk as a gamma of mean 1.

    Args:
        segments: Memberships of users, see `features.willingness.facts.segments`.
        signals: (n_users, n_categories, n_signals) what people say and look at.
        seen: (n_users, n_categories) people booked for.
        exposed: (n_users, n_categories) what `seen` would be at rate 1.
        config: Strengths of shrinking.
    """
    prior = _prior_rates(seen, exposed, segments, signals, config.factor_strength)
    person, taste = config.person_strength, config.taste_strength
    level = (person + seen.sum(axis=1)) / (person + (prior * exposed).sum(axis=1))
    rate = prior * level[:, None]
    rate = rate * (taste + seen) / (taste + rate * exposed)
    # A booking counts for the person and for the person's taste; together people come no more often than they did.
    total, expected = (prior * exposed).sum(axis=0), (rate * exposed).sum(axis=0)
    return (rate * np.where(expected > 0, total / np.maximum(expected, 1e-12), 1.0)).astype(np.float32)


def _prior_rates(
    seen: NDArray[np.float32],
    exposed: NDArray[np.float32],
    memberships: list[sparse.csr_array],
    signals: NDArray[np.float32],
    strength: float,
    sweeps: int = 6,
) -> NDArray[np.float32]:
    """(n_users, n_categories) rates from segments and signals: gamma-shrunk multiplicative effects, one after another.

    A segment has a level of its own over all categories and, within that, an effect on each category.
    """
    # Where nothing was ever on, half a booking by one of all people is believed, not half a booking by each.
    overall = (float(seen.sum()) + 0.5) / (float(exposed.sum()) + len(seen) + 1.0)
    base = (seen.sum(axis=0) + 3.0) / (exposed.sum(axis=0) + 3.0 / overall)
    rate = np.broadcast_to(base, seen.shape).astype(np.float32)
    counts = [member.T @ seen for member in memberships]
    effects = [np.ones((member.shape[1], seen.shape[1]), dtype=np.float32) for member in memberships]
    said = np.ones(seen.shape, dtype=np.float32)
    strengths = np.zeros(signals.shape[2])
    for _ in range(sweeps):
        for n, member in enumerate(memberships):
            without = rate / (member @ effects[n])
            expected = member.T @ (without * exposed)
            level = (counts[n].sum(axis=1) + strength) / (expected.sum(axis=1) + strength)
            within = (counts[n] + strength) / (expected * level[:, None] + strength)
            effects[n] = (level[:, None] * within).astype(np.float32)
            rate = without * (member @ effects[n])
        without = rate / said
        strengths = _signal_strengths(signals, seen, without * exposed, strengths)
        said = np.exp(signals @ strengths.astype(np.float32))
        rate = (without * said).astype(np.float32)
    return rate


def _signal_strengths(
    signals: NDArray[np.float32],
    seen: NDArray[np.float32],
    expected: NDArray[np.float32],
    strengths: NDArray[np.float64],
    ridge: float = 10.0,
) -> NDArray[np.float64]:
    """(n_signals,) two Newton steps of a Poisson regression of counts on signals, `expected` as the offset."""
    flat, counts, offset = signals.reshape(-1, signals.shape[2]), seen.ravel(), expected.ravel()
    for _ in range(2):
        mean = offset * np.exp(np.clip(flat @ strengths.astype(np.float32), -5, 5))
        slope = flat.T @ (counts - mean) - ridge * strengths
        curve = (flat * mean[:, None]).T @ flat + ridge * np.eye(len(strengths))
        strengths = np.clip(strengths + np.linalg.solve(curve.astype(np.float64), slope), -2.0, 2.0)
    return strengths
