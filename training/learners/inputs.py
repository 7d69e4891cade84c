"""What learners ask of an interaction matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.errors import FitError
from recsys.rankers.base import weight_problems


def checked_interactions(interactions: sparse.csr_array, learner: str) -> sparse.csr_array:
    """Interactions without stored zeros and repeated entries, in float64, rows sorted.

    Raises:
        FitError: nothing to learn from, or a weight that is negative or not finite.
    """
    problems = weight_problems(interactions)
    if problems:
        raise FitError(f"{learner} cannot learn: {'; '.join(problems)}")
    matrix = sparse.csr_array(interactions, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if matrix.nnz == 0:
        n_users, n_keys = matrix.shape
        raise FitError(f"{learner} cannot learn: no interaction among {n_users} users and {n_keys} keys")
    return matrix


def users_of(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """Number of users who interacted with each key, of shape (n_keys,)."""
    return np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.int64)


def sizes_of(matrix: sparse.csr_array) -> NDArray[np.int64]:
    """Number of keys in each user's history, of shape (n_users,)."""
    return np.diff(matrix.indptr).astype(np.int64)


def most_common(matrix: sparse.csr_array, max_keys: int) -> NDArray[np.int64]:
    """Ascending numbers of the keys with most users, at most `max_keys`, none without users."""
    n_users = users_of(matrix)
    return np.sort(np.argsort(-n_users, kind="stable")[: min(max_keys, int((n_users > 0).sum()))])
