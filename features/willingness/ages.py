"""Age groups of users, and what each may come to."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ages import age_bands
from recsys.availability import ADULT_AGE
from recsys.dataset import Dataset, is_among, local_times

_EDGES = (18, 30, 45, 60, 75)
AGE_GROUPS = ("under 18", "18-29", "30-44", "45-59", "60-74", "75 and over", "age unknown")


def age_groups(birth_years: pd.Series, year: int) -> NDArray[np.int64]:
    """(n,) row of `AGE_GROUPS` of each birth year."""
    return age_bands(birth_years, year, _EDGES, unknown=len(AGE_GROUPS) - 1)


def admitted(dataset: Dataset, sessions: pd.DataFrame, year: int | None = None) -> NDArray[np.float64]:
    """(n_age_groups, n_sessions) share of the users of each group who are of the age that a session asks for.

    As for what is offered (`recsys.availability.may_be_offered`, but for the audience, and for children who are booked
    for): a person's age in the year of the session is certain or unknown. Where no user of a group is known, everybody
    is admitted. Who tells no age is taken for a grown-up, who may not be offered what asks for one, unless such people
    did book it: then the platform does not ask.

    Args:
        dataset: Users, and the activities of the sessions.
        sessions: `activity_id` and `starts_at`.
        year: In which users' ages make their groups; without it that of `data_until`.
    """
    limits = dataset.activities.set_index("activity_id")[["min_age", "max_age"]].reindex(sessions["activity_id"])
    limits = limits.fillna({"min_age": -np.inf, "max_age": np.inf}).to_numpy(dtype=np.float64)
    start_years = local_times(sessions["starts_at"], dataset.timezone).dt.year.to_numpy(dtype=np.float64)
    asked, of_session = np.unique(np.column_stack([start_years, limits]), axis=0, return_inverse=True)
    birth_years = dataset.users["birth_year"].to_numpy(dtype=np.float64)
    group = age_groups(dataset.users["birth_year"], dataset.data_until.year if year is None else year)
    shares = np.ones((len(AGE_GROUPS), len(asked)))
    for num in range(len(AGE_GROUPS) - 1):
        born = birth_years[group == num]
        if len(born):
            certain = [(start - born - 1, low, high) for start, low, high in asked]
            shares[num] = [((age >= low) & (age <= high)).mean() for age, low, high in certain]
    shares[-1] = (asked[:, 2] >= ADULT_AGE) & ((asked[:, 1] < ADULT_AGE) | _never_asks_age(dataset))
    return shares[:, of_session.ravel()]


def _never_asks_age(dataset: Dataset) -> bool:
    """Whether somebody who tells no age has booked what is for grown-ups only."""
    for_adults = dataset.activities.loc[dataset.activities["min_age"] >= ADULT_AGE, "activity_id"]
    sessions = dataset.sessions.loc[is_among(dataset.sessions["activity_id"], for_adults), "session_id"]
    ageless = dataset.users.loc[dataset.users["birth_year"].isna(), "user_id"]
    booked = dataset.bookings.loc[dataset.bookings["status"] != "cancelled"]
    return bool((is_among(booked["session_id"], sessions) & is_among(booked["user_id"], ageless)).any())
