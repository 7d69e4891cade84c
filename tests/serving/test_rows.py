import time
from urllib.parse import unquote

import pytest

from tests.serving.test_app import problem

BOOKING = {"booking_id": "b", "user_id": "ann", "session_id": "s", "booked_at": "2026-01-18T10:00:00"}


@pytest.fixture
def filled(empty_client):
    for path, row in {
        "/v1/users/ann": {"birth_year": 1990, "interests": "dance;tea"},
        "/v1/activities/a": {"category": "dance"},
        "/v1/sessions/s": {"activity_id": "a", "starts_at": "2026-02-01T10:00:00+08:00", "capacity": 2},
    }.items():
        assert empty_client.put(path, json=row).status_code == 200
    return empty_client


@pytest.mark.parametrize(
    ("path", "row"),
    [
        (
            "/v1/regions/r",
            {"region_id": "r", "name": "Town", "level": "township", "population": 5.0},
        ),
        ("/v1/venues/v", {"venue_id": "v", "name": "Hall", "lat": 36.5, "lon": 117.5, "seats": 20}),
        ("/v1/users/u", {"user_id": "u", "birth_year": 1990, "interests": "a;b", "personalised": False}),
        ("/v1/activities/a", {"activity_id": "a", "category": "茶艺", "title": "第一课", "online": True}),
    ],
)
def test_a_row_comes_back_as_it_was_put(empty_client, path, row):
    put = empty_client.put(path, json=row)
    assert put.status_code == 200, put.text
    got = empty_client.get(path).json()
    assert got == put.json()
    assert {name: got[name] for name in row} == row


def test_the_same_id_again_replaces_the_row(filled):
    assert filled.put("/v1/users/ann", json={"gender": "f"}).status_code == 200
    row = filled.get("/v1/users/ann").json()
    assert (row["gender"], row["birth_year"]) == ("f", None)


def test_ids_may_hold_any_character(empty_client):
    for one_id in ("a/b", "a b", "á:ü", "50%", "?x=1", "...", "馆" * 600):
        path = "/v1/venues/" + "".join(f"%{b:02X}" for b in one_id.encode())
        put = empty_client.put(path, json={"name": "Hall"})
        assert put.status_code == 200, (one_id, put.text)
        assert empty_client.get(path).json()["venue_id"] == one_id
    problem(empty_client.put(f"/v1/venues/{'x' * 2001}", json={"name": "Hall"}), 422, "invalid-request")
    assert empty_client.get("/v1/venues/a%2Fb/service-radius").json()["venue_id"] == "a/b"
    told = empty_client.get("/metrics").text
    assert 'route="/v1/venues/{venue_id}/service-radius"' in told
    assert 'route="unknown"' not in told


def test_broken_rows_are_refused_with_their_fields(empty_client):
    body = problem(empty_client.put("/v1/venues/v", json={"lat": 99, "seats": -1}), 422, "invalid-request")
    assert {e["field"] for e in body["errors"]} == {"body.name", "body.lat", "body.seats"}
    problem(empty_client.put("/v1/venues/v", json={"venue_id": "w", "name": "x"}), 422, "invalid-request")
    problem(empty_client.put("/v1/venues/v", json=[1]), 422, "invalid-request")
    problem(empty_client.put("/v1/venues/v", content=b"{"), 422, "invalid-request")
    problem(empty_client.put("/v1/venues/v", content=b'{"name": "x", "lat": NaN}'), 422, "invalid-request")
    problem(empty_client.get("/v1/venues/v"), 404, "unknown-id")
    ignored = empty_client.put("/v1/venues/v", json={"name": "x", "colour": "red"})
    assert (ignored.status_code, ignored.headers["x-ignored-columns"]) == (200, "colour")


def test_a_row_of_an_erased_account_has_one_fault(empty_client):
    assert empty_client.put("/v1/users/gone", json={}).status_code == 200
    assert empty_client.delete("/v1/users/gone").status_code == 204
    again = empty_client.put("/v1/users/gone", json={"registered_at": "2020-01-01"})
    assert [error["field"] for error in problem(again, 422, "invalid-request")["errors"]] == ["body.user_id"]


def test_bookings_are_durable_idempotent_and_one_bad_row_spoils_no_other(filled):
    rows = [BOOKING, {**BOOKING, "booking_id": "c", "party_size": 0}, 5, {"booking_id": "d"}]
    answer = filled.post("/v1/bookings", json=rows)
    assert answer.status_code == 202
    assert [r["status"] for r in answer.json()["results"]] == ["accepted", "rejected", "rejected", "rejected"]
    assert [r["key"] for r in answer.json()["results"]] == ["b", "c", None, "d"]
    assert all(r["reason"] for r in answer.json()["results"][1:])
    again = filled.post("/v1/bookings", json=BOOKING).json()
    assert (again["accepted"], again["rejected"]) == (1, 0)
    assert len(filled.get("/v1/users/ann/export").json()["tables"]["bookings"]) == 1


def test_a_row_that_refers_to_nothing_waits_and_is_taken_in_by_itself(own_client):
    assert own_client.put("/v1/users/ann", json={}).status_code == 200
    early = {**BOOKING, "booking_id": "early", "session_id": "later"}
    answer = own_client.post("/v1/bookings", json=early).json()
    assert (answer["waiting"], answer["results"][0]["status"]) == (1, "waiting")
    session = {"activity_id": "new", "starts_at": "2026-02-02T10:00:00+08:00"}
    waiting = own_client.put("/v1/sessions/later", json=session)
    assert (waiting.status_code, waiting.json()["status"]) == (202, "waiting")
    assert own_client.put("/v1/activities/new", json={"category": "dance"}).status_code == 200
    assert own_client.get("/v1/sessions/later").json()["activity_id"] == "new"
    kept = own_client.get("/v1/users/ann/export").json()["tables"]["bookings"]
    assert [row["booking_id"] for row in kept] == ["early"]


def test_at_most_a_thousand_rows(filled):
    row = {"feedback_id": "f", "user_id": "ann", "activity_id": "a", "kind": "view", "occurred_at": "2026-01-01"}
    rows = [{**row, "feedback_id": str(n)} for n in range(1001)]
    problem(filled.post("/v1/feedback", json=rows), 413, "too-many-rows")
    assert filled.post("/v1/feedback", json=rows[:1000]).json()["accepted"] == 1000
    problem(filled.post("/v1/feedback", json=[]), 422, "invalid-request")
    problem(filled.post("/v1/feedback", content=b" " * (9 * 1024 * 1024)), 413, "body-too-large")


def test_with_several_platforms_the_id_names_the_platform(filled, store):
    store.upsert("other", "users", [{"user_id": "ann"}])
    told = problem(filled.get("/v1/users/ann"), 404, "unknown-id")["detail"]
    assert "several platforms are loaded: write one of 'default', 'other', a colon and the id" in told
    assert filled.get("/v1/users/default:ann").json()["user_id"] == "default:ann"
    mixed = {**BOOKING, "booking_id": "default:b", "user_id": "default:ann", "session_id": "other:s"}
    assert filled.post("/v1/bookings", json=mixed).json()["rejected"] == 1
    right = {**mixed, "session_id": "default:s"}
    assert filled.post("/v1/bookings", json=right).json()["accepted"] == 1
    exported = filled.get("/v1/users/default:ann/export").json()["tables"]["bookings"]
    assert [row["session_id"] for row in exported] == ["default:s"]


def test_references_to_rows_that_are_not_there_are_named(own_client):
    put = own_client.put("/v1/users/somebody-new", json={"region_id": "nowhere", "gender": "f"})
    assert put.status_code == 200
    assert put.json()["region_id"] is None
    assert put.headers["X-Emptied-References"] == "region_id"
    kept = own_client.put("/v1/users/somebody-new", json={"region_id": "37"})
    assert kept.json()["region_id"] == "37"
    assert "X-Emptied-References" not in kept.headers
    again = own_client.put("/v1/users/somebody-new", json={"gender": "f"})
    assert "X-Emptied-References" not in again.headers
    assert own_client.delete("/v1/users/somebody-new").status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/users/a%00b/profile", None),
        ("GET", "/v1/venues/a%00b", None),
        ("DELETE", "/v1/users/a%00b", None),
        ("PUT", "/v1/rules/a%00b", b'{"action": "pin", "target": "category", "value": "x"}'),
        ("PUT", "/v1/rules/r", b'{"action": "pin", "target": "category", "value": "a\\u0000b"}'),
        ("PUT", "/v1/users/u", b'{"gender": "\\ud800"}'),
        ("POST", "/v1/bookings", b'{"booking_id": "\\ud800"}'),
    ],
)
def test_what_no_store_can_hold_is_refused(empty_client, method, path, body):
    problem(empty_client.request(method, path, content=body), 422, "invalid-request")


def test_pairs_of_escapes_are_text(empty_client):
    put = empty_client.put("/v1/venues/v", content=b'{"name": "\\ud83c\\udfad"}')
    assert put.json()["name"] == "\U0001f3ad"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/users/u", b'{"gender": "f", "birth_year": 1990, "g\\u0065nder": "m"}'),
        ("POST", "/v1/bookings", b'[{"booking_id": "a"}, {"status": "booked", "status": "cancelled"}]'),
        ("PUT", "/v1/users/u/personalisation", b'{"enabled": false, "enabled": true}'),
        ("PUT", "/v1/rules/r", b'{"action": "pin", "action": "bury", "target": "category", "value": "x"}'),
        ("POST", "/v1/classes/suggestions", b'{"budget": 1, "costs": {"action": 1, "action": 2}}'),
    ],
)
def test_a_name_with_two_values_is_refused(empty_client, method, path, body):
    """Only the last would count, and nobody could tell whether it is the one that was meant."""
    answer = empty_client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    told = problem(answer, 422, "invalid-request")["detail"]
    twice = next(name for name in ("gender", "status", "enabled", "action") if name in told)
    assert f"'{twice}' stands more than once in an object, expected once" in told


def test_a_name_with_two_values_is_found_at_once_among_many(empty_client):
    names = b", ".join(b'"%d": 1' % num for num in range(300_000))
    began = time.process_time()
    told = problem(empty_client.put("/v1/users/u", content=b'{%s, "299999": 1}' % names), 422, "invalid-request")
    assert "'299999' stands more than once" in told["detail"]
    assert time.process_time() - began < 10


def test_one_name_in_several_objects_and_long_numbers_are_json(empty_client):
    rows = b'[{"booking_id": "a", "party_size": 1%s}, {"booking_id": "b"}]' % (b"0" * 4000)
    answer = empty_client.post("/v1/bookings", content=rows)
    assert [row["key"] for row in answer.json()["results"]] == ["a", "b"]


def test_rules_ids_may_hold_a_slash(empty_client):
    assert empty_client.put("/v1/activities/a", json={"category": "x"}).status_code == 200
    rule = {"action": "pin", "target": "category", "value": "x"}
    assert empty_client.put("/v1/rules/a%2Fb", json=rule).json()["rule_id"] == "a/b"
    assert empty_client.get("/v1/rules").json()[0]["rule_id"] == "a/b"


def test_ages_of_nobody_are_stored_and_told(empty_client):
    def put(**ages):
        answer = empty_client.put("/v1/activities/a", json={"category": "dance", **ages})
        assert answer.status_code == 200
        return unquote(answer.headers.get("X-Warnings", ""))

    assert put(min_age=12, max_age=6) == "min_age is above max_age: nobody is of that age"
    assert put(min_age=6, max_age=12) == put(max_age=6) == put(min_age=12) == put() == ""
