"""What goes on to the second stage, and where each ranker puts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.known.events import places_of_pairs
from features.signals.learned.stage_one import FirstStage
from recsys.ranking.top_k import MISSING, ranks_of


@dataclass(frozen=True)
class Shortlist:
    """Pairs that go on to the second stage.

    Attributes:
        rows: (n_listed,) person, ascending.
        cols: (n_listed,) candidate, ascending within a person.
        n_candidates: Number of candidates.
    """

    rows: NDArray[np.int64]
    cols: NDArray[np.int64]
    n_candidates: int

    @classmethod
    def empty(cls, n_candidates: int) -> Shortlist:
        """Nobody's."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(nothing, nothing, n_candidates)

    def places(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> NDArray[np.int64]:
        """(n_pairs,) place of each pair in the list, -1 for one that is not in it."""
        codes = self.rows * self.n_candidates + self.cols
        found = places_of_pairs(codes, self.n_candidates, rows, cols)
        return np.where(found < len(codes), found, MISSING)


def rank_signals(
    first: FirstStage, listed: Shortlist, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> dict[str, NDArray[np.float32]]:
    """`rank_` of each ranker, (n_pairs,): 1 and the candidates that it scores higher; NaN where it cannot score.

    Rankers of a person's own past rank within the person's shortlist, and a pair that is not in it has no rank.
    Popularity, tastes and wishes rank all candidates: people without a past have no rank by anything else, and theirs
    must not tell what they may be offered, so that who opted out is ranked like a stranger.
    """
    scores = dict(first.own.of_pairs(listed.rows, listed.cols))
    ranks = ranks_of(listed.rows, list(scores.values()), len(first.near))
    if rows is not listed.rows or cols is not listed.cols:
        at = listed.places(rows, cols)
        ranks = [np.append(values, np.float32(np.nan))[at] for values in ranks]
    found = dict(zip(scores, ranks, strict=True))
    for level in (first.shared, *first.tastes):
        found |= dict(level.ranks.of_pairs(rows, cols))
    return {f"rank_{name}": values for name, values in found.items()}
