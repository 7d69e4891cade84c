"""Signals of what was shown: passed over by the person, or opened by everybody who saw it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.candidates.keys import KeyColumns
from features.signals.catalogue import Catalogue
from features.signals.known.events import Events
from features.signals.known.lookup import take_or_missing
from features.signals.people import UserBlock

SHOWN_LEVELS = ("activity", "programme", "theme")
HALF_LIFE_DAYS = 30.0


def shown_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """(n_pairs,): how often each key was shown to the person, decayed, beyond what they then opened or booked.

    NaN for people who were never shown anything: a platform without impressions, or a person who does not look.
    """
    shown, events = block.shown, block.events
    total = np.bincount(shown.rows, minlength=len(block)).astype(np.float64)
    total[total == 0] = np.nan
    signals: Signals = {"shown_all": total.take(rows)}
    known = np.flatnonzero(~np.isnan(signals["shown_all"]))
    rows, cols = rows[known], cols[known]
    for level in SHOWN_LEVELS:
        columns = catalogue.levels[level]
        if not len(columns.keys):
            continue
        key = columns.of_candidate[cols]
        n_shown = _counts(catalogue, shown, level, columns, rows, key)
        passed = n_shown - _counts(catalogue, events, level, columns, rows, key)
        for name, values in ((f"shown_{level}", n_shown), (f"shown_{level}_passed", passed)):
            signals[name] = np.full(len(signals["shown_all"]), np.nan)
            signals[name][known] = values
    return signals


def _counts(
    catalogue: Catalogue,
    events: Events,
    level: str,
    columns: KeyColumns,
    rows: NDArray[np.int64],
    keys: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(n_pairs,) decayed number of the person's events with the key, 0 for no key."""
    places = take_or_missing(columns.place_of_key, events.keys(catalogue.lookup, level))
    groups = events.grouped(places, len(columns.keys))
    return groups.sums(np.exp2(-events.days / HALF_LIFE_DAYS))[groups.at(rows, keys)]
