"""A bounded share of each list for what has had little chance yet, with the probability of every draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from recsys.ranking.top_k import MISSING


@dataclass(frozen=True)
class Exploration:
    """How lists explore.

    Attributes:
        share: Greatest share of a list's places that is drawn, in [0, 1].
        n_shown: Times that each organiser was shown of late; one that is missing was never shown.
        enough: Organisers shown so often are not drawn any more.
        day: What a person's draws depend on beside the person: the local day.
    """

    share: float
    n_shown: Mapping[str, float]
    enough: float
    day: date


def explored(
    columns: NDArray[np.int64], pool: NDArray[np.float64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The list with its last places drawn from a pool, and each place's propensity.

    At most `share` of the list's places (rounded down) are drawn, one after the other without putting back, in
    proportion to the pool's weights among what the list's kept places do not hold. The propensity of a kept place is
    1, that of a drawn one the probability with which it was drawn given the draws before it: what inverse
    propensity scoring (Horvitz & Thompson 1952) divides by.

    Args:
        columns: (k,) candidates of one list, -1 where it has ended.
        pool: (n_candidates,) weights >= 0; 0 is never drawn (not allowed, or shown enough).
        share: Greatest share of places, in [0, 1].
        rng: Source of the draws.
    """
    result, propensities = columns.copy(), np.ones(len(columns))
    n_listed = int((columns != MISSING).sum())
    n_drawn = min(int(share * len(columns)), n_listed)
    weights = pool.astype(np.float64).copy()
    weights[columns[: n_listed - n_drawn]] = 0.0
    for place in range(n_listed - n_drawn, n_listed):
        total = weights.sum()
        if total <= 0:
            # The pool is empty: the list keeps its own, less what was drawn from them already.
            rest = [column for column in columns[:n_listed] if column not in result[:place]]
            result[place] = rest[0]
            continue
        chances = weights / total
        drawn = int(rng.choice(len(weights), p=chances))
        result[place], propensities[place] = drawn, chances[drawn]
        weights[drawn] = 0.0
    return result, propensities


def chance_weights(n_shown: NDArray[np.float64], allowed: NDArray[np.bool_], enough: float) -> NDArray[np.float64]:
    """(n_candidates,) pool for `explored`: 1 / (1 + shown) for what is allowed and was shown less than `enough`."""
    return np.where(allowed & (n_shown < enough), 1.0 / (1.0 + n_shown), 0.0)
