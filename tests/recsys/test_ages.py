"""A year of birth tells an age only in a year that is local."""

import numpy as np
import pandas as pd

from recsys.ages import certain_ages, local_year, local_years

NEW_YEARS_NIGHT = pd.Timestamp("2025-12-31T17:00:00Z")


def test_the_year_is_that_of_the_zone():
    assert local_year(NEW_YEARS_NIGHT, "Asia/Shanghai") == 2026
    assert local_year(NEW_YEARS_NIGHT, "UTC") == 2025
    times = pd.Series([NEW_YEARS_NIGHT, pd.NaT], dtype="datetime64[ns, UTC]")
    np.testing.assert_array_equal(local_years(times, "Asia/Shanghai"), [2026.0, np.nan])


def test_an_age_is_that_reached_whatever_the_birthday():
    found = certain_ages(np.array([2026.0, np.nan]), np.array([[2008.0], [np.nan]]))
    np.testing.assert_array_equal(found, [[17.0, np.nan], [np.nan, np.nan]])
