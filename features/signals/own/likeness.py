"""Signals of how much the person came to what was like the candidate, of what its organiser has held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.candidates.likeness import FEW, KRIGING, Likeness
from features.signals.known.events import Events
from features.signals.known.lookup import take_or_missing
from recsys.shrinkage import shrunk
from recsys.sums import sums_by

_USUAL, _HELD = 0.075, 4.0
"""Share of an organiser's sessions that everybody is taken to come to, as if so many had been held before the first."""

NAN_WITHOUT_PAST = ("attendance", "expected")
"""What is unknown, not 0, where the person never came to the organiser."""


def likeness_signals(likeness: Likeness, events: Events, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """Likeness of the candidate to what the person came to, of all held since they first came, and what to expect.

    `attendance` is the share of all sessions held since, `rate` that of sessions like the candidate by kind of
    likeness, `expected` what the attendance of each tells of the candidate's (`features.signals.candidates.kriging`).
    For who never came to the organiser these two are NaN and the others 0.
    """
    came = _came(likeness, events, rows, cols)
    total = {
        kind: sums_by(came.of_pair, values[came.cells], len(came.known)) for kind, values in likeness.values.items()
    }
    held = {kind: values[came.until] for kind, values in likeness.held.items()}
    mean = shrunk(came.n_came, came.n_held, _HELD, _USUAL)
    found = {f"{kind}_rate": shrunk(total[kind], held[kind], few, mean) for kind, few in FEW.items()}
    found |= {
        "both_sum": total["both"],
        "attendance": mean,
        "expected": mean + total[KRIGING] - mean * held[KRIGING],
    }
    signals: Signals = {}
    for name, values in found.items():
        of_pairs = np.full(len(rows), np.nan if name in NAN_WITHOUT_PAST else 0.0)
        of_pairs[came.known] = values
        signals[f"own_organiser_{name}"] = of_pairs
    return signals


@dataclass(frozen=True)
class _Came:
    """What people came to of what the candidate's organiser has held.

    Attributes:
        known: (n_known,) pairs of those who came to the candidate's organiser before.
        n_came: (n_known,) times that they came.
        n_held: (n_known,) sessions that it held since they first came.
        until: (n_known,) cell of the values of likeness where the session that they first came to stands.
        of_pair: (n_cells,) place in `known` of each time that somebody came.
        cells: (n_cells,) cell where the session stands.
    """

    known: NDArray[np.int64]
    n_came: NDArray[np.int64]
    n_held: NDArray[np.int64]
    until: NDArray[np.int64]
    of_pair: NDArray[np.int64]
    cells: NDArray[np.int64]


def _came(likeness: Likeness, events: Events, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> _Came:
    past = take_or_missing(likeness.of_session, events.sessions)
    groups = events.grouped(np.where(events.is_taking, past, -1), int(likeness.organiser.max(initial=-1)) + 1)
    group = groups.at(rows, likeness.organiser.take(cols))
    known = np.flatnonzero(group < len(groups.codes))
    group = group[known]
    came = groups.kept[np.argsort(groups.of_kept, kind="stable")]
    sizes = np.bincount(groups.of_kept, minlength=len(groups.codes))
    firsts = np.cumsum(sizes) - sizes
    oldest = np.zeros(len(groups.codes), dtype=np.int64)
    np.maximum.at(oldest, groups.of_kept, likeness.age_rank[events.sessions[groups.kept]])
    n_came = sizes[group]
    of_pair = np.repeat(np.arange(len(known)), n_came)
    offset = np.arange(len(of_pair)) - np.repeat(np.cumsum(n_came) - n_came, n_came)
    age_rank = likeness.age_rank[events.sessions[came[firsts[group][of_pair] + offset]]]
    start = likeness.start[cols[known]]
    return _Came(known, n_came, oldest[group] + 1, start + oldest[group], of_pair, start[of_pair] + age_rank)
