"""A sentence says of a person what the person did: looking is not going, and what is to come has not been."""

import numpy as np
import pandas as pd
import pytest

from features.ranking.answers import Request, answer
from features.ranking.sentences import Past, said_once, sentence_of
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.people import UserBlock, user_block
from recsys.dataset import Dataset
from tests.ranking_world import AT

DID = {
    "went": ("s-past", "attended"),
    "said nothing": ("s-past", "booked"),
    "will go": ("s-soon", "booked"),
    "stayed away": ("s-past", "no_show"),
    "gave back": ("s-past", "cancelled"),
    "waits": ("s-soon", "waitlisted"),
}
"""What people did with an earlier session of the candidate's organiser, series and venue; one only looked."""

VERBS = {
    "went": ("参加过", "went to"),
    "said nothing": ("参加过", "went to"),
    "will go": ("预订了", "booked"),
    "stayed away": ("报名过", "signed up for"),
    "gave back": ("报名过", "signed up for"),
    "waits": ("报名过", "signed up for"),
    "looked": ("关注过", "showed interest in"),
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    activities = [
        {"activity_id": "old", "category": "dance", "title": "Folk dance 1", "series_id": "s", "organiser_id": "o"},
        {"activity_id": "new", "category": "dance", "title": "Folk dance 2", "series_id": "s", "organiser_id": "o"},
        {"activity_id": "elders", "category": "dance", "title": "Slow", "min_age": 60, "max_age": 99},
        {"activity_id": "small", "category": "dance", "title": "Quick", "min_age": 5, "max_age": 9},
    ]
    sessions = [
        {"session_id": "s-past", "activity_id": "old", "starts_at": AT - pd.Timedelta(days=3), "venue_id": "v"},
        {"session_id": "s-soon", "activity_id": "old", "starts_at": AT + pd.Timedelta(days=1), "venue_id": "v"},
        *(
            {"session_id": f"s-{name}", "activity_id": name, "starts_at": AT + pd.Timedelta(days=4), "venue_id": "v"}
            for name in ("new", "elders", "small")
        ),
    ]
    bookings = [
        {
            "booking_id": f"b-{user}",
            "user_id": user,
            "session_id": session,
            "booked_at": AT - pd.Timedelta(days=5),
            "status": status,
            "status_at": AT - pd.Timedelta(days=2),
            "attendee_birth_years": "1950;2019" if user == "went" else None,
        }
        for user, (session, status) in DID.items()
    ]
    looked = {
        "feedback_id": "f",
        "user_id": "looked",
        "activity_id": "old",
        "kind": "view",
        "occurred_at": AT - pd.Timedelta(days=5),
    }
    tables = {"activities": activities, "sessions": sessions, "bookings": bookings, "feedback": [looked]}
    tables |= {"users": [{"user_id": user} for user in VERBS], "venues": [{"venue_id": "v", "name": "House"}]}
    return Dataset.from_tables({name: pd.DataFrame(rows) for name, rows in tables.items()}, AT)


@pytest.fixture(scope="module")
def offered(dataset) -> Catalogue:
    return catalogue_of(dataset, AT)


def _person(catalogue: Catalogue, dataset: Dataset, user_id: str) -> UserBlock:
    tables = (dataset.users, dataset.bookings, dataset.feedback)
    user, bookings, feedback = (table[table["user_id"] == user_id] for table in tables)
    return user_block(catalogue, user, bookings, feedback, dataset.sessions)


def _column(catalogue: Catalogue, activity_id: str) -> int:
    return int(np.flatnonzero(catalogue.sessions.activity_ids == activity_id)[0])


@pytest.mark.parametrize("user_id", VERBS)
def test_the_verb_is_what_the_person_did(offered, dataset, user_id):
    block, column = _person(offered, dataset, user_id), _column(offered, "new")
    zh, en = VERBS[user_id]
    told = {
        code: sentence_of(code, Past(offered, block), column, {}, 0, False)
        for code in ("series", "organiser", "category", "title")
    }
    assert told["series"].zh == f"因为您{zh}《Folk dance 1》"
    assert told["series"].en == f"Because you {en} “Folk dance 1”"
    assert told["organiser"].zh == f"因为您{zh}同一主办方的《Folk dance 1》"
    assert told["category"].en == f"Because you {en} dance before"
    assert told["title"].en == f"Similar to what you {en}"


def test_the_very_activity_is_not_named_as_another(offered, dataset):
    again = sentence_of(
        "series", Past(offered, _person(offered, dataset, "went")), _column(offered, "old"), {}, 0, False
    )
    assert (again.zh, again.en) == ("因为您参加过这项活动", "Because you went to this before")


def test_two_causes_with_the_same_words_are_told_once(offered, dataset):
    block, column = _person(offered, dataset, "went"), _column(offered, "old")
    told = [
        sentence_of(code, Past(offered, block), column, {}, 0, False) for code in ("organiser", "category", "series")
    ]
    assert told[0].zh == told[2].zh
    assert said_once(told) == tuple(told[:2])


@pytest.mark.parametrize(
    ("user_id", "zh", "en"),
    [
        ("went", "在您去过的House", "At House, where you have been"),
        ("will go", "在您预订的House", "At House, where you have booked"),
        ("gave back", "在您报名过的House", "At House, where you have signed up"),
    ],
)
def test_a_venue_was_visited_only_by_who_went(offered, dataset, user_id, zh, en):
    told = sentence_of(
        "venue", Past(offered, _person(offered, dataset, user_id)), _column(offered, "new"), {}, 0, False
    )
    assert (told.zh, told.en) == (zh, en)


def test_an_elder_in_the_family_is_no_child(offered, dataset):
    block = _person(offered, dataset, "went")
    child = sentence_of("family", Past(offered, block), _column(offered, "small"), {}, 0, False)
    elder = sentence_of("family", Past(offered, block), _column(offered, "elders"), {}, 0, False)
    assert "孩子" in child.zh
    assert "child" in child.en
    assert "孩子" not in elder.zh
    assert "child" not in elder.en


def test_ways_from_home_are_called_so_when_asked_from_elsewhere(catalogue, known, model):
    told: dict[bool, set[str]] = {True: set(), False: set()}
    for user_id in known.users["user_id"][:40]:
        block = _person(catalogue, known, user_id)
        for is_elsewhere in told:
            asked = Request(k=5, lat=36.75, lon=117.05) if is_elsewhere else Request(k=5)
            lines = answer(model, catalogue, block, asked)
            told[is_elsewhere] |= {r.en for line in lines for r in line.reasons if r.code == "distance"}
    assert told[True]
    assert told[False]
    assert all(text.endswith("km from your home") for text in told[True])
    assert all(text.endswith("km from you") for text in told[False])
