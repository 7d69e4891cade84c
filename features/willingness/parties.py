"""How many people a booking can stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.counts import is_stated
from features.demand.outliers import OUTLIER_RATIO, largest_party, stated_often
from recsys.sums import sums_by


def plausible(
    people: NDArray[np.float64], session: NDArray[np.int64], category: NDArray[np.int64], capacity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_bookings,) people of each booking, slips of the pen cut: else one party stands for all that anybody wants.

    Nobody asks for more places than `largest_party` nor than the session states, nor for `OUTLIER_RATIO` times the
    people of the category's median session, unless at least three sessions of the category state as many places.

    Args:
        people: As the platform tells them.
        session: (n_bookings,) rows.
        category: (n_sessions,) rows.
        capacity: (n_sessions,) places.
    """
    stated = np.where(is_stated(capacity), capacity, np.nan)
    asked = sums_by(session, people, len(category))
    by_category = pd.Series(np.where(asked > 0, asked, np.nan)).groupby(category)
    usual = by_category.transform("median").to_numpy(dtype=np.float64)
    most = np.fmin(stated, np.fmax(OUTLIER_RATIO * usual, stated_often(category, stated)))
    return np.asarray(np.fmin(np.minimum(people, largest_party(people)), most[session]))
