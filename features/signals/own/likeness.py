"""Signals of how much the person came to what was like the candidate, of what its organiser has held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.candidates.likeness import FEW, Likeness
from features.signals.known.events import Events
from features.signals.known.lookup import take_or_missing


def likeness_signals(likeness: Likeness, events: Events, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """Likeness of the candidate to what the person came to, in sum and of all held since they first came.

    0 for who never came to the organiser.
    """
    past = take_or_missing(likeness.of_session, events.sessions)
    groups = events.grouped(np.where(events.is_taking, past, -1), int(likeness.organiser.max(initial=-1)) + 1)
    group = groups.at(rows, likeness.organiser[cols])
    known = np.flatnonzero(group < len(groups.codes))
    group = group[known]
    came = groups.kept[np.argsort(groups.of_kept, kind="stable")]
    sizes = np.bincount(groups.of_kept, minlength=len(groups.codes))
    firsts = np.cumsum(sizes) - sizes
    oldest = np.zeros(len(groups.codes), dtype=np.int64)
    np.maximum.at(oldest, groups.of_kept, likeness.age_rank[events.sessions[groups.kept]])
    n_events = sizes[group]
    pair = np.repeat(np.arange(len(known)), n_events)
    offset = np.arange(len(pair)) - np.repeat(np.cumsum(n_events) - n_events, n_events)
    age_rank = likeness.age_rank[events.sessions[came[firsts[group][pair] + offset]]]
    start = likeness.start[cols[known]]
    signals: Signals = {}
    for kind, few in FEW.items():
        total, share = np.zeros(len(rows)), np.zeros(len(rows))
        total[known] = np.bincount(pair, likeness.values[kind][start[pair] + age_rank], minlength=len(known))
        share[known] = total[known] / (likeness.held[kind][start + oldest[group]] + few)
        signals |= {f"own_organiser_{kind}_sum": total, f"own_organiser_{kind}_rate": share}
    return signals
