"""Signals of when people go: the person's hours of the week, and the candidate's place among its organiser's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.candidates.keys import SLOW_DAYS
from features.signals.catalogue import Catalogue
from features.signals.known.hours import ANY_DAY, HOURS_A_WEEK, SAME_DAY
from features.signals.known.lookup import take_or_missing
from features.signals.people import UserBlock
from recsys.ranking.key_scores import KeyScores

RIVAL_HOURS = 3.0
"""Sessions that start within so many hours of each other compete for a person."""

PEOPLE_AT_ONCE = 64
"""People whose rivals are added up together."""


def habit_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """(n_pairs,): share of the past near the candidate's hour, on its weekday and on any, and on its weekday at all."""
    events = block.events
    slots = take_or_missing(catalogue.lookup.session_slot, events.sessions)
    past = events.matrix(slots, (len(block), HOURS_A_WEEK), events.decayed(SLOW_DAYS))
    total = np.bincount(events.rows[slots >= 0], events.decayed(SLOW_DAYS)[slots >= 0], minlength=len(block))
    mine = catalogue.lookup.session_slot[catalogue.session_nums].take(cols)
    by_day = past.toarray().reshape(len(block), 7, 24).sum(axis=2)
    hours = rows * HOURS_A_WEEK + mine

    def share(of_people: NDArray[np.float64], cells: NDArray[np.int64]) -> NDArray[np.float32]:
        shares = of_people / (total + 1e-9)[:, None]
        shares[~(total > 0)] = np.nan
        return shares.astype(np.float32).ravel().take(cells)

    return {
        "habit_slot": share(past @ SAME_DAY, hours),
        "habit_hour": share(past @ ANY_DAY, hours),
        "habit_weekday": share(by_day, hours // 24),
    }


def day_signals(
    catalogue: Catalogue,
    own: KeyScores,
    allowed: NDArray[np.bool_],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
) -> Signals:
    """(n_pairs,): the candidate's share of the affinity with all that starts within hours of it: few go to two."""
    affinity = np.nan_to_num(own.of_keys["affinity"], nan=0.0)
    times, of_session, starting = catalogue.sessions.by_time
    sums = np.zeros((len(allowed), len(times) + 1))
    # Candidates by people: what is taken and added up are rows of people, who stay in a processor's cache.
    for start in range(0, len(allowed), PEOPLE_AT_ONCE):
        people = slice(start, start + PEOPLE_AT_ONCE)
        of_candidates = np.take(np.ascontiguousarray(affinity[people].T), own.of_candidate, axis=0)
        of_candidates *= np.ascontiguousarray(allowed[people].T)
        sums[people, 1:] = (starting @ of_candidates).T
    np.cumsum(sums, axis=1, out=sums)
    hours = times / 3.6e12
    before, after = np.searchsorted(hours, hours - RIVAL_HOURS), np.searchsorted(hours, hours + RIVAL_HOURS, "right")
    first = rows * sums.shape[1]
    near = sums.ravel().take(first + after[of_session].take(cols))
    near -= sums.ravel().take(first + before[of_session].take(cols))
    may = allowed.ravel().take(rows * allowed.shape[1] + cols)
    scores = affinity.ravel().take(rows * affinity.shape[1] + own.of_candidate.take(cols))
    own_score = np.where(may, scores, 0.0).astype(np.float64)
    return {"rival_near_share": np.divide(own_score, near, out=np.zeros(len(rows)), where=near > 1e-9)}
