"""Entries that belong to rows, as many to each as there are: what some of the rows hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def entries_of(rows: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n_found,) places of the wanted rows' entries, and (n_found,) which of the wanted each is of.

    One wanted row after the other, each with its entries in their order; a row that is wanted twice comes twice.

    >>> [part.tolist() for part in entries_of(np.array([0, 2, 0]), np.array([2, 0, 1, 0]))]
    [[1, 0, 2, 0, 2], [0, 1, 1, 3, 3]]

    Args:
        rows: (n_entries,) row of each entry, in any order.
        wanted: (n_wanted,) rows.
    """
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    firsts = np.searchsorted(ordered, wanted)
    sizes = np.searchsorted(ordered, wanted, side="right") - firsts
    of = np.repeat(np.arange(len(wanted)), sizes)
    places = np.arange(len(of)) + np.repeat(firsts - (np.cumsum(sizes) - sizes), sizes)
    return order[places], of
