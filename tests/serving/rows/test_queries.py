"""What may be booked is told in one way by the database, by tables in memory and by rows read again."""

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from features.signals.catalogue import catalogue_of
from features.store.lists import operator_rules
from recsys.open_sessions import open_sessions, places_taken
from recsys.schema import BOOKING_STATUSES
from serving.candidates import check
from serving.rows.people import people_block, people_rows
from serving.rows.queries import read_all, read_lacking, read_people, read_person, read_sessions

NOW = pd.Timestamp("2026-02-01T10:00:00Z")
PLATFORMS = ("default", "other")
N_SESSIONS, N_BOOKINGS = 12, 16
# To make a failing example smaller would take minutes: each is written to the database.
_WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)

_near = st.sampled_from(["-1D", "-1us", "0us", "1us", "1D"]).map(lambda away: (NOW + pd.Timedelta(away)).isoformat())
_perhaps = st.none() | _near
_sessions = st.fixed_dictionaries(
    {
        "starts_at": _near,
        "published_at": _perhaps,
        "booking_opens_at": _perhaps,
        "booking_closes_at": _perhaps,
        "cancelled_at": _perhaps,
        "capacity": st.none() | st.integers(0, 3),
    }
)
_bookings = st.fixed_dictionaries(
    {
        "session_id": st.sampled_from([f"s{num}" for num in range(N_SESSIONS)]),
        "booked_at": _near,
        "status": st.none() | st.sampled_from(BOOKING_STATUSES),
        "status_at": _perhaps,
        "party_size": st.none() | st.integers(1, 3),
    }
)


def _many(rows, n):
    return st.lists(rows, min_size=n, max_size=n)


def _write(store, platform, sessions, bookings):
    """Sessions and bookings with the same keys each time: nothing of an example before is left."""
    numbered = [{"session_id": f"s{num}", "activity_id": "a", **row} for num, row in enumerate(sessions)]
    taken = [{"booking_id": f"b{num}", "user_id": "u", **row} for num, row in enumerate(bookings)]
    for table, rows in (("sessions", numbered), ("bookings", taken)):
        assert {one.status for one in store.upsert(platform, table, rows)} <= {"accepted", "unchanged"}


@given(
    many=st.tuples(*(st.tuples(_many(_sessions, N_SESSIONS), _many(_bookings, N_BOOKINGS)) for _ in PLATFORMS)),
    before=st.sampled_from(["0us", "1us", "2D"]),
)
@settings(max_examples=12, phases=_WITHOUT_SHRINKING, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_may_be_booked_is_one_question(store, many, before):
    for platform, (sessions, bookings) in zip(PLATFORMS, many, strict=True):
        store.upsert(platform, "activities", [{"activity_id": "a", "category": "dance"}])
        _write(store, platform, sessions, bookings)
    dataset, made_at = read_all(store)[1], NOW - pd.Timedelta(before)
    taken = places_taken(dataset.bookings)

    def can_be_booked(at):
        return set(open_sessions(dataset, at, taken=taken).session_ids)

    now, held = can_be_booked(NOW), can_be_booked(made_at)
    assert read_lacking(store, [], NOW) == now
    assert read_lacking(store, sorted(held), NOW) == now - held
    catalogue = catalogue_of(dataset, made_at, taken=taken)
    ids = catalogue.sessions.session_ids
    assert set(ids) == held
    checked = check(catalogue, read_sessions(store, ids.tolist()), operator_rules(store))
    assert set(ids[checked.is_open(NOW)]) == now & held


def test_people_of_several_platforms_are_read_together_as_each_alone(store):
    for num, platform in enumerate(PLATFORMS):
        store.upsert(platform, "activities", [{"activity_id": "a", "category": "dance"}])
        _write(store, platform, [{"starts_at": "2026-03-01T10:00:00Z"}] * 3, [])
        people = [{"user_id": "u", "birth_year": 1980 + num, "interests": "dance"}, {"user_id": "w"}]
        store.upsert(platform, "users", people)
        booked = [("u", 0), ("u", num), ("w", 2), ("only-booked", 1)]
        rows = [
            {"booking_id": f"b{n}", "user_id": user, "session_id": f"s{session}", "booked_at": f"2026-01-0{n + 1}"}
            for n, (user, session) in enumerate(booked)
        ]
        store.upsert(platform, "bookings", rows)
    store.remove_tag("other:u", "interest:dance")
    ids = ["other:u", "default:only-booked", "default:u", "nowhere:u", "other:nobody", "other:w", "u"]
    tables, unknown = read_people(store, ids)
    assert list(unknown) == ["nowhere:u", "u", "other:nobody"]
    assert "several platforms are loaded" in str(unknown["u"])
    known = [one for one in ids if one not in unknown]
    catalogue = catalogue_of(read_all(store)[1], NOW)
    together = people_block(catalogue, people_rows(tables, known), tables["removed_tags"], NOW)
    assert together.birth_years.tolist() == pytest.approx([1981, float("nan"), 1980, float("nan")], nan_ok=True)
    assert together.interests.sum(axis=1).tolist() == [0, 0, 1, 0]
    for num, user_id in enumerate(known):
        alone, removed = read_person(store, user_id)
        tags = pd.DataFrame({"user_id": user_id, "tag": removed}, dtype="string")
        expected, found = people_block(catalogue, people_rows(alone, [user_id]), tags, NOW), together.take([num])
        assert found.user_ids.tolist() == [user_id]
        assert sorted(found.people.booked_ids) == sorted(expected.people.booked_ids)
        assert found.events.days.tolist() == expected.events.days.tolist()
        assert found.events.sessions.tolist() == expected.events.sessions.tolist()
        assert len(found.events.days) > 0
