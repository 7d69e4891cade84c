"""Facts of people of whom nothing is known but that they are there."""

import numpy as np
from scipy import sparse

from features.willingness.facts import Facts


def facts_of(n_users: int, n_categories: int) -> Facts:
    """Facts for `learn_people` alone: one segment of all, one signal that tells nothing."""
    everybody = sparse.csr_array(np.ones((n_users, 1), dtype=np.float32))
    signals = np.zeros((n_users, n_categories, 1), dtype=np.float32)
    return Facts(None, None, None, None, [everybody], signals, np.zeros((n_categories, 2)))  # type: ignore[arg-type]
