"""Who may come to what, by age."""

from dataclasses import replace

import numpy as np
import pandas as pd

from features.willingness.ages import AGE_GROUPS, admitted, age_groups, cohorts
from features.willingness.offered import exposure
from recsys.dataset import Dataset
from tests.opening_world import world

UNKNOWN = len(AGE_GROUPS) - 1


def limited() -> Dataset:
    """A county in which every third activity is for grown-ups, every third for children, and half tell no age."""
    dataset = world(n_users=200, weeks=6).dataset
    turn = np.arange(len(dataset.activities)) % 3
    limits = {"min_age": np.where(turn == 1, 18.0, np.nan), "max_age": np.where(turn == 2, 14.0, np.nan)}
    birth_year = dataset.users["birth_year"].mask(np.arange(len(dataset.users)) % 2 == 0)
    users = dataset.users.assign(birth_year=birth_year)
    return replace(dataset, activities=dataset.activities.assign(**limits), users=users)


def one_each(dataset: Dataset) -> pd.DataFrame:
    """A session of each activity, in the order of the activities."""
    first = dataset.sessions.drop_duplicates("activity_id").set_index("activity_id")
    return first.loc[dataset.activities["activity_id"]].reset_index()


def without_ageless_bookings_for_adults(dataset: Dataset) -> Dataset:
    """What a platform knows that asks for an age."""
    adult = dataset.activities.loc[dataset.activities["min_age"] >= 18, "activity_id"]
    sessions = dataset.sessions.loc[dataset.sessions["activity_id"].isin(adult), "session_id"]
    ageless = dataset.users.loc[dataset.users["birth_year"].isna(), "user_id"]
    out = dataset.bookings["session_id"].isin(sessions) & dataset.bookings["user_id"].isin(ageless)
    assert out.any()
    return replace(dataset, bookings=dataset.bookings[~out].reset_index(drop=True))


def test_who_tells_no_age_comes_to_what_asks_for_none():
    dataset = without_ageless_bookings_for_adults(limited())
    shares = admitted(dataset, one_each(dataset))
    turn = np.arange(len(dataset.activities)) % 3
    np.testing.assert_array_equal(shares[UNKNOWN], np.array([1.0, 0.0, 0.0])[turn])
    forties = AGE_GROUPS.index("30-44")
    np.testing.assert_array_equal(shares[forties], np.array([1.0, 1.0, 0.0])[turn])


def test_a_platform_that_never_asks_lets_them_come():
    dataset = limited()
    shares = admitted(dataset, one_each(dataset))
    turn = np.arange(len(dataset.activities)) % 3
    np.testing.assert_array_equal(shares[UNKNOWN], np.array([1.0, 1.0, 0.0])[turn])


def test_bookings_for_children_are_no_demand_of_who_tells_no_age():
    dataset = limited()
    offered = exposure(dataset, 52)
    activity = dataset.sessions.set_index("session_id")["activity_id"].loc[offered.session_ids.ids]
    top = dataset.activities.set_index("activity_id")["max_age"].loc[activity].to_numpy(dtype=float)
    assert (top[np.unique(offered.booking_session)] != 14.0).all()
    assert pd.notna(top).any()


def test_a_person_may_come_whose_age_is_certain_in_the_year_of_the_session():
    dataset = limited()
    adult = dataset.activities.loc[dataset.activities["min_age"] >= 18, "activity_id"].iloc[0]
    years = np.arange(2000, 2012)
    users = dataset.users.iloc[: len(years)].assign(birth_year=pd.array(years, dtype="Int64"))
    sessions = pd.DataFrame({"activity_id": adult, "starts_at": pd.to_datetime(["2026-01-31", "2027-01-31"], utc=True)})
    shares = admitted(replace(dataset, users=users), sessions, year=2026)
    of_group = age_groups(users["birth_year"], 2026)
    for column, year in enumerate((2026, 2027)):
        for group in np.unique(of_group):
            # Who turns 18 in the year may be 17 on the day.
            assert shares[group, column] == np.mean(year - years[of_group == group] - 1 >= 18)


def test_a_cohort_is_admitted_together():
    dataset = limited()
    sessions = one_each(dataset)
    sessions["starts_at"] = pd.Timestamp("2026-06-01", tz="UTC")
    birth_year = pd.Series(np.arange(1940, 2040) % 70 + 1945, dtype="Int64")
    dataset = replace(dataset, users=dataset.users.iloc[:100].assign(birth_year=birth_year.to_numpy()))
    of = cohorts(dataset, sessions, year=2026)
    age = 2026 - birth_year.to_numpy(dtype=int) - 1
    low, high = (dataset.activities[name].to_numpy(dtype=float) for name in ("min_age", "max_age"))
    may = (age[:, None] >= np.nan_to_num(low, nan=-1)) & (age[:, None] <= np.nan_to_num(high, nan=999))
    np.testing.assert_array_equal(of.admits[of.of_user], may)
    np.testing.assert_array_equal(of.age_group[of.of_user], age_groups(birth_year, 2026))
    assert len(np.unique(np.column_stack([of.age_group, of.admits]), axis=0)) == len(of.age_group)
