"""Signals of company and of words: where those go whom the person has met, and titles like those of the past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.candidates.crowd import Signals
from features.signals.candidates.keys import SLOW_DAYS
from features.signals.catalogue import Catalogue
from features.signals.known.events import places_of_pairs
from features.signals.people import UserBlock


def company_signals(
    catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> Signals:
    """(n_pairs,): how much those met at past sessions are with the candidate's key; small sessions count more."""
    events = block.events
    signals: Signals = {}
    people = np.arange(len(block))
    sessions = np.where(events.sessions >= 0, events.sessions, -1)
    past = events.matrix(sessions, (len(block), len(catalogue.lookup.sessions)), events.decayed(SLOW_DAYS))
    total = np.bincount(events.rows, events.decayed(SLOW_DAYS), minlength=len(block)) + 0.1
    for level, company in catalogue.company.items():
        met = sparse.csr_array(past @ company)
        met.sort_indices()
        codes = np.repeat(people, np.diff(met.indptr)) * met.shape[1] + met.indices
        at = places_of_pairs(codes, met.shape[1], rows, catalogue.levels[level].of_candidate.take(cols))
        found = np.append(met.data, 0.0).take(at)
        signals[f"company_{level}"] = found
        signals[f"company_{level}_share"] = found / total.take(rows)
    return signals


def title_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """(n_pairs,): words in common with titles of the person's past, decayed: in sum and as a share of it."""
    events = block.events
    past = events.matrix(events.activities, (len(block), len(catalogue.lookup.activities)), events.decayed(SLOW_DAYS))
    total = np.bincount(events.rows, events.decayed(SLOW_DAYS), minlength=len(block))[rows]
    words = sparse.csr_array(past @ catalogue.words.activities)
    words.sort_indices()
    alike = np.asarray(words[rows].multiply(catalogue.words.candidates[cols]).sum(axis=1))
    return {"title_sum": alike, "title_share": alike / (total + 1e-9)}
