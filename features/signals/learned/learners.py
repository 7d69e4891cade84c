"""What was learned of keys, and what it is told of people's pasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.catalogue import Catalogue
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.learned.pull import Pull
from features.signals.learned.wishes import Wishes
from features.signals.people import UserBlock
from recsys.ids import IdMap
from recsys.products import row_products
from recsys.rankers.base import Ranker, UserBatch
from recsys.rankers.factor import FactorRanker

HISTORY_HALF_LIFE_DAYS = 180.0
"""Half-life of the histories that factors are learned from."""

TOLD_WHETHER = frozenset({"ease", "item-knn"})
"""Learners of item-to-item weights are told whether a person was ever with a key, not how often or how lately.

Where regulars go next is told by where they have been at all; their counts would drown everybody else's.
"""


@dataclass(frozen=True)
class Learners:
    """Matrix learners and the keys that they were learned on.

    Attributes:
        keys: Key ids of the level `LEARNER_LEVEL`.
        rankers: By name.
        tastes: Level to weights of the features of taste.
        wishes: What was learned of everybody's wishes; None where there was too little to learn from.
        pull: What was learned of how much sessions pull; None where there was too little to learn from, or no wishes.
    """

    keys: IdMap
    rankers: Mapping[str, Ranker]
    tastes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    wishes: Wishes | None = None
    pull: Pull | None = None


def learner_scores(
    catalogue: Catalogue, block: UserBlock, learners: Learners, key_nums: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """Ranker to (n_users, n_key_nums) scores of some of the learners' keys; NaN where it cannot score."""
    histories = learner_histories(catalogue, block, learners.keys)
    return {
        name: key_scores(ranker, UserBatch(histories.of(name).astype(np.float32)), key_nums)
        for name, ranker in learners.rankers.items()
    }


@dataclass(frozen=True)
class Histories:
    """People's pasts as matrix learners are told of them, in learning as in scoring: (n_users, n_keys) CSR.

    Attributes:
        decayed: Weights of events, halved every `HISTORY_HALF_LIFE_DAYS`.
        whether: Weights of events, not decayed, 1 at most: a booking, or many looks.
    """

    decayed: sparse.csr_array
    whether: sparse.csr_array

    def of(self, name: str) -> sparse.csr_array:
        """What a learner is told."""
        return self.whether if name in TOLD_WHETHER else self.decayed


def learner_histories(catalogue: Catalogue, block: UserBlock, keys: IdMap) -> Histories:
    """The block's past over the learners' keys."""
    known = keys.nums_or_missing(catalogue.lookup.keys[LEARNER_LEVEL].ids)
    columns = np.append(known, -1)[block.events.keys(catalogue.lookup, LEARNER_LEVEL)]
    groups = block.events.grouped(columns, max(len(keys), 1))
    whether = groups.matrix(len(block), block.events.weights)
    np.minimum(whether.data, 1.0, out=whether.data)
    return Histories(groups.matrix(len(block), block.events.decayed(HISTORY_HALF_LIFE_DAYS)), whether)


def key_scores(ranker: Ranker, batch: UserBatch, key_nums: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n_users, n_keys) scores that do not depend, to the last bit, on who else is in the batch."""
    if not isinstance(ranker, FactorRanker):
        return ranker.scores(batch, key_nums)
    vectors = ranker.user_factors(batch).astype(np.float32, copy=False)
    scores = row_products(vectors, ranker.factors[key_nums].T)
    scores[:, ~ranker.known[key_nums]] = np.nan
    scores[np.diff(batch.histories.indptr) == 0] = np.nan
    return scores
