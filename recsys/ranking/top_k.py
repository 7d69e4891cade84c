"""The one place that ranks: filters, ties, missing scores and list length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""Column number where a list has ended."""


def top_k(scores: NDArray[np.floating], allowed: NDArray[np.bool_], k: int) -> NDArray[np.int64]:
    """(n_users, k) columns of each row's k best scores, best first; -1 where fewer can be ranked.

    Equal scores keep the order of the columns, so that a list does not depend on how it was found. A score
    that is not a number cannot be ranked, and a column that is not allowed never appears.

    >>> top_k(np.array([[1.0, 3.0, np.nan, 3.0]]), np.array([[True, True, True, True]]), 5).tolist()
    [[1, 3, 0, -1, -1]]

    Args:
        scores: (n_users, n_candidates); higher is better.
        allowed: (n_users, n_candidates).
        k: Length of a list, at least 1.

    Raises:
        ValueError: k is below 1.
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


def ranks_of(rows: NDArray[np.int64], scores: Sequence[NDArray[np.float32]], n_rows: int) -> list[NDArray[np.float32]]:
    """Each score's (n_pairs,) rank in its row: 1 and the pairs of the row that have a higher one, NaN for NaN.

    >>> ranks_of(np.array([0, 0, 0, 1]), [np.array([2.0, 3.0, 3.0, 1.0], dtype=np.float32)], 2)[0].tolist()
    [3.0, 1.0, 1.0, 1.0]

    Args:
        rows: (n_pairs,) ascending.
        scores: (n_pairs,) each.
        n_rows: Number of rows.
    """
    sizes = np.bincount(rows, minlength=n_rows)
    width = int(sizes.max(initial=0))
    # A row's pairs follow each other: they stand from where its part of the table begins on.
    at = np.arange(len(rows)) + np.repeat(np.arange(n_rows) * width - (np.cumsum(sizes) - sizes), sizes)
    # Above what is there, and above what is not a number, for which a sort is slow.
    table = np.full((n_rows, width), np.inf, dtype=np.float32)
    ranks = np.ones(n_rows * width, dtype=np.float32)
    place = np.arange(1, width + 1, dtype=np.float32)
    found = []
    for values in scores:
        missing = np.isnan(values)
        table.ravel()[at] = np.where(missing, np.float32(np.inf), -values)
        order = np.argsort(table, axis=1) + np.arange(n_rows)[:, None] * width
        ordered = table.ravel().take(order)
        above = np.tile(place, (n_rows, 1))
        # Equal ones have the place of the first of them.
        above[:, 1:] *= ordered[:, 1:] != ordered[:, :-1]
        ranks[order] = np.maximum.accumulate(above, axis=1)
        of_pairs = ranks.take(at)
        of_pairs[missing] = np.nan
        found.append(of_pairs)
    return found


def taken(values: NDArray[Any], lists: NDArray[np.int64], otherwise: float) -> NDArray[Any]:
    """(n_users, k) values of (n_users, n_candidates) at the columns of lists, `otherwise` where a list has ended."""
    padded = np.append(values, np.full((len(values), 1), otherwise, dtype=values.dtype), axis=1)
    return np.take_along_axis(padded, lists, axis=1)


def _smallest(values: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Columns of each row's n smallest values in ascending order, equal ones by column; a partial sort."""
    limit = np.partition(values, n - 1, axis=1)[:, n - 1 : n]
    below = values < limit
    ties = values == limit
    keep = below | (ties & (np.cumsum(ties, axis=1) <= n - below.sum(axis=1, keepdims=True)))
    columns = np.nonzero(keep)[1].reshape(len(values), n)
    order = np.argsort(np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
