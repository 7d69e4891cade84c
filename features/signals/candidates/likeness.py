"""Of what an organiser has held since a person first came, how much they came to where it was like the candidate.

An organiser's sessions differ in words and hours: who comes to its hikes may never come to its suppers. Counts by key
say how often a person was there; these say what of it was like this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.keys import SLOW_DAYS
from features.signals.known.hours import SAME_DAY
from features.signals.known.lookup import Lookup
from features.signals.known.text import TitleWords
from recsys.instants import NS_PER_DAY

MOST_PAST = 200
"""Newest sessions of an organiser that a candidate is compared with."""

_LEAST = 0.05
"""Likeness of sessions that have nothing in common, where words and hour are multiplied."""
FEW: Mapping[str, float] = {"words": 0.05, "hour": 0.05, "both": 0.005}
"""Likeness held, beside which what was attended is little."""


@dataclass(frozen=True)
class Likeness:
    """How much each candidate is like the past sessions of its organiser, halved every `SLOW_DAYS`.

    Attributes:
        organiser: (n_candidates,) organiser's place, -1 where it has no past.
        of_session: (n_sessions,) the same for past sessions that are compared with, -1 for others.
        age_rank: (n_sessions,) place among the organiser's, the newest first.
        start: (n_candidates,) where a candidate's row of values begins.
        values: Kind of likeness to the rows of all candidates, one after another, float32.
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
    values = {kind: np.zeros(int(rows.sum()), dtype=np.float32) for kind in FEW}
    held = {kind: np.zeros(int(rows.sum()), dtype=np.float32) for kind in FEW}
    by_organiser = np.argsort(of_candidate, kind="stable")
    bounds = np.searchsorted(of_candidate[by_organiser], np.arange(len(keys) + 1))
    for place, sessions in enumerate(past):
        candidates = by_organiser[bounds[place] : bounds[place + 1]]
        at = start[candidates][:, None] + np.arange(len(sessions))
        for kind, alike in _alike(lookup, words, candidates, session_nums[candidates], sessions).items():
            alike = alike * np.exp2(-days[sessions] / SLOW_DAYS)
            values[kind][at], held[kind][at] = alike, np.cumsum(alike, axis=1)
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
    words: TitleWords,
    candidates: NDArray[np.int64],
    session_nums: NDArray[np.int64],
    sessions: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """(n_candidates, n_sessions) likeness of one organiser's candidates and past sessions, by kind."""
    activities, of_session = np.unique(lookup.session_activity[sessions], return_inverse=True)
    by_words = (words.candidates[candidates] @ words.activities[activities].T).toarray()[:, of_session]
    by_hour = SAME_DAY[np.ix_(lookup.session_slot[session_nums], lookup.session_slot[sessions])]
    return {"words": by_words, "hour": by_hour, "both": (by_words + _LEAST) * (by_hour + _LEAST)}
