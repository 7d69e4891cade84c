"""Several rankers as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from recsys.bundle import BundleWriter
from recsys.rankers.base import Ranker, Scores, UserBatch, check_keys


@dataclass(frozen=True)
class BlendRanker:
    """Weighted mean of the parts' scores, each standardised over the keys outside the user's history.

    A part that cannot score a key drops out for it, and the other parts' weights are scaled up.

    Attributes:
        parts: Rankers over the same keys.
        weights: Weight of each part, float64 of shape (n_parts,); may be negative for a part that warns.
    """

    parts: tuple[Ranker, ...]
    weights: NDArray[np.float64]
    kind: ClassVar[str] = "blend"

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return self.parts[0].n_keys

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores (n_users, n_keys); NaN where no part can score."""
        check_keys(self, users)
        outside = outside_history(users)
        total = np.zeros((users.n_users, self.n_keys), dtype=np.float32)
        used = np.zeros_like(total)
        for part, weight in zip(self.parts, self.weights, strict=True):
            scores = standardised(part.scores(users), outside)
            missing = np.isnan(scores)
            total += np.where(missing, 0, np.float32(weight) * scores)
            used += np.where(missing, 0, np.float32(abs(weight)))
        blended = np.divide(total, used, out=np.full_like(total, np.nan), where=used > 0)
        return blended if key_nums is None else blended[:, key_nums]

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes the parts under `name`."""
        writer.json(f"{name}/ranker", {"kind": self.kind, "weights": [float(weight) for weight in self.weights]})
        for number, part in enumerate(self.parts):
            part.save(writer, f"{name}/{number}")


def outside_history(users: UserBatch) -> NDArray[np.bool_]:
    """(n_users, n_keys) whether a key is not in the user's history."""
    outside = np.ones(users.histories.shape, dtype=bool)
    rows = np.repeat(np.arange(users.n_users), np.diff(users.histories.indptr))
    outside[rows, users.histories.indices] = False
    return outside


def standardised(scores: Scores, counted: NDArray[np.bool_]) -> Scores:
    """Scores with mean 0 and deviation 1 of each row's `counted` entries; 0 where all of a row are equal."""
    used = counted & ~np.isnan(scores)
    n_used = np.maximum(used.sum(axis=1, keepdims=True), 1)
    mean = np.where(used, scores, 0).sum(axis=1, keepdims=True, dtype=np.float64) / n_used
    centred = scores - mean
    deviation = np.sqrt(np.square(np.where(used, centred, 0)).sum(axis=1, keepdims=True) / n_used)
    return np.asarray(centred / np.where(deviation > 1e-12, deviation, np.inf), dtype=np.float32)
