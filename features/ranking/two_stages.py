"""Scores of both stages: the first stage's best go on, the second stage orders them, the rest follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.ranking.model import RankingModel
from features.signals.candidates.crowd import Signals
from features.signals.catalogue import Catalogue
from features.signals.learned.shortlist import Shortlist
from features.signals.learned.stage_one import FirstStage, blend, booked_organisers, discovery, stage_one
from features.signals.pairs import pair_signals
from features.signals.people import UserBlock
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.ranking.key_scores import SummedScores
from recsys.ranking.top_k import MISSING, taken, top_k

N_KNOWN = 60
N_NEW = 80
"""Candidates a person that the second stage orders: of organisers booked before, and of others."""

UNSEEN = -1.0
"""No candidate that the second stage left out has a higher score."""

STAGE_ONE_WEIGHTS: Mapping[str, float] = {"affinity": 1.0, "ease": 0.3, "item-knn": 0.2, "als": 0.2, "popularity": 0.1}
"""Weights of the blend that chooses among known organisers, and that stands in where there is no second stage."""


def offered(catalogue: Catalogue, block: UserBlock, wanted: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """(n_users, n_candidates) what may be listed: offered, wanted, and the earliest session of its activity."""
    allowed = may_be_offered(catalogue.sessions, block.people)
    if wanted is not None:
        allowed &= wanted
    return earliest_of_each_activity(catalogue.sessions, allowed)


@dataclass(frozen=True)
class BlockScores:
    """Scores of a block of people: the shortlisted pairs' own, and those by which the others follow.

    Attributes:
        first: Of the first stage, blended.
        rows: (n_pairs,) person of each pair that the second stage saw, ascending; none without a second stage.
        cols: (n_pairs,) its candidate, ascending within a person.
        values: (n_pairs,) its score.
        is_re_ranked: Whether there is a second stage.
        signals: Name to (n_pairs,) what the second stage saw.
    """

    first: SummedScores
    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    values: NDArray[np.float64]
    is_re_ranked: bool
    signals: Signals = field(default_factory=dict)

    def dense(self) -> NDArray[np.float64]:
        """(n_users, n_candidates) scores; what the second stage did not see is below what it saw."""
        scores = self.first.dense().astype(np.float64)
        if not self.is_re_ranked:
            return scores
        lowest = np.zeros(len(scores))
        np.minimum.at(lowest, self.rows, self.values)
        result = lowest[:, None] - 2.0 + scores / (1.0 + scores)
        result[self.rows, self.cols] = self.values
        return result

    def best(self, allowed: NDArray[np.bool_], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(n_users, k) candidates as `top_k` of `dense` lists them, and their scores; 0 where a list has ended.

        The others are looked at only for people of whose pairs fewer than k may be listed.
        """
        n_users = len(allowed)
        usable = allowed.ravel().take(self.rows * allowed.shape[1] + self.cols)
        n_usable = np.bincount(self.rows[usable], minlength=n_users)
        sizes = np.bincount(self.rows, minlength=n_users)
        shape = (n_users, max(int(sizes.max(initial=0)), 1))
        at = self.rows, np.arange(len(self.rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        values, columns, may = np.zeros(shape), np.full(shape, MISSING), np.zeros(shape, dtype=bool)
        values[at], columns[at], may[at] = self.values, self.cols, usable
        places = top_k(values, may, k)
        lists, scores = taken(columns, places, MISSING), taken(values, places, 0.0)
        short = np.flatnonzero(n_usable < k)
        if len(short):
            whole = self.only(short).dense()
            lists[short] = top_k(whole, allowed[short], k)
            scores[short] = taken(whole, lists[short], 0.0)
        return lists, scores

    def only(self, users: NDArray[np.int64]) -> BlockScores:
        """The scores of some people, whose row numbers ascend."""
        places = np.searchsorted(users, self.rows)
        kept = np.append(users, -1)[places] == self.rows
        first = SummedScores(self.first.groups, self.first.own[users], self.first.shared)
        return replace(self, first=first, rows=places[kept], cols=self.cols[kept], values=self.values[kept])

    def places(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n_wanted,) place of each pair among those that the second stage saw, -1 for one that it did not see."""
        return Shortlist(self.rows, self.cols, len(self.first.shared)).places(rows, cols)


def block_scores(
    model: RankingModel, catalogue: Catalogue, block: UserBlock, allowed: NDArray[np.bool_], first: FirstStage
) -> BlockScores:
    """Scores of both stages.

    Args:
        model: The model.
        catalogue: Candidates.
        block: People.
        allowed: (n_users, n_candidates) what may be offered.
        first: Scores of the first stage.
    """
    known = blend(first, STAGE_ONE_WEIGHTS)
    if model.re_ranker is None:
        nobody = np.zeros(0, dtype=np.int64)
        return BlockScores(known, nobody, nobody, np.zeros(0), is_re_ranked=False)
    # Who opted out is not seen by what they booked either: for them every candidate counts.
    may = rivals(block, allowed)
    listed = _shortlisted(first, known, may, ~booked_organisers(catalogue, block))
    rows, cols = listed.rows, listed.cols
    signals = pair_signals(catalogue, block, first, may, listed, rows, cols)
    values = model.re_ranker.predict(signals, len(rows)) if len(rows) else np.zeros(0)
    return BlockScores(known, rows, cols, values, True, signals)


def rivals(block: UserBlock, allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_users, n_candidates) what ranking sees: what may be offered, and everything for those who opted out."""
    hidden = np.flatnonzero(~block.is_personal)
    if not len(hidden):
        return allowed
    may = allowed.copy()
    may[hidden] = True
    return may


def pair_scores(
    model: RankingModel, catalogue: Catalogue, block: UserBlock, allowed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n_users, n_candidates) scores of both stages."""
    first = stage_one(catalogue, block, model.learners)
    return block_scores(model, catalogue, block, allowed, first).dense()


def shortlisted(first: FirstStage, allowed: NDArray[np.bool_], is_new: NDArray[np.bool_]) -> Shortlist:
    """What goes on to the second stage: the first stage's best, new organisers apart.

    Args:
        first: Scores.
        allowed: (n_users, n_candidates) what may be offered.
        is_new: (n_users, n_keys) whether the organiser is new to the person, by key of `catalogue.learner_keys`.
    """
    return _shortlisted(first, blend(first, STAGE_ONE_WEIGHTS), allowed, is_new)


def _shortlisted(
    first: FirstStage, known: SummedScores, allowed: NDArray[np.bool_], is_new: NDArray[np.bool_]
) -> Shortlist:
    found = known.best(~is_new, allowed, N_KNOWN), discovery(first).best(is_new, allowed, N_NEW)
    pairs = np.sort(np.concatenate([rows * allowed.shape[1] + cols for rows, cols in found]))
    return Shortlist(*np.divmod(pairs, max(allowed.shape[1], 1)), allowed.shape[1])


def scores_of_pairs(
    model: RankingModel,
    catalogue: Catalogue,
    block: UserBlock,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    wanted: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """(n_pairs,) what `pair_scores` gives for some pairs, without scoring all others.

    Pairs that the second stage does not see have `UNSEEN`, which no score of theirs is above; those that may not be
    offered have -inf.

    Args:
        model: The model.
        catalogue: Candidates.
        block: People.
        rows: (n_pairs,) person.
        cols: (n_pairs,) candidate.
        wanted: (n_users, n_candidates) each request's filter.
    """
    may = offered(catalogue, block, wanted)
    if model.re_ranker is None:
        scores = pair_scores(model, catalogue, block, may)[rows, cols]
    else:
        allowed = rivals(block, may)
        first = stage_one(catalogue, block, model.learners)
        listed = shortlisted(first, allowed, ~booked_organisers(catalogue, block))
        signals = pair_signals(catalogue, block, first, allowed, listed, rows, cols)
        is_seen = listed.places(rows, cols) != MISSING
        scores = np.where(is_seen, model.re_ranker.predict(signals, len(rows)), UNSEEN)
    return np.where(may[rows, cols], scores, -np.inf)
