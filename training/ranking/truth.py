"""What people really booked in a window, and what a list is worth beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.catalogue import Catalogue
from recsys.ranking.metrics import ndcg_at_k, novelty, recall_at_k
from recsys.ranking.top_k import MISSING


@dataclass(frozen=True)
class Truth:
    """What a block of people really booked.

    Attributes:
        catalogue: Candidates.
        relevant: (n_users, n_candidates) of an activity that was booked.
        outside: (n_users,) activities booked that are no candidates.
    """

    catalogue: Catalogue
    relevant: NDArray[np.bool_]
    outside: NDArray[np.int64]

    def figures(self, columns: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """Metric to (n_users,) figures of (n_users, k) lists."""
        catalogue = self.catalogue
        n_relevant = _n_activities(self.relevant, catalogue) + self.outside
        hit = _hit(columns, self.relevant)
        organiser = catalogue.levels["organiser"]
        shares = (np.append(organiser.n_users, 0)[organiser.of_candidate] + 1) / (catalogue.n_people + 1)
        category = np.append(catalogue.levels["category"].of_candidate, MISSING)[columns]
        ordered = np.sort(category, axis=1)
        return {
            "ndcg": ndcg_at_k(hit, n_relevant),
            "recall": recall_at_k(hit, n_relevant),
            "novelty": novelty(columns, shares),
            "categories": ((ordered[:, 1:] != ordered[:, :-1]).sum(axis=1) + (ordered[:, 0] >= 0)).astype(np.float64),
            "listed": (columns[:, :1] != MISSING).any(axis=1).astype(np.float64),
        }

    def figures_within(
        self, inside: NDArray[np.bool_], columns: NDArray[np.int64], part: str
    ) -> dict[str, NDArray[np.float64]]:
        """The same of lists of a part of the candidates alone, against what was booked of it.

        Args:
            inside: (n_users, n_candidates) what is in the part.
            columns: (n_users, k) lists of it.
            part: Its name.
        """
        relevant = self.relevant & inside
        hit, n_relevant = _hit(columns, relevant), _n_activities(relevant, self.catalogue)
        return {f"ndcg {part}": ndcg_at_k(hit, n_relevant), f"recall {part}": recall_at_k(hit, n_relevant)}


def _hit(columns: NDArray[np.int64], relevant: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_users, k) whether each place of a list is relevant."""
    nothing = np.zeros((len(relevant), 1), dtype=bool)
    return np.asarray(np.take_along_axis(np.append(relevant, nothing, axis=1), columns, axis=1))


def _n_activities(relevant: NDArray[np.bool_], catalogue: Catalogue) -> NDArray[np.int64]:
    first = catalogue.sessions.activity_starts == np.arange(len(catalogue))
    return (relevant & first).sum(axis=1)
