"""LightFM with WARP: features in, vectors of features out."""

from __future__ import annotations

import numpy as np
from lightfm import LightFM
from pydantic import Field
from scipy import sparse

from recsys.closed import Closed
from recsys.errors import FitError
from recsys.rankers.base import UserBatch
from recsys.rankers.hybrid import HybridRanker, user_features
from training.learners.draws import drawn, part_of
from training.learners.inputs import checked_interactions


class HybridConfig(Closed):
    """Settings of `fit_hybrid`."""

    n_factors: int = Field(32, gt=0, description="Length of a vector; more means finer taste and more memory")
    n_epochs: int = Field(20, gt=0, description="Passes over the interactions")
    learning_rate: float = Field(0.05, gt=0, description="First step size (adagrad)")
    key_penalty: float = Field(1e-6, ge=0, description="Ridge on key features' vectors; more means smoother")
    user_penalty: float = Field(1e-6, ge=0, description="Ridge on user features' vectors; more means smoother")
    max_sampled: int = Field(10, gt=0, description="Tries to find a key ranked wrongly; more weighs the list's top")
    max_history: int | None = Field(
        None,
        gt=0,
        description="Keys of a history that speak for its user in training at most, a seeded draw; None for all."
        " Learning takes less time, and who is scored may have longer histories all the same",
    )
    seed: int = Field(0, ge=0, description="Seed of vectors and samples")


def fit_hybrid(
    interactions: sparse.csr_array,
    config: HybridConfig,
    key_features: sparse.csr_array | None = None,
    profiles: sparse.csr_array | None = None,
) -> HybridRanker:
    """Vectors of key features and user features that rank each history's keys above others (WARP), on one thread.

    A user's features are the profile and what the history says of taste, never the user's own row, so a user who came
    today is scored like any other. Give the keys an identity column each to learn them by id as well.

    Args:
        interactions: Weights >= 0 of shape (n_users, n_keys).
        config: Settings.
        key_features: float32 CSR of shape (n_keys, n_key_features); None for identity alone.
        profiles: float32 CSR of shape (n_users, n_user_features), or None.

    Raises:
        FitError: no interactions, or features of another number of rows.
    """
    matrix = sparse.csr_array(checked_interactions(interactions, "hybrid"), dtype=np.float32)
    n_users, n_keys = matrix.shape
    features = sparse.eye_array(n_keys, format="csr") if key_features is None else key_features
    features = sparse.csr_array(features, dtype=np.float32)
    if features.shape[0] != n_keys or (profiles is not None and profiles.shape[0] != n_users):
        raise FitError(f"hybrid cannot learn: features do not match {n_users} users and {n_keys} keys")
    n_profile_features = 0 if profiles is None else profiles.shape[1]
    histories = matrix if config.max_history is None else drawn_histories(matrix, config.max_history, config.seed)
    users = user_features(UserBatch(histories, profiles), features, n_profile_features)
    model = _fitted(matrix, users, features, config)
    return HybridRanker(
        features,
        np.column_stack([model.item_embeddings, model.item_biases]).astype(np.float32),
        np.column_stack([model.user_embeddings, model.user_biases]).astype(np.float32),
    )


def _fitted(
    matrix: sparse.csr_array, users: sparse.csr_array, features: sparse.csr_array, config: HybridConfig
) -> LightFM:
    model = LightFM(
        no_components=config.n_factors,
        loss="warp",
        learning_rate=config.learning_rate,
        item_alpha=config.key_penalty,
        user_alpha=config.user_penalty,
        max_sampled=config.max_sampled,
        random_state=config.seed,
    )
    positive = sparse.coo_matrix(matrix)
    signs = sparse.coo_matrix((np.ones_like(positive.data), (positive.row, positive.col)), shape=positive.shape)
    weights = sparse.coo_matrix((positive.data / positive.data.mean(), (positive.row, positive.col)), positive.shape)
    model.fit(
        signs,
        user_features=_narrow(users),
        item_features=_narrow(features),
        sample_weight=weights.astype(np.float32),
        epochs=config.n_epochs,
        num_threads=1,
    )
    if not np.isfinite(model.item_embeddings).all():
        raise FitError("hybrid cannot learn: its vectors diverged; lower `learning_rate`")
    return model


def drawn_histories(matrix: sparse.csr_array, n_keys: int, seed: int) -> sparse.csr_array:
    """The matrix with at most `n_keys` entries of each row, drawn at random."""
    return part_of(matrix, drawn(matrix, np.full(matrix.shape[0], n_keys), np.random.default_rng(seed)))


def _narrow(matrix: sparse.csr_array) -> sparse.csr_matrix:
    # LightFM's compiled code takes 32-bit positions only.
    parts = (matrix.data, matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32))
    return sparse.csr_matrix(parts, shape=matrix.shape)
