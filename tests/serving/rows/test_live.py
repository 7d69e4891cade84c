"""A list holds what its process wrote before it was asked."""

import weakref
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import numpy as np
import pandas as pd
import pytest

from features.store.lists import Shown, log_shown
from features.store.store import open_store
from serving.rows import live as live_module
from serving.rows.live import LiveData
from tests.commands import PATIENCE_S, wait_until
from tests.serving.conftest import AS_OF

NOW = AS_OF.tz_convert("UTC")


@pytest.fixture
def live(own_county):
    """Live data that nobody but the test renews."""
    held = LiveData(lambda: open_store(own_county), clock=lambda: AS_OF.tz_convert("UTC"))
    held.offer()
    yield held
    held.stop()


@pytest.fixture
def slowly(monkeypatch):
    """Called, it gives two events: candidates are being made, and may be done, for which they wait from then on."""
    making, may_end = Event(), Event()
    catalogue_of = live_module.catalogue_of

    def slow(*args, **others):
        making.set()
        assert may_end.wait(PATIENCE_S)
        return catalogue_of(*args, **others)

    def begin():
        monkeypatch.setattr(live_module, "catalogue_of", slow)
        return making, may_end

    monkeypatch.setattr(live_module, "CHEAP_CPU_S", float("inf"))  # However slow the machine.
    return begin


def test_a_list_asked_while_candidates_are_being_made_waits_for_the_write_before_it(live, slowly):
    making, may_end = slowly()
    activity_id = str(live.offer().catalogue.sessions.activity_ids[0])
    place = Shown(1, activity_id, "s", "two-stage", 1.0)
    live.using(lambda store: log_shown(store, [("r", [place])], AS_OF.tz_convert("UTC"), None))
    live.has_written()
    with ThreadPoolExecutor(2) as pool:
        follower = pool.submit(live.offer)
        assert making.wait(PATIENCE_S)
        asked = pool.submit(live.offer)
        wait([asked], timeout=0.3)
        may_end.set()
        assert sum(asked.result().n_shown.values()) == 1
        assert asked.result() is follower.result()


def test_whom_a_session_is_for_and_when_it_ends_are_those_of_now(live, own_county):
    """Another process has made it for adults only and longer: it must not wait until candidates are made anew."""
    offer = live.offer()
    session_id, activity_id = (
        str(ids[0]) for ids in (offer.catalogue.sessions.session_ids, offer.catalogue.sessions.activity_ids)
    )
    with open_store(own_county) as store:
        store.upsert(
            "default",
            "activities",
            [{"activity_id": activity_id, "category": "c", "min_age": 18, "audience": "仅限成人"}],
        )
        session = store.row("sessions", session_id)
        end = session["starts_at"] + pd.Timedelta(hours=9)
        store.upsert("default", "sessions", [session | {"ends_at": end}])
    held = live.checked(offer).catalogue.sessions
    of_activity = held.activity_ids == activity_id
    assert (held.min_ages[of_activity] == 18).all()
    assert held.for_adults[of_activity].all()
    assert held.ends[held.session_ids == session_id].tolist() == [pd.Timestamp(end).value]
    assert held.for_adults[~of_activity].tolist() == offer.catalogue.sessions.for_adults[~of_activity].tolist()


@pytest.fixture
def other_store(own_county):
    """As another process reaches the store."""
    with open_store(own_county) as store:
        yield store


@pytest.fixture
def taking_all(live):
    """A booking of all places that are left of a session that can be booked."""
    _, checked = live.on_offer()
    sessions = checked.catalogue.sessions
    column = int(np.flatnonzero(checked.is_open(NOW) & (sessions.places_left >= 1))[0])
    return {
        "booking_id": "all",
        "user_id": "u0000001",
        "session_id": str(sessions.session_ids[column]),
        "party_size": float(sessions.places_left[column]),
        "booked_at": (NOW - pd.Timedelta(minutes=1)).isoformat(),
    }


def test_a_place_that_another_process_has_freed_is_offered_at_once(live, other_store, taking_all, monkeypatch):
    monkeypatch.setattr(live_module, "CHEAP_CPU_S", float("inf"))
    session_id, booked = taking_all["session_id"], taking_all

    def offered():
        checked = live.on_offer()[1]
        return set(checked.catalogue.sessions.session_ids[checked.is_open(NOW)])

    other_store.upsert("default", "bookings", [booked])
    assert session_id not in offered()
    assert session_id not in live.offer(fresh=True).catalogue.sessions.session_ids
    assert session_id not in offered()
    other_store.upsert("default", "bookings", [booked | {"status": "cancelled"}])
    assert session_id in offered()
    new = other_store.row("sessions", session_id) | {"session_id": "brand-new"}
    other_store.upsert("default", "sessions", [new])
    assert "brand-new" in offered()


def test_a_place_freed_while_candidates_are_being_made_is_offered_at_once(live, other_store, taking_all, slowly):
    """Those that are being made are of the store before it, whoever waits for them."""
    other_store.upsert("default", "bookings", [taking_all])
    assert taking_all["session_id"] not in live.offer(fresh=True).catalogue.sessions.session_ids
    making, may_end = slowly()
    other_store.upsert("default", "users", [{"user_id": "u0000001", "birth_year": 1980}])
    with ThreadPoolExecutor(2) as pool:
        follower = pool.submit(live.offer, fresh=True)
        assert making.wait(PATIENCE_S)
        other_store.upsert("default", "bookings", [taking_all | {"status": "cancelled"}])
        asked = pool.submit(live.on_offer)
        wait([asked], timeout=0.3)
        may_end.set()
        assert taking_all["session_id"] not in follower.result().catalogue.sessions.session_ids
        assert taking_all["session_id"] in asked.result()[0].catalogue.sessions.session_ids


def test_what_only_the_store_takes_for_bookable_is_looked_for_once(live, other_store, monkeypatch):
    monkeypatch.setattr(live_module, "CHEAP_CPU_S", float("inf"))
    monkeypatch.setattr(live_module, "read_lacking", lambda *_: {"never"})
    user = other_store.row("users", "u0000001")
    for year in (1980, 1981, 1982):
        other_store.upsert("default", "users", [user | {"birth_year": year}])
        offers = {id(live.on_offer()[0]) for _ in range(2)}
        assert offers == {id(live.offer())}
    assert live.offer().picture.version == live.version() - 2


def test_candidates_that_were_replaced_are_given_back(live, other_store, monkeypatch):
    """Each with its picture is as large as all that is kept: none may stay, wherever it was looked at."""
    given_back = Event()
    monkeypatch.setattr(live_module, "give_back", given_back.set)
    live.start()
    for year in (1980, 1981):
        before = weakref.ref(live.on_offer()[0])
        given_back.clear()
        other_store.upsert("default", "users", [{"user_id": "u0000001", "birth_year": year}])
        wait_until(lambda before=before: before() is None)
        assert given_back.wait(PATIENCE_S)


def test_who_waits_for_a_picture_shares_it_with_all_who_wait(live, other_store, monkeypatch):
    """Where a store is written to without pause, each would else read all of it, one after another, and keep it."""
    reading, may_go_on, read, read_all = Event(), Event(), [], live_module.read_all

    def write():
        other_store.upsert("default", "users", [{"user_id": "u0000001", "birth_year": 1980 + len(read)}])

    def slow(store):
        read.append(len(read))
        reading.set()
        assert may_go_on.wait(PATIENCE_S)
        found = read_all(store)
        write()  # Nobody ever sees the newest.
        return found

    asking, version = [], live.version
    monkeypatch.setattr(live_module, "read_all", slow)
    write()
    live.picture()
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(live.picture, fresh=True)
        assert reading.wait(PATIENCE_S)
        monkeypatch.setattr(live, "version", lambda: asking.append(None) or version())
        others = [pool.submit(live.picture, fresh=True) for _ in range(5)]
        wait_until(lambda: len(asking) == len(others))
        may_go_on.set()
        pictures = {id(one.result()) for one in others}
    assert len(read) == 2
    assert len(pictures) == 1
    assert id(first.result()) not in pictures
    assert live.picture(fresh=True).version == live.version() - 1
