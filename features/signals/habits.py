"""Signals of when people go: the person's hours of the week, and the candidate's place among its organiser's."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.signals.catalogue import Catalogue
from features.signals.crowd import Signals
from features.signals.keys import SLOW_DAYS
from features.signals.lookup import take_or_missing
from features.signals.people import UserBlock
from recsys.ranking import KeyScores

_HOURS = 168
RIVAL_HOURS = 3.0
"""Sessions that start within so many hours of each other compete for a person."""


def _kernels() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(168, 168) nearness of two hours of the week: on the same weekday, and on any."""
    hour, day = np.arange(_HOURS) % 24, np.arange(_HOURS) // 24
    apart = np.abs(hour[:, None] - hour[None, :])
    near = np.exp(-0.5 * (np.minimum(apart, 24 - apart) / 1.5) ** 2)
    return near * (day[:, None] == day[None, :]), near


_SAME_DAY, _ANY_DAY = _kernels()


def habit_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """Share of the person's past near the candidate's hour, on its weekday and on any, and on its weekday at all."""
    events = block.events
    slots = take_or_missing(catalogue.lookup.session_slot, events.sessions)
    past = events.matrix(slots, (len(block), _HOURS), events.decayed(SLOW_DAYS))
    total = np.asarray(past.sum(axis=1)).ravel()
    mine = catalogue.lookup.session_slot[catalogue.session_nums][cols]
    by_day = past.toarray().reshape(len(block), 7, 24).sum(axis=2)
    below = total[rows] + 1e-9
    has_past = total[rows] > 0
    return {
        "habit_slot": np.where(has_past, (past @ _SAME_DAY)[rows, mine] / below, np.nan),
        "habit_hour": np.where(has_past, (past @ _ANY_DAY)[rows, mine] / below, np.nan),
        "habit_weekday": np.where(has_past, by_day[rows, mine // 24] / below, np.nan),
    }


def day_signals(
    catalogue: Catalogue,
    own: KeyScores,
    allowed: NDArray[np.bool_],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
) -> Signals:
    """The candidate's share of the affinity with all that starts within hours of it: few go to two."""
    affinity = np.nan_to_num(own.of_keys["affinity"], nan=0.0)
    if not len(rows):
        return {"rival_near_share": np.zeros(0)}
    order, starts = catalogue.sessions.by_start
    times, first = np.unique(starts, return_index=True)
    at = np.searchsorted(times, catalogue.sessions.starts[cols])
    filled = np.take(affinity, own.of_candidate[order], axis=1)
    np.copyto(filled, 0.0, where=~np.take(allowed, order, axis=1))
    at_time = np.add.reduceat(filled, first, axis=1)
    sums = np.cumsum(np.pad(at_time, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    hours = times / 3.6e12
    before, after = np.searchsorted(hours, hours - RIVAL_HOURS), np.searchsorted(hours, hours + RIVAL_HOURS, "right")
    near = sums[rows, after[at]] - sums[rows, before[at]]
    own_score = np.where(allowed[rows, cols], affinity[rows, own.of_candidate[cols]], 0.0).astype(np.float64)
    return {"rival_near_share": np.divide(own_score, near, out=np.zeros(len(rows)), where=near > 1e-9)}
