"""What explains a figure that is many times the usual one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OUTLIER_RATIO = 25.0
"""Above so many times what is usual of its category a figure is a slip of the pen, unless its capacity explains it."""

_SEEN_OFTEN = 3


def stated_often(category: NDArray[np.int64], capacity: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_sessions,) places that at least three sessions of each one's category state; 0 where fewer state any.

    Args:
        category: (n_sessions,) row.
        capacity: (n_sessions,) places, NaN where none are stated.
    """
    by_category = pd.Series(np.nan_to_num(capacity)).groupby(category)
    third = by_category.transform(lambda one: one.nlargest(_SEEN_OFTEN).iloc[_SEEN_OFTEN - 1 :].max())
    return third.fillna(0.0).to_numpy(dtype=np.float64)
