"""Accounts that book for others: what is offered, and what ranks, follows whom they book for."""

import numpy as np
import pandas as pd
import pytest

from features.ranking.two_stages import offered
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.own.history import own_signals
from features.signals.own.nearness import profile_signals
from features.signals.people import UserBlock, user_block
from recsys.dataset import Dataset

AT = pd.Timestamp("2026-03-02T00:00:00Z")
AUDIENCES = {
    "plain": {},
    "child": {"audience": "child", "min_age": 5, "max_age": 14},
    "adults": {"audience": "adults"},
    "grown": {"min_age": 18},
    "senior": {"audience": "senior", "min_age": 60},
}
PEOPLE = {"parent": 1988, "alone": 1988, "carer": 1988, "minor": 2012, "unknown": None, "late": 1988}
FOR = {"parent": "2018", "carer": "1950", "minor": "2018", "late": "2024"}
"""Birth year of those whom some people booked for: a child of seven, an elder, a small sister, a child of one."""


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    activities = [{"activity_id": name, "category": "dance", "title": name, **rest} for name, rest in AUDIENCES.items()]
    activities.append({"activity_id": "past", "category": "dance", "title": "past", **AUDIENCES["child"]})
    sessions = [
        {
            "session_id": f"s-{row['activity_id']}",
            "activity_id": row["activity_id"],
            "starts_at": AT + pd.Timedelta(days=3),
        }
        for row in activities
    ]
    sessions[-1]["starts_at"] = AT - pd.Timedelta(days=3)
    bookings = [
        {
            "booking_id": f"b-{user}",
            "user_id": user,
            "session_id": "s-past",
            "booked_at": AT - pd.Timedelta(days=5),
            "attendee_birth_years": year,
        }
        for user, year in FOR.items()
    ]
    tables = {"activities": activities, "sessions": sessions, "bookings": bookings}
    users = [{"user_id": user, "birth_year": year} for user, year in PEOPLE.items()]
    return Dataset.from_tables({**{n: pd.DataFrame(t) for n, t in tables.items()}, "users": pd.DataFrame(users)}, AT)


@pytest.fixture(scope="module")
def catalogue(dataset) -> Catalogue:
    return catalogue_of(dataset, AT)


@pytest.fixture(scope="module")
def block(dataset, catalogue) -> UserBlock:
    return user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)


def by_person(catalogue: Catalogue, block: UserBlock) -> dict[str, set[str]]:
    allowed = offered(catalogue, block)
    return {
        str(user): set(catalogue.sessions.activity_ids[row].tolist())
        for user, row in zip(block.user_ids, allowed, strict=True)
    }


def test_childrens_sessions_are_offered_to_those_who_book_for_a_child_of_that_age(catalogue, block):
    found = by_person(catalogue, block)
    assert "child" in found["parent"]
    for other in ("alone", "carer", "late"):
        assert "child" not in found[other]


def test_nothing_for_adults_is_offered_to_a_minor_whomever_they_book_for(catalogue, block):
    found = by_person(catalogue, block)
    assert found["minor"] == {"plain", "child"}
    # Whose age nobody knows is not offered what begins at 18.
    assert "grown" not in found["unknown"]
    assert {"adults", "grown"} <= found["parent"]


def test_booking_for_an_elder_does_not_make_the_account_old_enough(catalogue, block):
    assert "senior" not in by_person(catalogue, block)["carer"]


def test_the_audience_of_the_past_and_the_childs_age_reach_the_signals(catalogue, block):
    row = {str(user): num for num, user in enumerate(block.user_ids)}
    column = {str(activity): num for num, activity in enumerate(catalogue.sessions.activity_ids)}
    pairs = [("parent", "child"), ("alone", "child"), ("carer", "child"), ("parent", "plain")]
    rows = np.array([row[user] for user, _ in pairs])
    cols = np.array([column[activity] for _, activity in pairs])
    profile, own = profile_signals(catalogue, block, rows, cols), own_signals(catalogue, block, rows, cols)
    np.testing.assert_array_equal(profile["child_fits"][:3], [1.0, 0.0, 0.0])
    np.testing.assert_array_equal(profile["child_share"], [1.0, np.nan, 1.0, 1.0])
    np.testing.assert_allclose(own["own_audience_count"], [1.0, 0.0, 1.0, 0.0])
