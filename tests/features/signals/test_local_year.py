"""In the night of New Year in Shanghai it is still the old year in UTC: groups of people are of the new one."""

import numpy as np
import pandas as pd

from features.signals.catalogue import catalogue_of
from features.signals.people import user_block
from features.willingness.ages import AGE_GROUPS, cohorts
from recsys.dataset import Dataset

NEW_YEARS_NIGHT = pd.Timestamp("2025-12-31T17:00:00Z")


def night() -> Dataset:
    """Who is eighteen in 2026, and in 2025; they booked one session, and another is ahead."""
    day = pd.Timedelta(days=1)
    return Dataset.from_tables(
        {
            "users": pd.DataFrame({"user_id": ["new", "old"], "birth_year": [2008, 2007]}),
            "activities": pd.DataFrame({"activity_id": ["a"], "category": ["dance"]}),
            "sessions": pd.DataFrame(
                {
                    "session_id": ["past", "ahead"],
                    "activity_id": "a",
                    "starts_at": [NEW_YEARS_NIGHT - day, NEW_YEARS_NIGHT + day],
                }
            ),
            "bookings": pd.DataFrame(
                {
                    "booking_id": ["b", "c"],
                    "user_id": ["new", "old"],
                    "session_id": "past",
                    "booked_at": NEW_YEARS_NIGHT - 2 * day,
                }
            ),
        },
        NEW_YEARS_NIGHT,
    )


def test_people_of_an_age_are_those_of_the_local_year():
    dataset = night()
    catalogue = catalogue_of(dataset, NEW_YEARS_NIGHT)
    block = user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)
    groups = block.profiles.groups["age"]
    assert groups[0] == groups[1]
    # What everybody's past says of the category is counted for the same group.
    n_by_group = np.flatnonzero(catalogue.lifts["age_category"][:-1].any(axis=1))
    assert set(n_by_group) <= set(groups)
    grown_up = AGE_GROUPS.index("18-29")
    of = cohorts(dataset, dataset.sessions)
    assert of.age_group[of.of_user].tolist() == [grown_up, grown_up]
