"""Signals of a person's own past with the candidate's keys, and of everybody's."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.signals.catalogue import FAST_DAYS, SLOW_DAYS, Catalogue, KeyColumns
from features.signals.lookup import LEVELS, take_or_missing
from features.signals.people import UserBlock

Signals = dict[str, NDArray[np.floating[Any]]]


def own_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """How often and how lately the person was with each key of the candidate, and how often they could have been.

    `rate` is the decayed number of the person's bookings over the decayed number of the key's sessions.
    """
    events = block.events
    signals: Signals = {}
    fast, slow = events.decayed(FAST_DAYS), events.decayed(SLOW_DAYS)
    total = np.bincount(events.rows, slow, minlength=len(block))
    for level in LEVELS:
        columns = catalogue.levels[level]
        if columns.tells_nothing:
            continue
        places = take_or_missing(columns.place_of_key, events.keys(catalogue.lookup, level))
        key = columns.of_candidate[cols]
        groups = events.grouped(places, len(columns.keys))
        at = groups.at(rows, key)
        fast_sum, slow_sum = groups.sums(fast)[at], groups.sums(slow)[at]
        signals[f"own_{level}_count"] = groups.sums(np.ones(len(places)))[at]
        signals[f"own_{level}_fast"] = fast_sum
        signals[f"own_{level}_slow"] = slow_sum
        signals[f"own_{level}_share"] = _ratio(slow_sum, total[rows])
        # Oldest first: the last is the newest.
        days = groups.last(events.days)[at]
        signals[f"own_{level}_days"] = days
        signals[f"own_{level}_missed"] = columns.held_since(key, days)
        held_fast = np.append(columns.sessions_fast, 0.0)[key]
        held_slow = np.append(columns.sessions_slow, 0.0)[key]
        signals[f"own_{level}_rate"] = _ratio(fast_sum, held_fast + 0.1)
        signals[f"own_{level}_rate_slow"] = _ratio(slow_sum, held_slow + 0.1)
    return signals


def person_signals(block: UserBlock, rows: NDArray[np.int64]) -> Signals:
    """How active the person is, whatever the candidate."""
    events = block.events
    n = len(block)
    last = np.full(n, np.nan)
    last[events.rows] = events.days  # Oldest first: the newest stays.
    first = np.full(n, np.nan)
    first[events.rows[::-1]] = events.days[::-1]
    return {
        "person_events": np.bincount(events.rows, minlength=n).astype(np.float64)[rows],
        "person_fast": np.bincount(events.rows, events.decayed(FAST_DAYS), minlength=n)[rows],
        "person_slow": np.bincount(events.rows, events.decayed(SLOW_DAYS), minlength=n)[rows],
        "person_last_days": last[rows],
        "person_first_days": first[rows],
    }


def crowd_signals(catalogue: Catalogue, cols: NDArray[np.int64]) -> Signals:
    """What everybody's past says of the candidate's keys: bookings a session, growth, loyalty, rivals."""
    signals: Signals = {}
    for level in LEVELS:
        columns = catalogue.levels[level]
        if columns.tells_nothing:
            continue
        signals |= {f"crowd_{level}_{name}": _of(columns, values, cols) for name, values in _crowd(columns).items()}
    return signals


def _crowd(columns: KeyColumns) -> dict[str, NDArray[np.float64]]:
    fast = _ratio(columns.taken_fast, columns.sessions_fast + 0.05)
    slow = _ratio(columns.taken_slow, columns.sessions_slow + 0.05)
    return {
        "fast": fast,
        "slow": slow,
        "growth": _ratio(fast, slow + 0.05),
        "users": columns.n_users,
        "loyalty": _ratio(columns.taken_slow, columns.n_users + 1.0),
        "sessions": columns.sessions_slow,
        "open": columns.n_open,
    }


def _of(columns: KeyColumns, values: NDArray[np.float64], cols: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.append(values, np.nan)[columns.of_candidate[cols]]


def _ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)
