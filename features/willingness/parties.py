"""How many people a booking can stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.counts import OUTLIER_RATIO, SEEN_OFTEN, is_stated
from recsys.sums import sums_by


def plausible(
    people: NDArray[np.float64], session: NDArray[np.int64], category: NDArray[np.int64], capacity: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_bookings,) people of each booking, slips of the pen cut: else one party stands for all that anybody wants.

    Nobody asks for more places than the session states, nor for `OUTLIER_RATIO` times the people of the category's
    median session, unless at least `SEEN_OFTEN` sessions of the category state as many places.

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
    often = pd.Series(stated).groupby(category).transform(_often)
    most = np.fmin(stated, np.fmax(OUTLIER_RATIO * usual, often.to_numpy(dtype=np.float64)))
    return np.asarray(np.fmin(people, most[session]))


def _often(capacity: pd.Series) -> float:
    """Places that enough sessions state; NaN without."""
    return float(capacity.nlargest(SEEN_OFTEN).iloc[SEEN_OFTEN - 1 :].max())
