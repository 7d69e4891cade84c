"""Closed-form key-to-key ridge regression: EASE and its kin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse
from scipy.linalg import lapack

from recsys.closed import Closed
from recsys.errors import FitError
from recsys.rankers.item_item import ItemItemRanker
from training.learners.inputs import checked_interactions, most_common, sizes_of, users_of


class EaseConfig(Closed):
    """Settings of `fit_ease`; the defaults are plain EASE."""

    regularisation: float = Field(500.0, gt=0, description="Added to the Gram matrix's diagonal; more means smoother")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of each history hidden in training: adds dropout / (1 - dropout) of its own"
        " diagonal to the Gram matrix's (EDLAE), so that popular keys are smoothed more",
    )
    user_power: float = Field(
        0.0, ge=0, le=1, description="A user of n keys counts n ** -user_power; more means heavy users count less"
    )
    key_power: float = Field(
        0.0,
        ge=-1,
        le=1,
        description="Columns are scaled by users ** -key_power before, back after; above 0, rare keys"
        " are smoothed less",
    )
    max_keys: int = Field(
        12_000, gt=0, description="Keys learned at most (memory: 8 * max_keys ** 2 bytes); the rarest are left unscored"
    )


def fit_ease(interactions: sparse.csr_array, config: EaseConfig) -> ItemItemRanker:
    r"""Dense weights that predict each key of a history from its other keys.

    $B = I - P \,\mathrm{diag}(P)^{-1}$ with $P = (X^\top D X + \Lambda)^{-1}$. Sources: Steck 2019, WWW ("EASE^R");
    Steck 2020, NeurIPS ("EDLAE").

    Args:
        interactions: Weights >= 0 of shape (n_users, n_keys).
        config: Settings.

    Raises:
        FitError: no interactions, or a Gram matrix that cannot be inverted.
    """
    matrix = checked_interactions(interactions, "EASE")
    n_users_of = users_of(matrix)
    kept = most_common(matrix, config.max_keys)
    scale = np.power(n_users_of[kept].astype(np.float64), -config.key_power)
    user_weights = np.power(np.maximum(sizes_of(matrix), 1).astype(np.float64), -config.user_power)
    columns = matrix[:, kept] @ sparse.diags_array(scale)
    gram = (columns.T @ (sparse.diags_array(user_weights) @ columns)).toarray()
    diagonal = np.diag(gram).copy()
    gram[np.diag_indices_from(gram)] += config.regularisation + diagonal * config.dropout / (1 - config.dropout)
    inverse = _inverse(gram)
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    weights *= scale[:, None] / scale[None, :]
    known = np.zeros(matrix.shape[1], dtype=bool)
    known[kept] = True
    if known.all():
        return ItemItemRanker(weights.astype(np.float32), known)
    full = np.zeros((matrix.shape[1], matrix.shape[1]), dtype=np.float32)
    full[np.ix_(kept, kept)] = weights
    return ItemItemRanker(full, known)


def _inverse(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    # Half the work of a general inverse, and it says when the matrix is not positive definite.
    factor, failed = lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=1)
    if failed:
        raise FitError("EASE cannot learn: its Gram matrix is singular; raise `regularisation`")
    inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
    return np.tril(inverse) + np.tril(inverse, -1).T
