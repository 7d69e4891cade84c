"""Signals of a candidate alone, whoever asks: what everybody's past says of its keys, and its rivals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.keys import KeyColumns
from features.signals.known.lookup import LEVELS

Signals = dict[str, NDArray[np.floating[Any]]]


def crowd_signals(levels: Mapping[str, KeyColumns]) -> Signals:
    """Bookings a session, growth, loyalty and rivals of each candidate's keys, (n_candidates,) each."""
    return {
        f"crowd_{level}_{name}": np.append(values, np.nan)[levels[level].of_candidate]
        for level in LEVELS
        if not levels[level].tells_nothing
        for name, values in _crowd(levels[level]).items()
    }


def _crowd(columns: KeyColumns) -> dict[str, NDArray[np.float64]]:
    fast = ratio(columns.taken_fast, columns.sessions_fast + 0.05)
    slow = ratio(columns.taken_slow, columns.sessions_slow + 0.05)
    return {
        "fast": fast,
        "slow": slow,
        "growth": ratio(fast, slow + 0.05),
        "users": columns.n_users,
        "loyalty": ratio(columns.taken_slow, columns.n_users + 1.0),
        "sessions": columns.sessions_slow,
        "open": columns.n_open,
    }


def rival_signals(levels: Mapping[str, KeyColumns], starts: NDArray[np.int64]) -> Signals:
    """(n_candidates,) each: place in time among those of its organiser and series, and how many share its hour."""
    signals: Signals = {}
    for level in ("organiser", "series"):
        key = levels[level].of_candidate
        order = np.lexsort((starts, key))
        first = np.searchsorted(key[order], key[order], side="left")
        place = np.empty(len(key))
        place[order] = np.arange(len(key)) - first
        signals[f"rival_{level}_before"] = place
    _, same_hour, counts = np.unique(starts, return_inverse=True, return_counts=True)
    return signals | {"rival_same_hour": counts[same_hour].astype(np.float64)}


def ratio(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """Quotients, broadcast, 0 where what is below is not above 0."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)
