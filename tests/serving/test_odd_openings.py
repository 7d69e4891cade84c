"""Planners' questions over HTTP where venues or categories are odd."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.bundle import load_bundle
from recsys.releases import bundles_folder
from serving.parts import open_parts
from tests.commands import wait_until
from tests.serving.conftest import BUNDLE, app_of
from tests.serving.live import FixedProvider, serving
from tests.serving.test_app import problem

PATH = "/v1/classes/suggestions"
APPRAISAL = "/v1/activities/appraisal"


@pytest.fixture
def ask(county):
    """Answers of a service whose bundle has other openings: `change` makes them of those there are."""

    def answers(change, **asked):
        parts = open_parts(load_bundle(bundles_folder(county.home) / BUNDLE))
        provider = FixedProvider(replace(parts, openings=change(parts.openings)))
        with serving(app_of(county, provider=provider)) as client:
            return client.post(PATH, json={"budget": 3, **asked}, params={"lang": "en"})

    return answers


def with_venues(**columns):
    return lambda inputs: replace(inputs, venues=inputs.venues.assign(**columns))


@pytest.mark.parametrize("column", ["rooms", "free_slots", "seats"])
def test_without_a_free_room_nothing_opens_and_the_answer_says_why(ask, column):
    answer = ask(
        with_venues(**{column: 0.0}), front_points=5, explain=True, floors=[{"by": "age", "share": 0.2}]
    ).json()
    assert answer["items"] == answer["explanations"] == []
    assert answer["expected_attendance"] == 0
    assert "no free slot, room or seat" in answer["notes"][0]


def test_venues_that_tell_nothing_of_their_rooms_have_classes_of_the_usual_size(ask):
    unknown = with_venues(rooms=np.nan, seats=np.nan, free_slots=np.nan)
    items = ask(unknown).json()["items"]
    assert len(items) == 3
    assert all(row["size"] >= 1 for row in items)


def test_nobody_can_be_told_to_come_from_far_to_where_no_place_is_known(ask):
    nowhere = ask(lambda inputs: replace(inputs, km=np.full_like(inputs.km, np.nan)), explain=True).json()
    for told in nowhere["explanations"]:
        assert {part["name"] for part in told["who"] if part["by"] == "distance"} == {"distance unknown"}


def test_a_category_that_nobody_teaches_is_named(ask):
    def untaught(inputs):
        return replace(inputs, taught=np.arange(len(inputs.taught)) > 0)

    names = [str(c) for c in open_first(ask)]
    answer = ask(untaught, categories=names[:1]).json()
    assert answer["items"] == []
    assert names[0] in answer["notes"][0]
    both = ask(untaught, categories=names[:2]).json()
    assert {row["category"] for row in both["items"]} <= {names[1]}
    assert [names[0] in note for note in both["notes"]] == [True]


def test_what_must_open_is_not_said_to_have_nowhere_to_open(ask):
    names = [str(c) for c in open_first(ask)]
    best = ask(lambda inputs: inputs, budget=1, categories=names[1:]).json()["items"][0]
    fixed = {"category": best["category"], "venue_id": best["venue_id"]}

    def untaught(inputs):
        return replace(inputs, taught=np.zeros(len(inputs.taught), dtype=bool))

    answer = ask(untaught, must_open=[fixed]).json()
    assert [(row["category"], row["venue_id"]) for row in answer["items"]] == [tuple(fixed.values())]
    assert answer["notes"] == []


def open_first(ask):
    """Names of the categories in the order of the bundle."""
    found = []
    ask(lambda inputs: found.extend(inputs.categories) or inputs)
    return found


def test_money_without_end_opens_all_there_is_and_none_opens_nothing(ask):
    everything = ask(lambda inputs: inputs, budget=1e12, effort="fast").json()
    assert len({(row["category"], row["venue_id"]) for row in everything["items"]}) == len(everything["items"]) > 10
    assert ask(lambda inputs: inputs, budget=0).json()["items"] == []


def test_planners_are_told_in_chinese_what_is_not_known(client):
    chinese = {"Accept-Language": "zh"}

    def said(path, body):
        answer = client.post(path, json=body, headers=chinese)
        assert answer.status_code == 422
        return answer.json()["detail"]

    assert said(PATH, {"budget": 1, "region_id": "nowhere"}) == "没有编号为 nowhere 的记录，请检查编号"
    assert said(PATH, {"budget": 1, "floors": 3}) == "body.floors: 应为列表 [...]"
    assert said(PATH, {"budget": -1}) == "body.budget: 不能小于 0"
    assert said(PATH, [1]) == "body: 应为对象 {...}"
    best = client.post(PATH, json={"budget": 1}).json()["items"][0]
    planned = {"category": best["category"], "venue_id": best["venue_id"], "starts_at": "2026-02-03T19:00:00+08:00"}
    assert said(APPRAISAL, {**planned, "category": "nope"}) == "body.category: 从未开办过“nope”"
    assert said(APPRAISAL, {**planned, "venue_id": "nope"}) == "body.venue_id: 没有编号为 nope 的场馆"
    assert "ISO 8601" in said(APPRAISAL, {**planned, "starts_at": 1_800_000_000})


def test_a_region_newer_than_the_bundle_is_not_called_unknown(own_client):
    town = {"name": "新镇", "level": "township", "parent_id": "370114"}
    assert own_client.put("/v1/regions/new", json=town).status_code == 200
    wait_until(lambda: own_client.get("/v1/reports/new").status_code == 200)
    told = problem(own_client.post(PATH, json={"budget": 1, "region_id": "new"}), 422, "invalid-request")
    assert told["errors"][0]["field"] == "body.region_id"
    assert "newer than the bundle" in told["detail"]


def test_what_is_no_text_is_refused(client):
    for body in (b'{"budget": 1, "categories": ["\\ud800"]}', b'{"budget": 1, "costs": {"\\ud800": 1}}'):
        answer = client.post(PATH, content=body, headers={"Content-Type": "application/json"})
        assert "expected JSON in UTF-8" in problem(answer, 422, "invalid-request")["detail"]


def test_a_flag_is_no_number(client):
    planned = {"category": "x", "venue_id": "y", "starts_at": "2026-03-01"}
    for path, body, field in (
        (PATH, {"budget": True}, "body.budget"),
        (PATH, {"budget": 1, "teachers": {"dance": True}}, "body.teachers.dance"),
        (PATH, {"budget": 1, "floors": [{"by": "age", "share": True}]}, "body.floors.0.share"),
        (APPRAISAL, {**planned, "capacity": True}, "body.capacity"),
    ):
        told = problem(client.post(path, json=body), 422, "invalid-request")["errors"]
        assert [one["field"] for one in told] == [field]


def test_a_body_without_its_type_is_told_which_header_to_send(client):
    for headers in ({}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}):
        answer = client.post(PATH, content=b'{"budget": 1}', headers=headers)
        assert "Content-Type: application/json" in problem(answer, 422, "invalid-request")["detail"]


def test_limits_that_nothing_fits_are_said_to_be_the_reason(client):
    answer = client.post(PATH, json={"budget": 1, "min_attendance": 1e9}, params={"lang": "en"}).json()
    assert answer["items"] == []
    assert "least attendance" in answer["notes"][0]


def test_every_contradiction_of_fixed_choices_is_named_by_itself(ask):
    best = ask(lambda inputs: inputs, budget=2).json()["items"]
    one, other = ({"category": row["category"], "venue_id": row["venue_id"]} for row in best)
    asked = {"must_open": [one, other, other], "not_here": [one], "close": [one], "teachers": {other["category"]: 1}}
    told = problem(ask(lambda inputs: inputs, **asked), 422, "invalid-request")["errors"]
    messages = [error["message"] for error in told]
    assert len(messages) == len(set(messages)) >= 4
    for words in ("not_here", "twice", "does not run there now", "teachers for 1"):
        assert any(words in message for message in messages), words
    fields = {error["field"] for error in told}
    assert fields >= {"body.must_open.0", "body.must_open.2", "body.close.0", "body.must_open"}


def test_a_broken_entry_of_a_list_is_named_by_its_place(client, ask):
    best = ask(lambda inputs: inputs, budget=1).json()["items"][0]
    one = {"category": best["category"], "venue_id": best["venue_id"]}
    elves = {"category": "elves", "venue_id": "nowhere"}
    for asked, fields in (
        ({"must_open": [one, elves]}, ["must_open.1.category", "must_open.1.venue_id"]),
        ({"why_not": [one, {**one, "venue_id": "nowhere"}]}, ["why_not.1.venue_id"]),
        ({"region_weights": {"nowhere": 2}}, ["region_weights.nowhere"]),
        ({"age_weights": {"elves": 2}}, ["age_weights.elves"]),
        ({"region_id": "nowhere"}, ["region_id"]),
        ({"budget": 0, "must_open": [one]}, ["budget"]),
    ):
        told = problem(client.post(PATH, json={"budget": 2, **asked}), 422, "invalid-request")["errors"]
        assert [error["field"] for error in told] == [f"body.{field}" for field in fields]
