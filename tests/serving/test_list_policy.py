"""Operators' rules over HTTP, draws with their propensity, and who was shown."""

from itertools import pairwise

import pandas as pd
import pytest

from features.store.store import open_store
from serving.lists import ListStyle
from tests.serving.conftest import AS_OF, app_of
from tests.serving.live import serving
from tests.serving.test_lists import items, some_user

PIN = {"action": "pin", "target": "category", "value": "x"}


def put(client, rule_id="r", **body):
    return client.put(f"/v1/rules/{rule_id}", json=body)


def test_a_rule_holds_from_the_next_list_on_until_it_is_deleted(own_client):
    before = items(own_client, k=10)
    # Of a kept place: which places are drawn depends on what was shown before.
    category = [row for row in items(own_client) if row["source"] != "exploration"][-1]["category"]
    answer = put(own_client, action="pin", target="category", value=category)
    assert answer.status_code == 200, answer.text
    assert answer.json()["in_force"]
    pinned = items(own_client, k=10)
    n_open = len(items(own_client, category=category))
    assert all(row["category"] == category for row in pinned[: min(n_open, 9)])
    assert own_client.get("/v1/rules").json() == [answer.json()]
    assert own_client.delete("/v1/rules/r").status_code == 204
    assert [r["session_id"] for r in items(own_client, k=10)] == [r["session_id"] for r in before]
    assert own_client.get("/v1/rules/r").status_code == 404
    assert own_client.delete("/v1/rules/r").status_code == 404


def test_a_rule_does_not_wait_for_a_store_too_large_to_be_read_for_each_request(own_client, monkeypatch):
    monkeypatch.setattr("serving.rows.live.CHEAP_CPU_S", 0.0)
    category = [row for row in items(own_client) if row["source"] != "exploration"][-1]["category"]
    assert put(own_client, action="pin", target="category", value=category).status_code == 200
    assert items(own_client)[0]["category"] == category


def test_a_buried_region_comes_last(own_client, own_county):
    path = f"/v1/users/{some_user(own_client, own_county)}/recommendations"

    def regions() -> list[str | None]:
        rows = [row for row in items(own_client, path) if row["source"] != "exploration"]
        return [row["venue"]["region_id"] if row["venue"] else None for row in rows]

    region = next(r for r in regions() if r is not None and len(r) > 6)
    assert put(own_client, action="bury", target="region", value=region, strength=100).status_code == 200
    found = regions()
    n_there = found.count(region)
    assert n_there
    assert set(found[-n_there:]) == {region}


def test_a_rule_out_of_its_time_does_nothing(own_client):
    before = [r["session_id"] for r in items(own_client)]
    category = items(own_client)[-1]["category"]
    ends = (AS_OF - pd.Timedelta(days=1)).isoformat()
    answer = put(own_client, action="pin", target="category", value=category, valid_until=ends)
    assert not answer.json()["in_force"]
    assert [r["session_id"] for r in items(own_client)] == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"action": "hide", "target": "category", "value": "x"}, "action"),
        ({"action": "pin", "target": "venue", "value": "x"}, "target"),
        ({"action": "boost", "target": "category", "value": "x", "strength": 0}, "strength"),
        ({"action": "boost", "target": "category", "value": ""}, "value"),
        ({**PIN, "valid_from": "2026-02-02", "valid_until": "2026-02-01"}, "valid_until"),
        ({**PIN, "colour": "red"}, "colour"),
    ],
)
def test_a_broken_rule_is_refused_and_nothing_is_stored(own_client, body, field):
    answer = put(own_client, **body)
    assert answer.status_code == 422
    assert field in answer.text
    assert own_client.get("/v1/rules").json() == []


@pytest.mark.parametrize("target", ["category", "organiser", "region"])
def test_a_rule_for_what_is_not_there_is_refused(own_client, target):
    answer = put(own_client, action="pin", target=target, value="nowhere")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["body.value"]
    assert "'nowhere'" in answer.text
    assert own_client.get("/v1/rules").json() == []


def test_a_rule_for_what_was_stored_a_moment_ago_holds(own_client):
    activity = {"category": "shadow play", "organiser_id": "house of shadows", "title": "t"}
    for target, value in (("category", "shadow play"), ("organiser", "house of shadows")):
        assert put(own_client, action="boost", target=target, value=value).status_code == 422
    assert own_client.put("/v1/activities/new", json=activity).status_code == 200
    for target, value in (("category", "shadow play"), ("organiser", "house of shadows")):
        assert put(own_client, action="boost", target=target, value=value).status_code == 200


def test_a_drawn_place_is_bounded_logged_and_stays_the_same_that_day(own_county):
    with serving(app_of(own_county, style=ListStyle(exploration_share=0.4))) as client:
        path = f"/v1/users/{some_user(client, own_county)}/recommendations"
        answer, again = (client.get(path, params={"k": 5}).json() for _ in range(2))
    drawn = [row for row in answer["items"] if row["propensity"] < 1]
    assert len(drawn) == 2
    assert {row["source"] for row in drawn} == {"exploration"}
    assert all(row["propensity"] > 0 for row in drawn)
    assert [row["score"] for row in answer["items"]] == sorted((r["score"] for r in answer["items"]), reverse=True)
    assert [r["session_id"] for r in again["items"]] == [r["session_id"] for r in answer["items"]]
    with open_store(own_county) as store, store.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT place, session_id, source, propensity FROM shown WHERE request_id = %s ORDER BY place",
            (answer["request_id"],),
        ).all()
    expected = [(r["rank"], r["session_id"], r["source"], r["propensity"]) for r in answer["items"]]
    assert [tuple(row) for row in found] == expected


def test_draws_hold_for_a_local_day(county):
    # The day of UTC ends at eight in the morning there.
    app = app_of(county)
    with serving(app):
        live = app.state.service.live
        offer = live.offer()
        rules = live.checked(offer).rules
    times = ("2026-01-19T00:00+08:00", "2026-01-19T07:59+08:00", "2026-01-19T08:01+08:00", "2026-01-20T00:00+08:00")
    policies = [ListStyle().policy(offer, rules, pd.Timestamp(time).tz_convert("UTC")) for time in times]
    assert [policy.exploration.day.day for policy in policies] == [19, 19, 19, 20]


def test_without_exploration_nothing_is_drawn(county):
    with serving(app_of(county, style=ListStyle(exploration_share=0.0))) as client:
        user = some_user(client, county)
        assert {r["propensity"] for r in items(client, f"/v1/users/{user}/recommendations")} == {1.0}


@pytest.mark.parametrize("by", ["organiser", "region", "venue_size"])
def test_exposure_counts_every_place_shown(own_client, by):
    shown = len(items(own_client, k=10)) + len(items(own_client, k=7))
    report = own_client.get("/v1/exposure", params={"by": by}).json()
    assert report["shown"] == shown == sum(row["shown"] for row in report["items"])
    assert report["drawn"] == sum(row["drawn"] for row in report["items"])
    assert sum(row["shown_share"] for row in report["items"]) == pytest.approx(1)
    assert sum(row["offered_share"] for row in report["items"]) == pytest.approx(1)
    assert len(report["items"]) > 1


def test_who_asks_with_head_was_shown_nothing(own_client, own_county):
    activity = items(own_client)[0]["activity_id"]
    paths = (
        "/v1/recommendations",
        f"/v1/users/{some_user(own_client, own_county)}/recommendations",
        f"/v1/activities/{activity}/similar",
    )
    before = own_client.get("/v1/exposure").json()["shown"]
    for path in paths:
        assert own_client.head(path).status_code == 200
    assert own_client.get("/v1/exposure").json()["shown"] == before
    assert own_client.get(paths[-1]).json()["items"]
    assert own_client.get("/v1/exposure").json()["shown"] > before


def test_variety_spreads_a_list(county):
    repeats = []
    for weight in (0.0, 0.9):
        with serving(app_of(county, style=ListStyle(variety=weight, exploration_share=0.0))) as client:
            rows = items(client, f"/v1/users/{some_user(client, county)}/recommendations", k=6)
        repeats.append(sum(a["category"] == b["category"] for a, b in pairwise(rows)))
    assert repeats[1] < repeats[0]
