"""Instants as numbers, by hand."""

import numpy as np
import pandas as pd

from recsys.instants import NEVER, NS_PER_DAY, nanoseconds


def test_a_day_after_1970_in_any_zone_and_a_time_that_is_missing() -> None:
    times = pd.Series(pd.to_datetime(["1970-01-02T00:00:00Z", "1970-01-02T08:00:00+08:00", None], utc=True))
    np.testing.assert_array_equal(nanoseconds(times), [NS_PER_DAY, NS_PER_DAY, NEVER])
