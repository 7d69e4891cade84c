"""What explains a figure that is many times the usual one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.counts import is_stated
from recsys.dataset import Dataset, places_among
from recsys.schema import TAKING_STATUSES
from recsys.sums import sums_by

OUTLIER_RATIO = 25.0
"""Above so many times what is usual of its category a figure is a slip of the pen, unless its capacity explains it."""

PARTY_RATIO = 10.0
"""A booking for more than so many times the usual party is one too, unless others are for as many and they fit in."""

_SEEN_OFTEN = 3


def largest_party(parties: NDArray[np.float64]) -> float:
    """Places that one booking can be taken to be for: as many as three are for, or ten times the median party.

    >>> largest_party(np.array([1.0, 1, 2, 1, 10_000]))
    10.0
    >>> largest_party(np.array([1.0] * 20 + [45, 40, 50, 10_000]))
    45.0
    """
    third = float(np.sort(parties)[-_SEEN_OFTEN]) if len(parties) >= _SEEN_OFTEN else 0.0
    return max(usual_party(parties), third)


def usual_party(parties: NDArray[np.float64]) -> float:
    """Places that one booking may be for whatever others are for: ten times the median party; no end without any."""
    return float(np.floor(PARTY_RATIO * np.median(parties))) if len(parties) else float("inf")


def plausible(
    people: NDArray[np.float64], session: NDArray[np.int64], category: NDArray[np.int64], capacity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_bookings,) people of each booking, slips of the pen cut: else one party stands for all that anybody wants.

    Nobody asks for more places than `largest_party` nor than the session states, nor for `OUTLIER_RATIO` times the
    people of the category's median session, unless at least three sessions of the category state as many places.

    Args:
        people: As the platform tells them.
        session: (n_bookings,) rows.
        category: (n_sessions,) rows.
        capacity: (n_sessions,) places.
    """
    stated = np.where(is_stated(capacity), capacity, np.nan)
    asked = sums_by(session, people, len(category))
    by_category = pd.Series(np.where(asked > 0, asked, np.nan)).groupby(category)
    usual = by_category.transform("median").to_numpy(dtype=np.float64)
    most = np.fmin(stated, np.fmax(OUTLIER_RATIO * usual, stated_often(category, stated)))
    return np.asarray(np.fmin(np.minimum(people, largest_party(people)), most[session]))


def without_giant_parties(
    dataset: Dataset,
    session_ids: pd.Series,
    category: NDArray[np.int64],
    capacity: NDArray[np.float64],
    is_past: NDArray[np.bool_],
) -> tuple[Dataset, NDArray[np.float64]]:
    """The data set in which bookings of past sessions are for usual or `plausible` parties, and what was cut off.

    Args:
        dataset: What is known.
        session_ids: Ids without repeats.
        category: (n_sessions,) rows.
        capacity: (n_sessions,) places.
        is_past: (n_sessions,) whose bookings are looked at, on waiting lists too.

    Returns:
        The data set and (n_sessions,) places taken beyond what is left.
    """
    bookings = dataset.bookings
    row = places_among(bookings["session_id"], session_ids)
    at = np.flatnonzero(row >= 0)
    row, stated = row[at], bookings["party_size"].to_numpy(dtype=np.float64)[at]
    most = usual_party(stated)
    is_giant = is_past[row] & (stated > most)
    if not is_giant.any():
        return dataset, np.zeros(len(session_ids))
    left = np.where(is_giant, np.fmax(plausible(stated, row, category, capacity), most), stated)
    sizes = bookings["party_size"].to_numpy(copy=True)
    sizes[at] = left
    is_taking = bookings["status"].isin(TAKING_STATUSES).to_numpy(dtype=bool)[at]
    unexplained = sums_by(row, np.where(is_taking, stated - left, 0.0), len(session_ids))
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
