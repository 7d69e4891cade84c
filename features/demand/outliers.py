"""What explains a figure that is many times the usual one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import Dataset, places_among
from recsys.schema import TAKING_STATUSES

OUTLIER_RATIO = 25.0
"""Above so many times what is usual of its category a figure is a slip of the pen, unless its capacity explains it."""

PARTY_RATIO = 10.0
"""A booking for more than so many times the usual party is one too, unless others are for as many."""

_SEEN_OFTEN = 3


def largest_party(parties: NDArray[np.float64]) -> float:
    """Places that one booking can be taken to be for: as many as three are for, or ten times the median party.

    >>> largest_party(np.array([1.0, 1, 2, 1, 10_000]))
    10.0
    >>> largest_party(np.array([1.0] * 20 + [45, 40, 50, 10_000]))
    45.0
    """
    if not len(parties):
        return float("inf")
    third = float(np.sort(parties)[-_SEEN_OFTEN]) if len(parties) >= _SEEN_OFTEN else 0.0
    return max(float(np.floor(PARTY_RATIO * np.median(parties))), third)


def without_giant_parties(
    dataset: Dataset, session_ids: pd.Series, is_past: NDArray[np.bool_]
) -> tuple[Dataset, NDArray[np.float64]]:
    """The data set in which no booking of a past session is for more than `largest_party`, and what was cut off.

    Args:
        dataset: What is known.
        session_ids: Ids without repeats.
        is_past: (n_sessions,) whose bookings are looked at.

    Returns:
        The data set and (n_sessions,) places taken beyond what is left.
    """
    bookings = dataset.bookings
    most = largest_party(bookings["party_size"].to_numpy(dtype=np.float64))
    giant = bookings[bookings["party_size"] > most]
    row = places_among(giant["session_id"], session_ids)
    # The last, of bookings of no such session, is false.
    is_cut = np.append(is_past, False)[row]
    giant, row = giant[is_cut], row[is_cut]
    if giant.empty:
        return dataset, np.zeros(len(session_ids))
    taken = np.where(giant["status"].isin(TAKING_STATUSES), giant["party_size"] - most, 0.0)
    sizes = bookings["party_size"].where(~bookings.index.isin(giant.index), most)
    unexplained = np.bincount(row, weights=taken, minlength=len(session_ids)).astype(np.float64)
    return replace(dataset, bookings=bookings.assign(party_size=sizes)), unexplained


def stated_often(category: NDArray[np.int64], capacity: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_sessions,) places that at least three sessions of each one's category state; 0 where fewer state any.

    Args:
        category: (n_sessions,) row.
        capacity: (n_sessions,) places, NaN where none are stated.
    """
    by_category = pd.Series(np.nan_to_num(capacity)).groupby(category)
    third = by_category.transform(lambda one: one.nlargest(_SEEN_OFTEN).iloc[_SEEN_OFTEN - 1 :].max())
    return third.fillna(0.0).to_numpy(dtype=np.float64)
