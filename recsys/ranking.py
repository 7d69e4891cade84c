"""The one place that ranks: filters, ties, missing scores and list length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""Column number where a list has ended."""


def top_k(scores: NDArray[np.floating], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """Columns of each row's k best scores, best first; -1 where fewer can be ranked.

    Equal scores keep the order of the columns, so that a list does not depend on how it was found. A score
    that is not a number cannot be ranked, and a column that is not allowed never appears.

    >>> top_k(np.array([[1.0, 3.0, np.nan, 3.0]]), np.array([[True, True, True, True]]), 5).tolist()
    [[1, 3, 0, -1, -1]]

    Args:
        scores: (n_users, n_candidates); higher is better.
        allowed: (n_users, n_candidates).
        k: Length of a list, at least 1.
    """
    if k < 1:
        raise ValueError(f"k is {k}, expected at least 1")
    n_users, n_candidates = scores.shape
    usable = allowed & ~np.isnan(scores)
    # An allowed score of minus infinity still goes before what may not be listed.
    low_first = np.where(usable, np.minimum(-scores, np.finfo(scores.dtype).max), np.inf)
    n = min(k, n_candidates)
    best = np.argsort(low_first, axis=1, kind="stable")[:, :n] if n_candidates <= 4 * n else _smallest(low_first, n)
    lists = np.full((n_users, k), MISSING, dtype=np.int64)
    lists[:, :n] = np.where(np.take_along_axis(usable, best, axis=1), best, MISSING)
    return lists


def _smallest(values: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Columns of each row's n smallest values in ascending order, equal ones by column; a partial sort."""
    limit = np.partition(values, n - 1, axis=1)[:, n - 1 : n]
    below = values < limit
    ties = values == limit
    keep = below | (ties & (np.cumsum(ties, axis=1) <= n - below.sum(axis=1, keepdims=True)))
    columns = np.nonzero(keep)[1].reshape(len(values), n)
    order = np.argsort(np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def ranks(scores: NDArray[np.floating], allowed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n_users, n_candidates) place of each candidate in its row's full ranking from 1; 0 where it has none."""
    lists = top_k(scores, allowed, max(scores.shape[1], 1))[:, : scores.shape[1]]
    places = np.zeros(scores.shape, dtype=np.int64)
    rows, positions = np.nonzero(lists != MISSING)
    places[rows, lists[rows, positions]] = positions + 1
    return places
