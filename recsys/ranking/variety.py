"""Lists that do not show the same thing ten times: maximal marginal relevance over shared labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recsys.ranking.top_k import MISSING


def varied(
    columns: NDArray[np.int64],
    scores: NDArray[np.floating],
    labels: Sequence[tuple[NDArray[np.int64], float]],
    k: int,
    weight: float,
) -> NDArray[np.int64]:
    r"""The k best of each longer list, each taken for what it adds to those before it.

    Takes the candidate with the greatest $(1 - w)\, s - w \max_{j \text{ taken}} \mathrm{sim}(i, j)$, s being the
    list's scores scaled to [0, 1] and sim the summed weights of the labels that two candidates share.
    Source: Carbonell & Goldstein 1998, SIGIR. A weight of 0 gives the list's own order.

    Args:
        columns: (n_users, n) candidates, best first, -1 where a list has ended.
        scores: (n_users, n) their scores, falling.
        labels: For each label (category, organiser, venue) the value of every candidate, -1 for none, and its weight;
            the weights' sum is at most 1.
        k: Length of the lists returned.
        weight: w in [0, 1].
    """
    n_users, n = columns.shape
    listed = columns != MISSING
    values = [(np.where(listed, np.append(of, -1)[columns], -1), share) for of, share in labels]
    relevance = (1 - weight) * _scaled(scores, listed)
    alike = np.zeros((n_users, n))
    free = listed.copy()
    rows = np.arange(n_users)
    result = np.full((n_users, k), MISSING, dtype=np.int64)
    for place in range(min(k, n)):
        worth = np.where(free, relevance - weight * alike, -np.inf)
        best = worth.argmax(axis=1)
        has_one = free[rows, best]
        result[has_one, place] = columns[rows, best][has_one]
        free[rows, best] = False
        same = sum(share * ((value == value[rows, best][:, None]) & (value >= 0)) for value, share in values)
        alike = np.maximum(alike, same)
    return result


def _scaled(scores: NDArray[np.floating], listed: NDArray[np.bool_]) -> NDArray[np.float64]:
    high = np.where(listed, scores, -np.inf).max(axis=1, keepdims=True, initial=-np.inf)
    low = np.where(listed, scores, np.inf).min(axis=1, keepdims=True, initial=np.inf)
    with np.errstate(invalid="ignore"):
        spread = high - low
        scaled = np.where(spread > 0, (scores - low) / np.where(spread > 0, spread, 1.0), 1.0)
    return np.where(listed, scaled, 0.0)
