"""Scores that candidates share by a key: kept once a key, ranked and listed mostly without a look at all candidates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.ranking.top_k import MISSING, top_k

SPARE = 4
"""Times as many candidates as are wanted are looked at first: some may not be listed."""

FEW = 3
"""Times as many keys as are wanted that cost no more than to choose among them."""


@dataclass(frozen=True)
class KeyGroups:
    """Candidates by their key.

    Attributes:
        of_candidate: (n_candidates,) key of each candidate; each key has one at least.
        candidates: (n_candidates,) candidates by key, those of one key in their order.
        first: (n_keys,) place in `candidates` of each key's first.
        sizes: (n_keys,) number of candidates.
    """

    of_candidate: NDArray[np.int64]
    candidates: NDArray[np.int64]
    first: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, of_candidate: NDArray[np.int64]) -> KeyGroups:
        """The groups of candidates with these keys."""
        sizes = np.bincount(of_candidate)
        return cls(of_candidate, np.argsort(of_candidate, kind="stable"), np.cumsum(sizes) - sizes, sizes)

    def __len__(self) -> int:
        return len(self.sizes)

    def spread(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Candidates of each of some keys in turn, and how many each has."""
        times = self.sizes[keys]
        starts = np.repeat(self.first[keys] - (np.cumsum(times) - times), times)
        return self.candidates[starts + np.arange(len(starts))], times


@dataclass(frozen=True)
class KeyScores:
    """Scores that candidates share by a key.

    Attributes:
        of_candidate: (n_candidates,) key of each candidate.
        of_keys: Ranker to (n_users, n_keys) scores, or (1, n_keys) where they are the same for everybody.
    """

    of_candidate: NDArray[np.int64]
    of_keys: Mapping[str, NDArray[np.float32]]

    @cached_property
    def ranks(self) -> KeyScores:
        """Ranks among all candidates in place of scores: 1 and the candidates of a higher one, NaN for NaN."""
        return replace(self, of_keys={name: self._ranks(values) for name, values in self.of_keys.items()})

    def _ranks(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        missing = np.isnan(scores)
        low_first = np.where(missing, np.float32(np.inf), -scores)
        order = np.argsort(low_first, axis=1)
        ordered = np.take_along_axis(low_first, order, axis=1)
        sizes = np.bincount(self.of_candidate, minlength=scores.shape[1])[order]
        before = np.cumsum(sizes, axis=1) - sizes
        # Equal ones have the place of the first of them.
        before[:, 1:] *= ordered[:, 1:] != ordered[:, :-1]
        ranks = np.empty_like(scores)
        np.put_along_axis(ranks, order, np.maximum.accumulate(before, axis=1) + np.float32(1), axis=1)
        ranks[missing] = np.nan
        return ranks

    def of_pairs(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Each ranker's (n_pairs,) scores of people and candidates."""
        keys = self.of_candidate.take(cols)
        for name, values in self.of_keys.items():
            yield name, values.ravel().take(cells_of(values, rows, keys))


def cells_of(of_keys: NDArray[np.float32], rows: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_pairs,) place of each pair among the scores of a level; one row of these is everybody's."""
    return keys if len(of_keys) == 1 else rows * of_keys.shape[1] + keys


@dataclass(frozen=True)
class SummedScores:
    """Scores that add what a person has with the candidate's key to what everybody has with the candidate.

    Attributes:
        groups: Candidates by key.
        own: (n_users, n_keys) finite.
        shared: (n_candidates,) finite.
    """

    groups: KeyGroups
    own: NDArray[np.float32]
    shared: NDArray[np.float32]

    def dense(self) -> NDArray[np.float32]:
        """(n_users, n_candidates) sums."""
        return np.take(self.own, self.groups.of_candidate, axis=1) + self.shared

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
        rows, keys, left = self._likely(may, -(-SPARE * n * n_keys // len(self.shared)))
        cols, times = self.groups.spread(keys)
        own, rows = np.repeat(self.own.ravel().take(rows * n_keys + keys), times), np.repeat(rows, times)
        usable = np.flatnonzero(allowed.ravel().take(rows * allowed.shape[1] + cols))
        rows, cols = rows.take(usable), cols.take(usable)
        values = own.take(usable) + self.shared.take(cols)
        limits = _nth(rows, values, n, n_users)
        is_settled = (limits > left) | np.isneginf(left)
        least = limits.take(rows)
        kept = np.flatnonzero(is_settled.take(rows) & (values >= least))
        rows, cols = _less_ties(rows.take(kept), cols.take(kept), (values == least).take(kept), n)
        others = np.flatnonzero(~is_settled)
        of, found = self._best_of_all(others, may[others], allowed[others], n)
        return np.append(rows, others[of]), np.append(cols, found)

    def _likely(
        self, may: NDArray[np.bool_], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Rows and keys of each person's n best keys, less any that equal the next, and what none of the rest is above.

        Where people have few keys these are all of them, and nothing is left.
        """
        n_users, n_keys = may.shape
        left = np.full(n_users, -np.inf, dtype=np.float32)
        if np.count_nonzero(may) > FEW * n * n_users:
            greatest = np.maximum.reduceat(self.shared[self.groups.candidates], self.groups.first)
            most = np.where(may, self.own + greatest, np.float32(-np.inf))
            left = np.partition(most, n_keys - n - 1, axis=1)[:, n_keys - n - 1]
            may = most > left[:, None]
        rows, keys = np.divmod(np.flatnonzero(may), n_keys)
        return rows, keys, left

    def _best_of_all(
        self, users: NDArray[np.int64], may: NDArray[np.bool_], allowed: NDArray[np.bool_], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        whole = SummedScores(self.groups, self.own[users], self.shared).dense()
        lists = top_k(whole, allowed & np.take(may, self.groups.of_candidate, axis=1), n)
        rows, places = np.nonzero(lists != MISSING)
        return rows, lists[rows, places]


def _nth(rows: NDArray[np.int64], values: NDArray[np.float32], n: int, n_rows: int) -> NDArray[np.float32]:
    """(n_rows,) n-th greatest value of each row, -inf where it has fewer; `rows` ascends."""
    sizes = np.bincount(rows, minlength=n_rows)
    width = max(int(sizes.max(initial=0)), n)
    # Where there is nothing values differ and are below all others: among equals a partial sort is slow.
    table = np.tile(np.linspace(-2e38, -3e38, width, dtype=values.dtype), (n_rows, 1))
    # A row's values follow each other: they stand from where the row begins on.
    table.ravel()[np.arange(len(rows)) + np.repeat(np.arange(n_rows) * width - (np.cumsum(sizes) - sizes), sizes)] = (
        values
    )
    return np.where(sizes < n, np.float32(-np.inf), np.partition(table, width - n, axis=1)[:, width - n])


def _less_ties(
    rows: NDArray[np.int64], cols: NDArray[np.int64], is_last: NDArray[np.bool_], n: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs without those of the last equal ones of a row that are beyond n; the columns that come first stay."""
    room = n - np.bincount(rows[~is_last], minlength=int(rows.max(initial=-1)) + 1)
    last = np.flatnonzero(is_last)
    last = last[np.lexsort((cols[last], rows[last]))]
    place = np.arange(len(last)) - np.searchsorted(rows[last], rows[last])
    is_kept = ~is_last
    is_kept[last[place < room[rows[last]]]] = True
    kept = np.flatnonzero(is_kept)
    return rows.take(kept), cols.take(kept)
