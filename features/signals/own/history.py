"""Signals of a person's own past with the candidate's keys, and of everybody's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals, ratio
from features.signals.candidates.keys import FAST_DAYS, SLOW_DAYS
from features.signals.catalogue import Catalogue
from features.signals.known.lookup import LEVELS, take_or_missing
from features.signals.people import UserBlock

TURN_LEVELS = ("series", "organiser", "weekday")
"""Levels on which people come in turns: every week, every other, once a month."""

NAN_WITHOUT_PAST = ("days", "missed", "interval")
"""What is unknown, not 0, where the person was never with the key."""


def own_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """(n_pairs,): how often and lately the person was with each key of the candidate, and could have been.

    `rate` is the decayed number of the person's bookings over the decayed number of the key's sessions, `interval` the
    mean days between two of their bookings, `due` the days from the last one to the candidate, in intervals.
    """
    events = block.events
    signals: Signals = {}
    fast, slow = events.decayed(FAST_DAYS), events.decayed(SLOW_DAYS)
    total = np.bincount(events.rows, slow, minlength=len(block))
    lead_days = catalogue.facts["lead_days"].take(cols)
    for level in LEVELS:
        columns = catalogue.levels[level]
        if columns.tells_nothing:
            continue
        places = take_or_missing(columns.place_of_key, events.keys(catalogue.lookup, level))
        groups = events.grouped(places, len(columns.keys))
        person, key = np.divmod(groups.codes, max(len(columns.keys), 1))
        fast_sum, slow_sum = groups.sums(fast)[:-1], groups.sums(slow)[:-1]
        # Oldest first: the last is the newest.
        days = groups.last(events.days)[:-1]
        found = {
            "count": groups.sums(np.ones(len(places)))[:-1],
            "fast": fast_sum,
            "slow": slow_sum,
            "share": ratio(slow_sum, total[person]),
            "days": days,
            "missed": columns.held_since(key, days),
            "rate": ratio(fast_sum, columns.sessions_fast[key] + 0.1),
            "rate_slow": ratio(slow_sum, columns.sessions_slow[key] + 0.1),
        }
        if level in TURN_LEVELS:
            found["interval"] = intervals(groups.first(events.days)[:-1], days, found["count"])
        # Most people were never with most keys: what says so stands last, for all of them.
        at = groups.at(rows, columns.of_candidate.take(cols))
        told = np.array([[np.nan if name in NAN_WITHOUT_PAST else 0.0] for name in found], dtype=np.float32)
        told = np.repeat(told, len(groups.codes) + 1, axis=1)
        told[:, :-1] = list(found.values())
        signals |= {f"own_{level}_{name}": values.take(at) for name, values in zip(found, told, strict=True)}
        if level in TURN_LEVELS:
            since = signals[f"own_{level}_days"] + lead_days
            signals[f"own_{level}_due"] = since / signals[f"own_{level}_interval"]
    return signals


def intervals(first: NDArray[np.float64], last: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) mean days between events, NaN where all are of one instant.

    Args:
        first: (n,) days since the first event.
        last: (n,) days since the last.
        count: (n,) events.
    """
    return np.divide(first - last, count - 1, out=np.full(len(count), np.nan), where=(count > 1) & (first > last))


def person_signals(block: UserBlock, rows: NDArray[np.int64]) -> Signals:
    """(n_pairs,): how active the person is, whatever the candidate."""
    events = block.events
    n = len(block)

    def of_pairs(values: NDArray[Any]) -> NDArray[np.float32]:
        return values.astype(np.float32).take(rows)

    last = np.full(n, np.nan)
    last[events.rows] = events.days  # Oldest first: the newest stays.
    first = np.full(n, np.nan)
    first[events.rows[::-1]] = events.days[::-1]
    return {
        "person_events": of_pairs(np.bincount(events.rows, minlength=n)),
        "person_fast": of_pairs(np.bincount(events.rows, events.decayed(FAST_DAYS), minlength=n)),
        "person_slow": of_pairs(np.bincount(events.rows, events.decayed(SLOW_DAYS), minlength=n)),
        "person_last_days": of_pairs(last),
        "person_first_days": of_pairs(first),
    }
