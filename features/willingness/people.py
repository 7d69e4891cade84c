"""Rates of persons: segments, what people say and look at, the person, the person in one category."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.willingness.config import LatentConfig
from recsys.shrinkage import shrunk

STEPS = 3
"""Steps on signals in each sweep; sweeps go on from the last."""

LONGEST_STEP = 0.5


def alike(segments: list[sparse.csr_array], n_categories: int, strength: float) -> list[NDArray[np.float64]]:
    """(n_levels, 1 + n_categories) a segment: each must outweigh the same."""
    return [np.full((member.shape[1], 1 + n_categories), strength) for member in segments]


def people_rates(
    segments: list[sparse.csr_array],
    strengths: list[NDArray[np.float64]],
    signals: NDArray[np.float32],
    seen: NDArray[np.float32],
    exposed: NDArray[np.float32],
    config: LatentConfig,
) -> NDArray[np.float32]:
    """(n_users, n_categories) people a week at exposure 1; every effect is shrunk as a gamma of mean 1.

    Args:
        segments: Memberships of users, see `features.willingness.facts.segments`.
        strengths: (n_levels, 1 + n_categories) a segment: bookings that its own figures must outweigh, over all
            categories and in each.
        signals: (n_users, n_categories, n_signals) what people say and look at.
        seen: (n_users, n_categories) people booked for.
        exposed: (n_users, n_categories) what `seen` would be at rate 1.
        config: Strengths of shrinking.
    """
    prior = segment_rates(seen, exposed, segments, signals, strengths)
    person, taste = config.person_strength, config.taste_strength
    level = (person + seen.sum(axis=1)) / (person + (prior * exposed).sum(axis=1))
    rate = prior * level[:, None]
    rate = rate * (taste + seen) / (taste + rate * exposed)
    # A booking counts for the person and for the person's taste; together people come no more often than they did.
    total, expected = (prior * exposed).sum(axis=0), (rate * exposed).sum(axis=0)
    return (rate * _ratio(total, expected)).astype(np.float32)


def segment_rates(
    seen: NDArray[np.float32],
    exposed: NDArray[np.float32],
    memberships: list[sparse.csr_array],
    signals: NDArray[np.float32],
    strengths: list[NDArray[np.float64]],
    sweeps: int = 6,
) -> NDArray[np.float32]:
    """(n_users, n_categories) rates from segments and signals: gamma-shrunk multiplicative effects, one after another.

    A segment has a level of its own over all categories and, within that, an effect on each category: what signals do
    not tell.
    """
    # Where nothing was ever on, half a booking by one of all people is believed, not half a booking by each.
    overall = (float(seen.sum()) + 0.5) / (float(exposed.sum()) + len(seen) + 1.0)
    base = (seen.sum(axis=0) + 3.0) / (exposed.sum(axis=0) + 3.0 / overall)
    rate = np.broadcast_to(base, seen.shape).astype(np.float32)
    counts = [member.T @ seen for member in memberships]
    effects = [np.ones((member.shape[1], seen.shape[1]), dtype=np.float32) for member in memberships]
    said = np.ones(seen.shape, dtype=np.float32)
    slopes = np.zeros(signals.shape[2])
    for _ in range(sweeps):
        if len(slopes):
            without = rate / said
            slopes = _signal_strengths(signals, seen, without * exposed, slopes)
            said = np.exp(signals @ slopes.astype(np.float32))
            # Signals tell people apart; how much a category is liked is told by its bookings.
            said = said * _ratio((without * exposed).sum(axis=0), (without * said * exposed).sum(axis=0))
            rate = (without * said).astype(np.float32)
        for n, member in enumerate(memberships):
            without = rate / (member @ effects[n])
            expected = member.T @ (without * exposed)
            level = shrunk(counts[n].sum(axis=1), expected.sum(axis=1), strengths[n][:, 0])
            within = shrunk(counts[n], expected * level[:, None], strengths[n][:, 1:])
            effects[n] = (level[:, None] * within).astype(np.float32)
            rate = without * (member @ effects[n])
    return rate


def _signal_strengths(
    signals: NDArray[np.float32],
    seen: NDArray[np.float32],
    expected: NDArray[np.float32],
    strengths: NDArray[np.float64],
    ridge: float = 10.0,
) -> NDArray[np.float64]:
    """(n_signals,) slopes of who books on signals, `expected` as the offset and each category's level free.

    Newton steps of a Poisson regression, none longer than `LONGEST_STEP`: the first ones would leap.
    """
    total = seen.sum(axis=0)
    for _ in range(STEPS):
        mean = expected * np.exp(signals @ strengths.astype(np.float32))
        mean = mean * _ratio(total, mean.sum(axis=0))
        by_category = np.einsum("uc,ucs->cs", mean, signals)
        slope = np.einsum("uc,ucs->s", seen - mean, signals) - ridge * strengths
        flat = signals.reshape(-1, len(strengths))
        curve = (flat * mean.reshape(-1, 1)).T @ flat - by_category.T @ (by_category * _ratio(1.0, total)[:, None])
        step = np.linalg.solve(curve.astype(np.float64) + ridge * np.eye(len(strengths)), slope)
        strengths = strengths + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
    return strengths


def _ratio(above: NDArray[np.float32] | float, below: NDArray[np.float32]) -> NDArray[np.float32]:
    """`above / below`, 1 where `below` is 0."""
    return np.asarray(np.where(below > 0, above / np.maximum(below, 1e-12), 1.0), dtype=np.float32)
