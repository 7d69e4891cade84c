"""Age groups of users, and what each may come to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ages import age_bands
from recsys.ages import certain_ages, local_year, local_years
from recsys.availability import ADULT_AGE
from recsys.dataset import Dataset, is_among

_EDGES = (18, 30, 45, 60, 75)
AGE_GROUPS = ("under 18", "18-29", "30-44", "45-59", "60-74", "75 and over", "age unknown")


def age_groups(birth_years: pd.Series, year: int) -> NDArray[np.int64]:
    """(n,) row of `AGE_GROUPS` of each birth year."""
    return age_bands(birth_years, year, _EDGES, unknown=len(AGE_GROUPS) - 1)


@dataclass(frozen=True)
class Cohorts:
    """Users of one age group whom the same sessions admit.

    Attributes:
        of_user: (n_users,) row of each user's cohort.
        age_group: (n_cohorts,) row of `AGE_GROUPS`.
        admits: (n_cohorts, n_sessions) 1 where they are of the age that a session asks for, else 0.
    """

    of_user: NDArray[np.int64]
    age_group: NDArray[np.int64]
    admits: NDArray[np.float64]


def cohorts(dataset: Dataset, sessions: pd.DataFrame, year: int | None = None) -> Cohorts:
    """Who may come to which sessions by age.

    As for what is offered (`recsys.availability.may_be_offered`, but for the audience, and for children who are booked
    for): a person's age in the year of the session is certain or unknown. Who tells no age is taken for a grown-up,
    who may not be offered what asks for one, unless such people did book it: then the platform does not ask.

    Args:
        dataset: Users, and the activities of the sessions.
        sessions: `activity_id` and `starts_at`.
        year: Local, in which users' ages make their groups; without it that of `data_until`.
    """
    limits = dataset.activities.set_index("activity_id")[["min_age", "max_age"]].reindex(sessions["activity_id"])
    limits = limits.fillna({"min_age": -np.inf, "max_age": np.inf}).to_numpy(dtype=np.float64)
    start_years = local_years(sessions["starts_at"], dataset.timezone)
    asked, of_session = np.unique(np.column_stack([start_years, limits]), axis=0, return_inverse=True)
    start, low, high = asked.T
    born, of_user = np.unique(dataset.users["birth_year"].to_numpy(dtype=np.float64), return_inverse=True)
    this_year = local_year(dataset.data_until, dataset.timezone) if year is None else year
    group = age_groups(pd.Series(born), this_year)
    certain = certain_ages(start, born[:, None])
    may = (certain >= low) & (certain <= high)
    may[np.isnan(born)] = (high >= ADULT_AGE) & ((low < ADULT_AGE) | _never_asks_age(dataset))
    found, cohort = np.unique(np.column_stack([group, may]), axis=0, return_inverse=True)
    admits = found[:, 1:][:, of_session.ravel()].astype(np.float64)
    return Cohorts(cohort.ravel()[of_user.ravel()], found[:, 0], admits)


def admitted(dataset: Dataset, sessions: pd.DataFrame, year: int | None = None) -> NDArray[np.float64]:
    """(n_age_groups, n_sessions) share of the users of each group whom a session admits, see `cohorts`.

    Where no user of a group is known, everybody is admitted.
    """
    of = cohorts(dataset, sessions, year)
    people = np.bincount(of.of_user, minlength=len(of.age_group))
    shares = np.ones((len(AGE_GROUPS), of.admits.shape[1]))
    for group in np.unique(of.age_group):
        mine = of.age_group == group
        shares[group] = np.average(of.admits[mine], axis=0, weights=people[mine])
    return shares


def _never_asks_age(dataset: Dataset) -> bool:
    """Whether somebody who tells no age has booked what is for grown-ups only."""
    for_adults = dataset.activities.loc[dataset.activities["min_age"] >= ADULT_AGE, "activity_id"]
    sessions = dataset.sessions.loc[is_among(dataset.sessions["activity_id"], for_adults), "session_id"]
    ageless = dataset.users.loc[dataset.users["birth_year"].isna(), "user_id"]
    booked = dataset.bookings.loc[dataset.bookings["status"] != "cancelled"]
    return bool((is_among(booked["session_id"], sessions) & is_among(booked["user_id"], ageless)).any())
