"""What explains a figure that is many times the usual one."""

import numpy as np

from features.demand.outliers import plausible


def test_a_party_is_cut_to_what_its_session_or_its_like_explains():
    people = np.array([2.0, 3, 4, 900, 900, 900, 900])
    session = np.array([0, 1, 2, 3, 4, 5, 5])
    category = np.array([0, 0, 0, 0, 0, 1])
    capacity = np.array([20.0, 20, 20, 20, 5_000, np.inf])
    cut = plausible(people, session, category, capacity)
    # To its places; to 25 times the median session, since one hall alone says so many; what is usual stays.
    np.testing.assert_array_equal(cut, [2, 3, 4, 20, 100, 900, 900])
    halls = plausible(people, session, category, np.array([20.0, 5_000, 5_000, np.nan, 5_000, -3]))
    np.testing.assert_array_equal(halls, people)
