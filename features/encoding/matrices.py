"""Tables in, feature matrices out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import sparse

from features.encoding.activity_features import ActivityFeatureConfig, activity_features
from features.encoding.user_features import UserFeatureConfig, user_features
from features.interactions import InteractionConfig, coded_events, events, weighted_pairs
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.matrices import FeatureMatrices
from recsys.regions import RegionTree


def interaction_matrix(
    rows: pd.DataFrame,
    users: IdMap,
    keys: IdMap,
    *,
    data_until: pd.Timestamp,
    half_life_days: float,
    key: str = "activity_id",
) -> sparse.csr_array:
    """(n_users, n_keys) float32 weights of `features.interactions.events`, decayed at `data_until` and summed.

    Args:
        rows: Events, with a column `key`.
        users: Rows of the matrix.
        keys: Columns of the matrix: activities, or what lasts longer, such as series or organisers.
        data_until: First instant not used.
        half_life_days: Days after which an event counts half.
        key: Column whose values `keys` holds.
    """
    pairs = weighted_pairs(coded_events(rows, users, keys, key), data_until=data_until, half_life_days=half_life_days)
    matrix = sparse.csr_array(
        (pairs["weight"].to_numpy(dtype=np.float32), (pairs["user_num"].to_numpy(), pairs["key_num"].to_numpy())),
        shape=(len(users), len(keys)),
    )
    matrix.sum_duplicates()
    return matrix


class MatrixConfig(Closed):
    """How tables become matrices."""

    interactions: InteractionConfig = Field(default=InteractionConfig(), description="weights of events")
    users: UserFeatureConfig = Field(default=UserFeatureConfig(), description="features of users")
    activities: ActivityFeatureConfig = Field(default=ActivityFeatureConfig(), description="features of activities")


DEFAULT_MATRICES = MatrixConfig()


def feature_matrices(dataset: Dataset, config: MatrixConfig = DEFAULT_MATRICES) -> FeatureMatrices:
    """What was known before `dataset.data_until`, with a row for every user and every activity of the data set."""
    users = IdMap.of(dataset.users["user_id"], "user_id")
    activities = IdMap.of(dataset.activities["activity_id"], "activity_id")
    tree = RegionTree.of(dataset)
    return FeatureMatrices(
        users=users,
        activities=activities,
        interactions=interaction_matrix(
            events(dataset, config.interactions),
            users,
            activities,
            data_until=dataset.data_until,
            half_life_days=config.interactions.half_life_days,
        ),
        user_features=user_features(dataset, tree, config.users),
        activity_features=activity_features(dataset, tree, config.activities),
    )
