"""All signals of pairs of a person and a candidate: the one computation behind training, batch and HTTP."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.catalogue import Catalogue
from features.signals.learned.pulled import pull_signals
from features.signals.learned.shortlist import Shortlist, rank_signals
from features.signals.learned.stage_one import FirstStage
from features.signals.own.company import company_signals, title_signals
from features.signals.own.habits import day_signals, habit_signals
from features.signals.own.history import own_signals, person_signals
from features.signals.own.likeness import likeness_signals
from features.signals.own.nearness import place_signals, profile_signals
from features.signals.own.shown import shown_signals
from features.signals.people import UserBlock


def pair_signals(
    catalogue: Catalogue,
    block: UserBlock,
    scores: FirstStage,
    allowed: NDArray[np.bool_],
    listed: Shortlist,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
) -> Signals:
    """Signals by name, each float32 of shape (n_pairs,); NaN where unknown.

    Args:
        catalogue: Candidates.
        block: People.
        scores: Of the first stage.
        allowed: (n_users, n_candidates) what may be offered: rivals are these alone.
        listed: Pairs that go on to the second stage: ranks are among these.
        rows: (n_pairs,) person.
        cols: (n_pairs,) candidate.
    """
    signals: Signals = {name: values.take(cols) for name, values in catalogue.candidate_signals.items()}
    signals |= scores.of_pairs(rows, cols)
    signals |= rank_signals(scores, listed, rows, cols)
    signals |= day_signals(catalogue, scores.own, allowed, rows, cols)
    signals |= person_signals(block, rows)
    signals |= own_signals(catalogue, block, rows, cols)
    signals |= likeness_signals(catalogue.likeness, block.events, rows, cols)
    signals |= habit_signals(catalogue, block, rows, cols)
    signals |= company_signals(catalogue, block, rows, cols)
    signals |= title_signals(catalogue, block, rows, cols)
    signals |= shown_signals(catalogue, block, rows, cols)
    signals |= place_signals(catalogue, block, rows, cols)
    signals |= pull_signals(scores.pulled, block, rows, cols, signals)
    signals |= profile_signals(catalogue, block, rows, cols)
    return {name: values.astype(np.float32, copy=False) for name, values in signals.items()}
