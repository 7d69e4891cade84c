"""Key-to-key weights: EASE, SLIM, neighbours and random walks all score like this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.bundle import BundleWriter, ModelBundle
from recsys.rankers.base import Scores, UserBatch, blank_strangers, check_keys


@dataclass(frozen=True)
class ItemItemRanker:
    """Score of key j = sum over the history's keys i of weight(history, i) * weights[i, j].

    Attributes:
        weights: float32 of shape (n_keys, n_keys), dense or CSR; row: key in the history, column: key scored.
        known: Keys that it learned something of, bool of shape (n_keys,); the others' scores are NaN.
    """

    weights: NDArray[np.float32] | sparse.csr_array
    known: NDArray[np.bool_]
    kind: ClassVar[str] = "item-item"

    @property
    def n_keys(self) -> int:
        """Number of keys."""
        return int(self.known.shape[0])

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores (n_users, n_keys); NaN for users without a history and keys without weights."""
        check_keys(self, users)
        product = users.histories @ self.weights
        scores = np.asarray(product.toarray() if sparse.issparse(product) else product, dtype=np.float32)
        if key_nums is not None:
            scores = np.take(scores, key_nums, axis=1)
        scores[:, ~(self.known if key_nums is None else self.known[key_nums])] = np.nan
        return blank_strangers(scores, users)

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes the weights under `name`."""
        dense = isinstance(self.weights, np.ndarray)
        writer.json(f"{name}/ranker", {"kind": self.kind, "dense": dense})
        if isinstance(self.weights, np.ndarray):
            writer.array(f"{name}/weights", self.weights)
        else:
            writer.matrix(f"{name}/weights", self.weights)
        writer.array(f"{name}/known", self.known)

    @classmethod
    def load(cls, bundle: ModelBundle, name: str) -> ItemItemRanker:
        """The ranker that `save` wrote under `name`."""
        dense = bundle.json(f"{name}/ranker")["dense"]
        weights = bundle.array(f"{name}/weights") if dense else bundle.matrix(f"{name}/weights")
        return cls(weights, bundle.array(f"{name}/known"))
