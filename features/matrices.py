"""Tables in, feature matrices out."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from features.interactions import coded_events, weighted_pairs
from recsys.ids import IdMap


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
