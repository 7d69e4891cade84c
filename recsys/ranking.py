"""The one place that ranks: filters, ties, missing scores and list length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MISSING = -1
"""Column number where a list has ended."""

SPARE = 4
"""Times as many candidates as are wanted are looked at first: some may not be listed."""


@dataclass(frozen=True)
class KeyScores:
    """Scores that candidates share by a key.

    Attributes:
        of_candidate: (n_candidates,) key of each candidate.
        of_keys: Ranker to (n_users, n_keys) scores, or (1, n_keys) where they are the same for everybody.
    """

    of_candidate: NDArray[np.int64]
    of_keys: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class SummedScores:
    """Scores that add what a person has with the candidate's key to what everybody has with the candidate.

    Attributes:
        of_candidate: (n_candidates,) key of each candidate; each key has one at least.
        own: (n_users, n_keys) finite.
        shared: (n_candidates,) finite.
    """

    of_candidate: NDArray[np.int64]
    own: NDArray[np.float32]
    shared: NDArray[np.float32]

    def dense(self) -> NDArray[np.float32]:
        """(n_users, n_candidates) sums."""
        return np.take(self.own, self.of_candidate, axis=1) + self.shared

    def best(
        self, may: NDArray[np.bool_], allowed: NDArray[np.bool_], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows and columns that `top_k` would list, in no order, mostly without a look at the other candidates.

        No candidate of a key is above the key's share with its best candidate's: where n candidates of the best keys
        are above what is left, none of the others can be listed. People for whom that does not hold are ranked whole.

        Args:
            may: (n_users, n_keys) what may be listed by its key.
            allowed: (n_users, n_candidates) what may be listed, whatever its key.
            n: Length of a list.
        """
        n_users, n_keys = self.own.shape
        if not n_keys:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        by_key = np.argsort(self.of_candidate, kind="stable")
        first = np.searchsorted(self.of_candidate[by_key], np.arange(n_keys))
        sizes = np.diff(np.append(first, len(by_key)))
        most = np.where(may, self.own + np.maximum.reduceat(self.shared[by_key], first), -np.inf)
        keys, left = _greatest(most, -(-SPARE * n * n_keys // len(by_key)))
        rows, keys = np.repeat(np.arange(n_users), keys.shape[1]), keys.ravel()
        rows, keys = rows[may[rows, keys]], keys[may[rows, keys]]
        times = sizes[keys]
        steps = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        cols = by_key[np.repeat(first[keys], times) + steps]
        rows, values = np.repeat(rows, times), np.repeat(self.own[rows, keys], times) + self.shared[cols]
        usable = allowed[rows, cols]
        rows, cols, values = rows[usable], cols[usable], values[usable]
        limits = _nth(rows, values, n, n_users)
        is_settled = (limits > left) | np.isneginf(left)
        kept = is_settled[rows] & (values >= limits[rows])
        rows, cols = _less_ties(rows[kept], cols[kept], (values == limits[rows])[kept], n)
        others = np.flatnonzero(~is_settled)
        of, found = self._best_of_all(others, may[others], allowed[others], n)
        return np.append(rows, others[of]), np.append(cols, found)

    def _best_of_all(
        self, users: NDArray[np.int64], may: NDArray[np.bool_], allowed: NDArray[np.bool_], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        whole = SummedScores(self.of_candidate, self.own[users], self.shared).dense()
        lists = top_k(whole, allowed & np.take(may, self.of_candidate, axis=1), n)
        rows, places = np.nonzero(lists != MISSING)
        return rows, lists[rows, places]


def _greatest(values: NDArray[np.float32], n: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns of each row's n greatest values in no order, and the greatest of the rest; -inf where none is left."""
    if n >= values.shape[1]:
        columns = np.broadcast_to(np.arange(values.shape[1]), values.shape)
        return columns, np.full(len(values), -np.inf, dtype=values.dtype)
    columns = np.argpartition(values, -n - 1, axis=1)[:, -n - 1 :]
    return columns[:, 1:], np.take_along_axis(values, columns[:, :1], axis=1)[:, 0]


def _nth(rows: NDArray[np.int64], values: NDArray[np.float32], n: int, n_rows: int) -> NDArray[np.float32]:
    """(n_rows,) n-th greatest value of each row, -inf where it has fewer; `rows` ascends."""
    sizes = np.bincount(rows, minlength=n_rows)
    table = np.full((n_rows, max(int(sizes.max(initial=0)), n)), -np.inf, dtype=values.dtype)
    table[rows, np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)] = values
    return np.asarray(np.partition(table, table.shape[1] - n, axis=1)[:, -n])


def _less_ties(
    rows: NDArray[np.int64], cols: NDArray[np.int64], is_last: NDArray[np.bool_], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs without those of the last equal ones of a row that are beyond n; the columns that come first stay."""
    room = n - np.bincount(rows[~is_last], minlength=int(rows.max(initial=-1)) + 1)
    last = np.flatnonzero(is_last)
    last = last[np.lexsort((cols[last], rows[last]))]
    place = np.arange(len(last)) - np.searchsorted(rows[last], rows[last])
    kept = ~is_last
    kept[last[place < room[rows[last]]]] = True
    return rows[kept], cols[kept]


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
    low_first = np.where(usable, _low_first(scores), np.inf)
    n = min(k, n_candidates)
    best = np.argsort(low_first, axis=1, kind="stable")[:, :n] if n_candidates <= 4 * n else _smallest(low_first, n)
    lists = np.full((n_users, k), MISSING, dtype=np.int64)
    lists[:, :n] = np.where(np.take_along_axis(usable, best, axis=1), best, MISSING)
    return lists


def _low_first(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.minimum(-scores, np.finfo(scores.dtype).max)


def _smallest(values: NDArray[np.floating], n: int) -> NDArray[np.int64]:
    """Columns of each row's n smallest values in ascending order, equal ones by column; a partial sort."""
    limit = np.partition(values, n - 1, axis=1)[:, n - 1 : n]
    below = values < limit
    ties = values == limit
    keep = below | (ties & (np.cumsum(ties, axis=1) <= n - below.sum(axis=1, keepdims=True)))
    columns = np.nonzero(keep)[1].reshape(len(values), n)
    order = np.argsort(np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def ranks_of_pairs(
    scores: Sequence[KeyScores], allowed: NDArray[np.bool_], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Ranker to (n_pairs,) place of each pair in its row's full ranking by `top_k` from 1; 0 where it has none.

    Args:
        scores: Of all rankers.
        allowed: (n_users, n_candidates).
        rows: (n_pairs,) person.
        cols: (n_pairs,) candidate.
    """
    found = {name: np.zeros(len(rows), dtype=np.int64) for level in scores for name in level.of_keys}
    by_row = np.argsort(rows, kind="stable")
    present, starts = np.unique(rows[by_row], return_index=True)
    for row, pairs in zip(present, np.split(by_row, starts)[1:], strict=True):
        open_columns = np.flatnonzero(allowed[row])
        pairs = pairs[allowed[row, cols[pairs]]]
        positions = np.searchsorted(open_columns, cols[pairs])
        for level in scores:
            keys = level.of_candidate[open_columns]
            for name, values in level.of_keys.items():
                found[name][pairs] = _places(values[row if len(values) > 1 else 0], keys)[positions]
    return found


def _places(of_keys: NDArray[np.float32], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_candidates,) place of each in the ranking by its key's score, from 1; 0 where that is not a number."""
    order = np.argsort(_low_first(of_keys))
    ordered = _low_first(of_keys)[order]
    # Whole numbers of few digits are sorted by counting; the same score is the same number.
    steps = np.zeros(len(order), dtype=np.min_scalar_type(len(order)))
    steps[order[1:]] = np.cumsum(ordered[1:] != ordered[:-1])
    by_score = np.argsort(steps[keys], kind="stable")
    places = np.empty(len(keys), dtype=np.int64)
    places[by_score] = np.arange(1, len(keys) + 1)
    places[np.isnan(of_keys)[keys]] = 0
    return places
