"""What rankers learn from: who did what, what is known of people, what is known of activities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.errors import DataError
from recsys.ids import IdMap


@dataclass(frozen=True)
class FeatureMatrices:
    """Three float32 CSR matrices with the names of their rows and columns.

    A user or an activity of which nothing is known has an empty row: a learner that wants an id of its own for
    each row adds an identity matrix itself.

    Attributes:
        users: Rows of users.
        activities: Rows of activities.
        interactions: (n_users, n_activities) summed, decayed weights >= 0.
        user_features: (n_users, n_user_features) values >= 0.
        activity_features: (n_activities, n_activity_features) values >= 0.
        user_feature_names: Prefixed names such as `age_band:25-34`, sorted.
        activity_feature_names: Prefixed names such as `category:dance`, sorted.
    """

    users: IdMap
    activities: IdMap
    interactions: sparse.csr_array
    user_features: sparse.csr_array
    activity_features: sparse.csr_array
    user_feature_names: NDArray[np.object_]
    activity_feature_names: NDArray[np.object_]

    def __post_init__(self) -> None:
        n_users, n_activities = len(self.users), len(self.activities)
        problems = [
            *_problems("interactions", self.interactions, (n_users, n_activities)),
            *_problems("user_features", self.user_features, (n_users, len(self.user_feature_names))),
            *_problems("activity_features", self.activity_features, (n_activities, len(self.activity_feature_names))),
        ]
        for what, names in (("user", self.user_feature_names), ("activity", self.activity_feature_names)):
            if len(set(names)) != len(names):
                problems.append(f"{what} feature names repeat")
        if problems:
            raise DataError("feature matrices", problems)


def _problems(name: str, matrix: sparse.csr_array, shape: tuple[int, int]) -> list[str]:
    if not sparse.issparse(matrix) or matrix.format != "csr":
        return [f"{name} is not in CSR form"]
    problems = []
    if matrix.shape != shape:
        problems.append(f"{name} has shape {matrix.shape}, expected {shape}")
    if matrix.dtype != np.float32:
        problems.append(f"{name} holds {matrix.dtype}, expected float32")
    if not np.isfinite(matrix.data).all():
        problems.append(f"{name} holds values that are not finite")
    elif (matrix.data < 0).any():
        problems.append(f"{name} holds values below 0")
    if not matrix.has_canonical_format:
        problems.append(f"{name} holds entries twice or out of order; call sum_duplicates()")
    return problems
