"""Which keys go together, and with which people: item-item weights over keys, coarser keys and profiles at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

MOST_PEOPLE = 20_000
"""People that weights are learned from at most, evenly drawn."""

MOST_GROUPS = 60
"""Groups of one grouping that are told apart at most, the largest ones."""

RIDGE = 5000.0
"""Ridge on the weights: people as many as this are needed for a key to weigh fully."""


@dataclass(frozen=True)
class Alikeness:
    """Linear weights from what a person did and is to each key.

    Attributes:
        columns: Grouping to (n_groups,) column of a group among the grouping's own, -1 where it has none.
        weights: (n_inputs, n_keys) float64; a key does not weigh on itself.
    """

    columns: Mapping[str, NDArray[np.int64]]
    weights: NDArray[np.float64]

    def scores(
        self, counts: Sequence[sparse.csr_array], groups: Mapping[str, NDArray[np.int64]]
    ) -> NDArray[np.float64]:
        """(n_users, n_keys) scores; they do not depend on who else is asked for.

        Args:
            counts: As for `alikeness_of`.
            groups: Grouping to (n_users,) group number, -1 where unknown.
        """
        total = np.zeros((counts[0].shape[0], self.weights.shape[1]))
        first = 0
        for matrix in counts:
            total += matrix.log1p() @ self.weights[first : first + matrix.shape[1]]
            first += matrix.shape[1]
        for name, of_group in self.columns.items():
            column = _column(of_group, groups[name])
            total += np.where(column[:, None] >= 0, self.weights[first + column], 0.0)
            first += _width(of_group)
        return total


def alikeness_of(counts: Sequence[sparse.csr_array], groups: Mapping[str, NDArray[np.int64]]) -> Alikeness:
    """Weights learned from everybody.

    Source: Steck 2019, Embarrassingly shallow autoencoders for sparse data, WWW; features of users as further items.

    Args:
        counts: Matrices (n_users, n_columns): the first of events by key, others of what else is known.
        groups: Grouping to (n_users,) group number, -1 where unknown.
    """
    n_users, n_keys = counts[0].shape
    columns = {name: _columns(values) for name, values in groups.items()}
    step = max(1, -(-n_users // MOST_PEOPLE))
    some = [sparse.csr_array(matrix[::step]) for matrix in counts]
    inputs = _inputs(some, {name: values[::step] for name, values in groups.items()}, columns)
    gram = np.asarray((inputs.T @ inputs).todense(), dtype=np.float64)
    gram[np.diag_indices_from(gram)] += RIDGE
    inverse = np.linalg.inv(gram)
    weights = -inverse[:, :n_keys] / np.diag(inverse)[:n_keys]
    weights[np.arange(n_keys), np.arange(n_keys)] = 0.0
    return Alikeness(columns, weights)


def _columns(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    sizes = np.bincount(groups[groups >= 0])
    columns = np.full(len(sizes), -1, dtype=np.int64)
    largest = np.argsort(-sizes, kind="stable")[:MOST_GROUPS]
    largest = largest[sizes[largest] > 0]
    columns[largest] = np.arange(len(largest))
    return columns


def _column(of_group: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_users,) column of each one's group, -1 where it has none."""
    return np.append(of_group, -1)[np.where(group < len(of_group), group, -1)]


def _width(of_group: NDArray[np.int64]) -> int:
    return int(of_group.max(initial=-1)) + 1


def _inputs(
    counts: Sequence[sparse.csr_array],
    groups: Mapping[str, NDArray[np.int64]],
    columns: Mapping[str, NDArray[np.int64]],
) -> sparse.csr_array:
    """(n_users, n_inputs): logarithms of the counts, then one column for each group."""
    parts = [matrix.log1p() for matrix in counts]
    for name, of_group in columns.items():
        column = _column(of_group, groups[name])
        rows = np.flatnonzero(column >= 0)
        shape = (len(column), _width(of_group))
        parts.append(sparse.csr_array((np.ones(len(rows)), (rows, column[rows])), shape=shape))
    inputs = sparse.csr_array(sparse.hstack(parts, format="csr"), dtype=np.float64)
    inputs.sort_indices()
    return inputs
