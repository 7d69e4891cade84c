"""Of what an organiser has held since a person first came, how much they came to where it was like the candidate.

An organiser's sessions differ in words and hours: who comes to its hikes may never come to its suppers. Counts by key
say how often a person was there; these say what of it was like this, and what to expect from all of it at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.candidates.keys import SLOW_DAYS
from features.signals.candidates.kriging import Alike, kriging_weights
from features.signals.known.hours import SAME_DAY, SAME_HOUR
from features.signals.known.lookup import Lookup
from features.signals.known.text import TitleWords
from recsys.instants import NS_PER_DAY

MOST_PAST = 200
"""Newest sessions of an organiser that a candidate is compared with."""

_LEAST = 0.05
"""Likeness of sessions that have nothing in common, in words and in the hour, which are multiplied."""
_LEAST_SAME = 0.02

FEW: Mapping[str, float] = {"both": 0.005, "lately": 0.005, "ever": 0.005, "same": 0.002}
"""Kinds of likeness, and how much of it must be held for what a person came to of it to count half.

All are of words and hour: `both`, `lately` and `ever` halve in their own days, `same` asks for the same words and hour.
"""
_HALF_LIFE_DAYS: Mapping[str, float] = {"both": SLOW_DAYS, "lately": 30.0, "ever": 365.0, "same": SLOW_DAYS}

KRIGING = "kriging"
"""Kind that holds the weights of `kriging_weights`."""


@dataclass(frozen=True)
class Likeness:
    """How much each candidate is like the past sessions of its organiser, and what they say of it.

    Attributes:
        organiser: (n_candidates,) organiser's place, -1 where it has no past.
        of_session: (n_sessions,) the same for past sessions that are compared with, -1 for others.
        age_rank: (n_sessions,) place among the organiser's, the newest first.
        start: (n_candidates,) where a candidate's row of values begins.
        values: Kind, of `FEW` or `KRIGING`, to the rows of all candidates, one after another, float32.
        held: The same, each the sum of a row so far.
    """

    organiser: NDArray[np.int64]
    of_session: NDArray[np.int64]
    age_rank: NDArray[np.int64]
    start: NDArray[np.int64]
    values: Mapping[str, NDArray[np.float32]]
    held: Mapping[str, NDArray[np.float32]]


def likeness_of(lookup: Lookup, session_nums: NDArray[np.int64], words: TitleWords, at_ns: int) -> Likeness:
    """Likeness of candidates to what their organisers held before an instant.

    Args:
        lookup: Sessions.
        session_nums: (n_candidates,) session rows of the candidates.
        words: Words of titles, candidates in the same order.
        at_ns: The instant in nanoseconds.
    """
    days = (at_ns - lookup.session_start) / NS_PER_DAY
    key = lookup.of_sessions["organiser"]
    keys, of_candidate = np.unique(key[session_nums], return_inverse=True)
    past = _newest(key, days, keys)
    of_session, age_rank = np.full(len(key), -1, dtype=np.int64), np.full(len(key), -1, dtype=np.int64)
    for place, sessions in enumerate(past):
        of_session[sessions], age_rank[sessions] = place, np.arange(len(sessions))
    rows = np.array([len(sessions) for sessions in past], dtype=np.int64)[of_candidate]
    start = np.cumsum(rows) - rows
    kinds = (*FEW, KRIGING)
    values = {kind: np.zeros(int(rows.sum()), dtype=np.float32) for kind in kinds}
    held = {kind: np.zeros(int(rows.sum()), dtype=np.float32) for kind in kinds}
    by_organiser = np.argsort(of_candidate, kind="stable")
    bounds = np.searchsorted(of_candidate[by_organiser], np.arange(len(keys) + 1))
    for place, sessions in enumerate(past):
        candidates = by_organiser[bounds[place] : bounds[place + 1]]
        if not len(sessions):
            continue
        at = start[candidates][:, None] + np.arange(len(sessions))
        nums = session_nums[candidates]
        to_past = _alike(lookup, words.candidates[candidates], nums, words, sessions)
        same_hour = SAME_HOUR[np.ix_(lookup.session_slot[nums], lookup.session_slot[sessions])]
        of_activities = words.activities[lookup.session_activity[sessions]]
        weights = kriging_weights(to_past, _alike(lookup, of_activities, sessions, words, sessions))
        for kind, row in (*_kinds(to_past, same_hour, days[sessions]).items(), (KRIGING, weights)):
            values[kind][at], held[kind][at] = row, np.cumsum(row, axis=1)
    return Likeness(np.where(rows > 0, of_candidate, -1), of_session, age_rank, start, values, held)


def _newest(key: NDArray[np.int64], days: NDArray[np.float64], keys: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Past sessions of each of some organisers (ascending), the newest first, at most `MOST_PAST`."""
    past = np.flatnonzero((days >= 0) & np.isin(key, keys))
    place = np.searchsorted(keys, key[past])
    order = np.lexsort((past, days[past], place))
    past, bounds = past[order], np.searchsorted(place[order], np.arange(len(keys) + 1))
    return [past[first:end][:MOST_PAST] for first, end in pairwise(bounds)]


def _alike(
    lookup: Lookup,
    of_rows: sparse.csr_array,
    row_nums: NDArray[np.int64],
    words: TitleWords,
    sessions: NDArray[np.int64],
) -> Alike:
    """How alike some sessions, with their words, are to some past ones."""
    activities, of_session = np.unique(lookup.session_activity[sessions], return_inverse=True)
    starts, others = (lookup.session_start[nums] / NS_PER_DAY for nums in (row_nums, sessions))
    return Alike(
        words=(of_rows @ words.activities[activities].T).toarray()[:, of_session],
        hour=SAME_DAY[np.ix_(lookup.session_slot[row_nums], lookup.session_slot[sessions])],
        days=np.abs(starts[:, None] - others),
    )


def _kinds(alike: Alike, same_hour: NDArray[np.float64], days: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """(n_candidates, n_sessions) likeness to past sessions by kind, halved with their age in days."""
    both = (alike.words + _LEAST) * (alike.hour + _LEAST)
    same = (alike.words**2 + _LEAST_SAME) * (same_hour + _LEAST_SAME)
    return {kind: (same if kind == "same" else both) * np.exp2(-days / _HALF_LIFE_DAYS[kind]) for kind in FEW}
