"""Vectors of features: keys and users that training never saw get a score from what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.bundle import BundleWriter, ModelBundle
from recsys.errors import DataError
from recsys.rankers.base import Scores, UserBatch, check_keys


@dataclass(frozen=True)
class HybridRanker:
    """Score = dot product of a user's and a key's vectors, each the sum of its features' vectors, plus both biases.

    A user's features are the profile's columns, then the key features of the history, summing to 1.
    Source: Kula 2015, "Metadata Embeddings for User and Item Cold-start Recommendations".

    Attributes:
        key_features: float32 CSR of shape (n_keys, n_key_features).
        key_embeddings: float32 of shape (n_key_features, n_factors + 1); the last column is the bias.
        user_embeddings: float32 of shape (n_user_features + n_key_features, n_factors + 1); the same.
    """

    key_features: sparse.csr_array
    key_embeddings: NDArray[np.float32]
    user_embeddings: NDArray[np.float32]
    kind: ClassVar[str] = "hybrid"

    @property
    def n_keys(self) -> int:
        """Number of keys that can be scored now."""
        return int(self.key_features.shape[0])

    @property
    def n_user_features(self) -> int:
        """Number of profile columns expected."""
        return int(self.user_embeddings.shape[0] - self.key_embeddings.shape[0])

    def scores(self, users: UserBatch, key_nums: NDArray[np.int64] | None = None) -> Scores:
        """Scores (n_users, n_keys); NaN for users with neither profile nor history, and keys without features."""
        check_keys(self, users)
        features = user_features(users, self.key_features, self.n_user_features)
        wanted = self.key_features if key_nums is None else self.key_features[key_nums]
        user_vectors = features @ self.user_embeddings
        key_vectors = wanted @ self.key_embeddings
        scores = user_vectors[:, :-1] @ key_vectors[:, :-1].T + user_vectors[:, -1:] + key_vectors[:, -1]
        scores[:, np.diff(wanted.indptr) == 0] = np.nan
        scores[np.diff(features.indptr) == 0] = np.nan
        return np.asarray(scores, dtype=np.float32)

    def save(self, writer: BundleWriter, name: str) -> None:
        """Writes features and vectors under `name`."""
        writer.json(f"{name}/ranker", {"kind": self.kind})
        writer.matrix(f"{name}/key_features", self.key_features)
        writer.array(f"{name}/key_embeddings", self.key_embeddings)
        writer.array(f"{name}/user_embeddings", self.user_embeddings)

    @classmethod
    def load(cls, bundle: ModelBundle, name: str) -> HybridRanker:
        """The ranker that `save` wrote under `name`."""
        return cls(
            bundle.matrix(f"{name}/key_features"),
            bundle.array(f"{name}/key_embeddings"),
            bundle.array(f"{name}/user_embeddings"),
        )


def user_features(users: UserBatch, key_features: sparse.csr_array, n_profile_features: int) -> sparse.csr_array:
    """Profiles beside the key features of the histories (rows summing to 1), float32 CSR.

    Raises:
        DataError: profiles have another number of columns.
    """
    tastes = sparse.csr_array(users.histories @ key_features)
    sums = np.asarray(tastes.sum(axis=1)).ravel()
    tastes = sparse.diags_array(1 / np.where(sums > 0, sums, 1)) @ tastes
    profiles = users.profiles
    if profiles is None:
        profiles = sparse.csr_array((users.n_users, n_profile_features), dtype=np.float32)
    if profiles.shape[1] != n_profile_features:
        raise DataError("users to score", [f"{profiles.shape[1]} profile features, expected {n_profile_features}"])
    return sparse.csr_array(sparse.hstack([profiles, tastes], format="csr"), dtype=np.float32)
