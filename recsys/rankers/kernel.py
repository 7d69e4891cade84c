"""Users like this one: kernel ridge regression over whole histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.bundle import BundleWriter, ModelBundle
from recsys.rankers.base import Scores, UserBatch, blank_strangers, check_keys


@dataclass(frozen=True)
class KernelRanker:
    r"""Score = sum over anchor users a of $\exp(s (\cos(u, a) - 1))$ * weights[a, key].

    Attributes:
        anchors: Histories of the anchor users, rows of length 1, float32 CSR of shape (n_anchors, n_keys).
        weights: float32 of shape (n_anchors, n_keys).
        sharpness: s > 0; more means that only close users count.
        known: Keys with interactions in training, bool of shape (n_keys,); the others' scores are NaN.
    """

    anchors: sparse.csr_array
    weights: NDArray[np.float32]
    sharpness: float
    known: NDArray[np.bool_]
    kind: ClassVar[str] = "kernel"

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return int(self.known.shape[0])

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores (n_users, n_keys); NaN for users without a history and keys without interactions."""
        check_keys(self, users)
        weights = self.weights if key_nums is None else self.weights[:, key_nums]
        nearness = kernel(unit_rows(users.histories), self.anchors, self.sharpness)
        scores = nearness.astype(np.float32) @ weights
        scores[:, ~(self.known if key_nums is None else self.known[key_nums])] = np.nan
        return blank_strangers(scores, users)

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes anchors and weights under `name`."""
        writer.json(f"{name}/ranker", {"kind": self.kind, "sharpness": self.sharpness})
        writer.matrix(f"{name}/anchors", self.anchors)
        writer.array(f"{name}/weights", self.weights)
        writer.array(f"{name}/known", self.known)

    @classmethod
    def load(cls, bundle: ModelBundle, name: str) -> KernelRanker:
        """The ranker that `save` wrote under `name`."""
        return cls(
            bundle.matrix(f"{name}/anchors"),
            bundle.array(f"{name}/weights"),
            float(bundle.json(f"{name}/ranker")["sharpness"]),
            bundle.array(f"{name}/known"),
        )


def unit_rows(histories: sparse.csr_array) -> sparse.csr_array:
    """The rows divided by their lengths; an empty row stays empty."""
    lengths = np.sqrt(np.asarray(histories.multiply(histories).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.where(lengths > 0, lengths, 1)) @ histories, dtype=np.float32)


def kernel(rows: sparse.csr_array, others: sparse.csr_array, sharpness: float) -> NDArray[np.float64]:
    """exp(sharpness * (cosine - 1)) of two sets of unit rows, shape (n_rows, n_others)."""
    cosines = np.asarray((rows @ others.T).toarray(), dtype=np.float64)
    return np.exp(sharpness * (np.minimum(cosines, 1.0) - 1.0))
