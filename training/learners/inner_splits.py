"""A part of the training data held out of it: what learners' settings and their blend are judged on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy import sparse

from recsys.rankers.base import Scores, UserBatch
from recsys.rankers.blend import outside_history
from recsys.ranking.metrics import ndcg_at_k
from recsys.ranking.top_k import top_k
from training.learners.draws import drawn, part_of
from training.learners.families import Family

CUT = 10
HELD_SHARE = 0.2
SCORES_KEPT = 100_000_000
"""Scores of judged users that are held for the blend: they bound the search's memory."""
SAMPLE = 4_000
"""Histories that settings are judged on at most."""
MAX_SPLITS = 4
"""Few users are judged on several splits, until there are about `SAMPLE` histories or so many splits."""


@dataclass(frozen=True)
class InnerSplits:
    """A fifth of each history held out, once or several times: learners fit on `kept`, and are judged on `held`.

    Attributes:
        kept: What is left of all histories, one matrix a split.
        users: Judged histories, those of one split after another.
        held: (n_judged, n_keys) what was held out of each.
    """

    kept: tuple[sparse.csr_array, ...]
    users: UserBatch
    held: sparse.csr_array

    def scores(self, family: Family, config: BaseModel) -> Scores:
        """(n_judged, n_keys) scores, each history's by the learner that did not see what was held out of it.

        Raises:
            FitError: it cannot learn.
        """
        n_each = self.users.n_users // len(self.kept)
        blocks = [block for _, block in self.users.blocks(n_each)] if n_each else []
        fitted = [family.fit(kept, config).scores(block) for kept, block in zip(self.kept, blocks, strict=False)]
        return np.concatenate(fitted) if fitted else family.fit(self.kept[0], config).scores(self.users)

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """(n_judged, n_keys) what may be listed."""
        return outside_history(self.users)

    @cached_property
    def is_held(self) -> NDArray[np.bool_]:
        """(n_judged, n_keys) what is to be found."""
        return np.asarray(self.held.toarray() > 0)

    def ndcg(self, scores: Scores) -> float:
        """Mean nDCG@10 over the judged histories; 0 where nothing is judged."""
        lists = top_k(scores, self.outside, CUT)
        hits = (lists >= 0) & np.take_along_axis(self.is_held, np.maximum(lists, 0), axis=1)
        values = ndcg_at_k(hits, np.diff(self.held.indptr).astype(np.int64))
        return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def inner_splits(interactions: sparse.csr_array, rng: np.random.Generator, n_families: int) -> InnerSplits:
    """Splits; users of fewer than two keys keep all they have and are not judged.

    Args:
        interactions: Weights >= 0 of shape (n_users, n_keys).
        rng: Draws what is held out and who is judged.
        n_families: Learners whose scores are held at once.
    """
    matrix = sparse.csr_array(interactions)
    judged = np.flatnonzero(np.diff(matrix.indptr) >= 2)
    most = min(SAMPLE, max(200, SCORES_KEPT // (n_families * matrix.shape[1])))
    n_splits = int(np.clip(most // max(len(judged), 1), 1, MAX_SPLITS))
    judged = np.sort(rng.choice(judged, min(len(judged), most), replace=False))
    parts = [_held_out(matrix, rng) for _ in range(n_splits)]
    histories, held = (
        sparse.csr_array(sparse.vstack([part[judged] for part in side], format="csr"))
        for side in zip(*parts, strict=True)
    )
    return InnerSplits(tuple(kept for kept, _ in parts), UserBatch(histories), held)


def _held_out(matrix: sparse.csr_array, rng: np.random.Generator) -> tuple[sparse.csr_array, sparse.csr_array]:
    """What is kept of each history, and what is held out."""
    sizes = np.diff(matrix.indptr)
    n_held = np.where(sizes >= 2, np.maximum(np.rint(HELD_SHARE * sizes), 1), 0)
    is_held = drawn(matrix, n_held, rng)
    return part_of(matrix, ~is_held), part_of(matrix, is_held)
