"""What people may tell of themselves, and who tells nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PROFILE = ("birth_year", "gender", "region_id", "lat", "lon", "interests")
"""Columns of a user that the person has told: all but the id, the date of the account and the consent."""


def has_profile(users: pd.DataFrame) -> NDArray[np.bool_]:
    """(n_users,) whether anything of `PROFILE` is known; who has none may not even have an account, only look."""
    return np.asarray(users[list(PROFILE)].notna().any(axis=1), dtype=np.bool_)
