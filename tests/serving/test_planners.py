import io
import re

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from serving.routes.demand import _alarms
from tests.serving.conftest import AS_OF, BUNDLE
from tests.serving.test_app import problem


def test_forecasts_hold_history_and_ordered_quantiles(client):
    answer = client.get("/v1/demand/forecasts", params={"level": "county", "horizon": 4, "history_weeks": 5}).json()
    assert answer["bundle"] == BUNDLE
    assert answer["are_days_off_announced"] is True
    assert answer["total"] == len(answer["items"]) > 0
    for series in answer["items"]:
        assert series["level"] == "county"
        assert len(series["forecast"]) == 4
        assert len(series["history"]) <= 5
        for week in series["forecast"]:
            assert 0 <= week["q0.1"] <= week["q0.5"] <= week["q0.9"]
        assert pd.Timestamp(series["forecast"][0]["week_start"]).dayofweek == 0
    one = {"category": answer["items"][0]["category"], "target": "demand", "region_id": answer["items"][0]["region_id"]}
    narrowed = client.get("/v1/demand/forecasts", params=one).json()["items"]
    assert [(s["category"], s["target"]) for s in narrowed] == [(one["category"], "demand")]


def test_weeks_without_sessions_and_demand_that_cannot_be_known_are_told(client):
    query = {"level": "township", "target": "bookings", "horizon": 1, "history_weeks": 104, "limit": 1000}
    items = client.get("/v1/demand/forecasts", params=query).json()["items"]
    states = {week["state"] for series in items for week in series["history"]}
    assert {"open", "no session"} <= states <= {"open", "sold out", "no session", "holiday", "closed"}
    for series in items:
        for week in series["history"]:
            assert week["state"] in ("open", "sold out") or week["value"] == 0
            assert week["state"] != "sold out" or week["is_sold_out"]
    flags = {(s["region_id"], s["category"]): s["is_identified"] for s in items}
    gaps = client.get("/v1/demand/gaps", params={"level": "township", "limit": 1000}).json()["items"]
    assert {(g["region_id"], g["category"]): g["is_identified"] for g in gaps} == flags


def test_accuracy_of_past_forecasts_stands_beside_the_new_one(client):
    answer = client.get("/v1/demand/forecasts", params={"level": "county", "target": "bookings", "horizon": 1}).json()
    overall = {row["model"]: row for row in answer["accuracy"] if row["weeks_ahead"] is None}
    assert {"programme", "seasonal naive"} <= set(overall)
    assert {row["weeks_ahead"] for row in answer["accuracy"]} == {0, None}
    assert all(row["category"] is None and row["level"] == "county" and row["n"] > 0 for row in answer["accuracy"])
    shown = [row for series in answer["items"] for row in series["accuracy"]]
    assert shown
    for series in answer["items"]:
        assert {(row["category"], row["level"]) for row in series["accuracy"]} <= {(series["category"], "county")}


def test_villages_share_their_townships_series(client):
    query = {"level": "township", "target": "bookings", "horizon": 1, "history_weeks": 0, "limit": 1000}
    items = client.get("/v1/demand/forecasts", params=query).json()["items"]
    shared = [series for series in items if series["villages"]]
    assert shared
    for series in shared:
        assert 0 < sum(village["share"] for village in series["villages"]) <= 1 + 1e-3


def test_months_come_beside_the_weeks_where_asked_for(client):
    query = {"level": "county", "target": "bookings"}
    assert all(series["periods"] is None for series in client.get("/v1/demand/forecasts", params=query).json()["items"])
    items = client.get("/v1/demand/forecasts", params=query | {"period": "month"}).json()["items"]
    for series in items:
        # Six weeks from 19 January: the Thursdays of January's last two end it, February's last lies beyond.
        assert [month["period_start"] for month in series["periods"]][:1] == ["2026-01-01"]
        assert all(0 <= month["q0.1"] <= month["q0.5"] <= month["q0.9"] for month in series["periods"])
        # Ten weeks from 10 November: of November the first Thursday is missing, January is not over.
        assert [month["period_start"] for month in series["past_periods"]] in ([], ["2025-12-01"])
        assert series["periods"][0]["mean"] >= sum(week["mean"] for week in series["forecast"][:2]) - 0.01
    quarter = client.get("/v1/demand/forecasts", params=query | {"period": "quarter"}).json()["items"]
    assert all(series["periods"] == [] for series in quarter)
    assert client.get("/v1/demand/forecasts", params={"period": "year"}).status_code == 422


def test_long_lists_come_in_parts_that_join_up(client):
    whole = client.get("/v1/demand/gaps", params={"limit": 1000}).json()
    found, address = [], "/v1/demand/gaps?limit=7"
    while address:
        part = client.get(address).json()
        assert part["total"] == whole["total"]
        found += part["items"]
        address = part["next"]
    assert found == whole["items"]
    unmet = [gap["unmet"] for gap in found]
    assert unmet == sorted(unmet, reverse=True)


def test_use_of_venues_is_counted_from_rows(client, dataset):
    since, until = AS_OF - pd.Timedelta(weeks=8), AS_OF
    query = {"from": since.isoformat(), "to": until.isoformat(), "limit": 1000}
    rows = {row["venue_id"]: row for row in client.get("/v1/venues/utilisation", params=query).json()["items"]}
    assert set(rows) == set(dataset.venues["venue_id"])
    sessions = dataset.sessions[
        (dataset.sessions["starts_at"] >= since) & (dataset.sessions["starts_at"] < until)
        & dataset.sessions["cancelled_at"].isna() & dataset.sessions["venue_id"].notna()
    ]  # fmt: skip
    counts = sessions["venue_id"].value_counts()
    online = dataset.activities.set_index("activity_id")["online"]
    busiest = counts[~sessions["activity_id"].map(online).groupby(sessions["venue_id"]).any().reindex(counts.index)]
    venue = busiest.index[0]
    assert rows[venue]["sessions"] == busiest.iloc[0]
    here = dataset.bookings[dataset.bookings["session_id"].isin(sessions["session_id"][sessions["venue_id"] == venue])]
    taking = here[here["status"].isin(["booked", "attended", "no_show"])]
    assert rows[venue]["places"] == taking["party_size"].sum()
    total = sum(sum(day) for day in rows[venue]["by_hour"]) * 8
    assert total == pytest.approx(rows[venue]["hours"], abs=0.05 * 168)


def test_service_radius_rises_and_its_rings_add_up(client):
    use = client.get("/v1/venues/utilisation", params={"limit": 1000}).json()["items"]
    busiest = max(use, key=lambda row: row["places"])["venue_id"]
    radius = client.get(f"/v1/venues/{busiest}/service-radius").json()
    km = [radius["km_by_share"][share] for share in ("50%", "80%", "90%")]
    assert km == sorted(km)
    shown = [ring["share"] for ring in radius["rings"] if ring["share"] is not None]
    n_hidden = len(radius["rings"]) - len(shown)
    assert n_hidden != 1
    assert sum(shown) <= 1 + 1e-3
    assert n_hidden or sum(shown) > 1 - 1e-3


def test_participation_hides_small_groups_and_what_would_give_them_away(client):
    answer = client.get("/v1/participation").json()
    assert answer["people"] >= 5
    for name, groups in answer["tables"].items():
        assert all(g["people"] is None or g["people"] == 0 or g["people"] >= 5 for g in groups), name
        assert sum(g["is_hidden"] for g in groups) != 1, name
    ages = [group["name"] for group in answer["tables"]["age"] if group["name"] != "unknown"]
    assert ages == sorted(ages, key=lambda name: int(re.match(r"\d+", name)[0]))
    for group in answer["tables"]["category"]:
        if group["is_hidden"]:
            alone = client.get("/v1/participation", params={"category": group["name"]}).json()
            assert alone["people"] is None
            assert all(not groups for groups in alone["tables"].values())


def test_suggestions_obey_the_question(client):
    answer = client.post("/v1/classes/suggestions", json={"budget": 3}, params={"lang": "zh"}).json()
    assert [row["rank"] for row in answer["items"]] == [1, 2, 3]
    for row in answer["items"]:
        assert row["reasons"]
        assert row["venue"]["venue_id"] == row["venue_id"]
        assert 0 <= row["q0.1"] <= row["expected_attendance"] <= row["q0.9"]
    category = answer["items"][-1]["category"]
    only = client.post("/v1/classes/suggestions", json={"budget": 2, "categories": [category]}).json()["items"]
    assert {row["category"] for row in only} <= {category}
    assert client.post("/v1/classes/suggestions", json={"budget": 0}).json()["items"] == []
    problem(client.post("/v1/classes/suggestions", json={}), 422, "invalid-request")
    problem(client.post("/v1/classes/suggestions", json={"budget": -1}), 422, "invalid-request")
    problem(client.post("/v1/classes/suggestions", json={"budget": 1, "region_id": "no"}), 422, "invalid-request")
    problem(client.post("/v1/classes/suggestions", json={"budget": 1, "money": 5}), 422, "invalid-request")
    unknown = {"budget": 1, "categories": ["never offered"]}
    problem(client.post("/v1/classes/suggestions", json=unknown), 422, "invalid-request")


def test_appraisal_gives_an_audience_with_interval_and_who(client):
    best = client.post("/v1/classes/suggestions", json={"budget": 1}).json()["items"][0]
    asked = {"category": best["category"], "kind": "training", "venue_id": best["venue_id"], "capacity": 20, "price": 0}
    answer = client.post("/v1/activities/appraisal", json={**asked, "starts_at": "2026-02-07T10:00:00"}).json()
    assert 0 <= answer["q0.1"] <= answer["expected_audience"] <= answer["q0.9"] <= 20
    for parts in (answer["by_age"], answer["by_distance"], answer["by_township"]):
        assert sum(g["share"] for g in parts) == pytest.approx(1, abs=0.01)
    assert answer["new_people"] + answer["from_others"] == pytest.approx(answer["expected_audience"], abs=0.01)
    assert all(a["expected_audience"] > answer["expected_audience"] for a in answer["better_times"])
    assert answer["weekday"] == 6
    small = client.post("/v1/activities/appraisal", json={**asked, "starts_at": "2026-02-07T10:00", "capacity": 1})
    assert small.json()["expected_audience"] <= 1
    early, past = {"ends_at": "2026-02-07T09:00"}, {"starts_at": "2020-02-07T10:00"}
    for broken in ({"venue_id": "no"}, {"category": "no"}, {"capacity": 0}, {"starts_at": "soon"}, early, past):
        body = {**asked, "starts_at": "2026-02-07T10:00", **broken}
        found = problem(client.post("/v1/activities/appraisal", json=body), 422, "invalid-request")
        assert found["errors"][0]["field"] == f"body.{next(iter(broken))}"
    assert "2020-02-07 10:00 has passed" in found["detail"]
    priced = {**asked, "starts_at": "2026-02-07T10:00", "price": 30, "kind": "lecture"}
    notes = client.post("/v1/activities/appraisal?lang=en", json=priced).json()["notes"]
    assert len(notes) == len(answer["notes"]) + 2
    assert "price" in notes[1]
    assert "'lecture'" in notes[2]


def test_the_report_agrees_with_the_rows_and_its_workbook_with_the_report(client, dataset):
    query = {"from": "2025-12-01", "to": "2026-01-01"}
    made = client.get("/v1/reports/37", params=query).json()
    starts = dataset.sessions["starts_at"]
    inside = (starts >= "2025-12-01T00:00:00+08:00") & (starts < "2026-01-01T00:00:00+08:00")
    held = dataset.sessions[inside & dataset.sessions["cancelled_at"].isna()]
    assert made["summary"]["sessions"] == len(held)
    assert made["summary"]["activities"] == held["activity_id"].nunique()
    assert sum(row["sessions"] for row in made["categories"]) == len(held)
    assert [row["month"] for row in made["months"]] == ["2025-12"]
    file = client.get("/v1/reports/37", params={**query, "format": "xlsx", "lang": "en"})
    assert file.headers["content-type"].endswith("spreadsheetml.sheet")
    assert file.headers["content-disposition"] == 'attachment; filename="report-2025-12-01-2026-01-01.xlsx"'
    book = load_workbook(io.BytesIO(file.content))
    summary = {row[0].value: row[1].value for row in book["Summary"].iter_rows()}
    assert summary["sessions"] == len(held)
    assert book["Categories"].max_row == len(made["categories"]) + 1
    assert summary["since"] == "2025-12-01 00:00+08:00"
    chinese = client.get("/v1/reports/37", params={**query, "format": "xlsx", "lang": "zh"})
    genders = {row[1].value for row in load_workbook(io.BytesIO(chinese.content))["性别"].iter_rows(min_row=2)}
    assert {"女", "男"} <= genders
    assert not genders & {"f", "m", "unknown"}


def test_suggestions_come_with_a_curve_and_a_front_where_asked_for(client):
    asked = {"budget": 2, "budgets": [4, 1, 2], "front_points": 3, "effort": "fast"}
    answer = client.post("/v1/classes/suggestions", json=asked).json()
    assert [point["budget"] for point in answer["curve"]] == [1, 2, 4]
    reach = [point["expected_attendance"] for point in answer["curve"]]
    assert reach == sorted(reach)
    assert reach[0] > 0
    assert answer["front"]
    assert all(0 <= point["gini"] <= 1 for point in answer["front"])
    assert answer["equity"]["by"] == "township"
    assert answer["equity"]["catchment_km"] > 0
    assert answer["front"][0]["gini"] >= answer["front"][-1]["gini"]
    even = {"budget": 2, "effort": "fast", "must_open": answer["front"][-1]["opens"]}
    shown = client.post("/v1/classes/suggestions", json=even).json()["items"]
    assert {(row["category"], row["venue_id"]) for row in shown} == {
        (choice["category"], choice["venue_id"]) for choice in answer["front"][-1]["opens"]
    }
    plain = client.post("/v1/classes/suggestions", json={"budget": 2, "effort": "fast"}).json()
    assert plain["worth"] == pytest.approx(plain["expected_attendance"], rel=0.01)
    assert plain["gap"] == pytest.approx(1 - plain["worth"] / plain["bound"], abs=2e-3)
    assert plain["worth_on_means"] is None
    over = client.post("/v1/classes/suggestions", json={"budget": 2, "over_samples": True}).json()
    assert over["worth_on_means"] <= over["worth"] <= over["bound"]
    assert plain["equity"] is None
    assert plain["curve"] == plain["front"] == []
    assert plain["items"] == answer["items"]
    for broken in ({"budgets": [-1]}, {"equity_by": "street"}, {"catchment_km": 0}, {"front_seconds": 1e9}):
        problem(client.post("/v1/classes/suggestions", json={**asked, **broken}), 422, "invalid-request")


def test_suggestions_are_explained_and_floors_answered(client):
    plan = client.post("/v1/classes/suggestions", json={"budget": 3}).json()["items"]
    first = {"category": plan[0]["category"], "venue_id": plan[0]["venue_id"]}
    asked = {
        "budget": 3,
        "explain": True,
        "why_not": [first],
        "moves": 2,
        "closings": 2,
        "floors": [{"by": "township", "share": 0.2}],
    }
    path, plain = "/v1/classes/suggestions", {**asked, "floors": []}
    answer = client.post(path, params={"lang": "en"}, json=plain).json()
    assert answer["floors"] == []
    assert answer["why_not"][0]["reason"] == "it is in the plan"
    assert client.post(path, json=plain).json()["why_not"][0]["reason"] == "它就在方案里"
    assert len(answer["moves"]) <= 2
    assert len(answer["closings"]) == 2
    assert 0 <= answer["closings"][0]["loses"] <= answer["closings"][1]["loses"]
    for row, told in zip(answer["items"], answer["explanations"], strict=True):
        assert told["venue_id"] == row["venue_id"]
        assert sum(told["parts"].values()) == pytest.approx(row["expected_attendance"], rel=0.01)
        for by in ("age", "distance", "township"):
            people = sum(part["people"] for part in told["who"] if part["by"] == by)
            assert people == pytest.approx(row["expected_attendance"], rel=0.01)
    both = [*asked["floors"], {"by": "age", "share": 0.2}]
    fair = client.post("/v1/classes/suggestions", json={**asked, "floors": both}).json()
    assert 0 <= fair["gap"] < 1
    assert fair["expected_attendance"] < fair["worth"] <= fair["bound"], "what floors save is worth something"
    reached = {by: sum(row["reached"] for row in fair["floors"] if row["by"] == by) for by in ("township", "age")}
    # Everybody has an age group, if only that of age unknown; some tell no township.
    assert reached["age"] == pytest.approx(fair["expected_attendance"], rel=0.01)
    assert 0.8 * reached["age"] < reached["township"] <= reached["age"]
    for row in fair["floors"]:
        assert row["floor"] == pytest.approx(0.2 * row["coverable"], abs=0.01)
    for floor in ({"by": "planet", "share": 0.2}, {"by": "age", "share": 0}, {"by": "age", "share": 1.5}):
        problem(client.post("/v1/classes/suggestions", json={"budget": 1, "floors": [floor]}), 422, "invalid-request")


def test_contradictions_are_named_one_by_one_over_http(client):
    best = client.post("/v1/classes/suggestions", json={"budget": 1}).json()["items"][0]
    choice = {"category": best["category"], "venue_id": best["venue_id"]}
    asked = {"budget": 2, "must_open": [choice], "not_here": [choice], "close": [choice]}
    errors = problem(client.post("/v1/classes/suggestions", json=asked), 422, "invalid-request")["errors"]
    told = " ".join(error["message"] for error in errors)
    assert len(errors) == 2
    assert "not_here" in told
    assert "does not run there now" in told
    chinese = client.post("/v1/classes/suggestions?lang=zh", json=asked).json()
    assert chinese["detail"] == "；".join(error["message"] for error in chinese["errors"])
    assert "又被排除在外" in chinese["detail"]
    assert best["venue"]["name"] in chinese["detail"]
    nothing = client.post("/v1/classes/suggestions", json={"budget": 0, "must_open": [choice]})
    assert "budget" in problem(nothing, 422, "invalid-request")["errors"][0]["message"]


def test_odd_questions_have_answers(client):
    def items(**asked):
        return client.post("/v1/classes/suggestions", json=asked).json()["items"]

    everything = items(budget=5000, effort="fast")
    assert len({(row["category"], row["venue_id"]) for row in everything}) == len(everything) > 3
    assert items(budget=3, max_size=1)[0]["size"] == 1
    assert items(budget=3, min_attendance=1e9) == []
    assert items(budget=0) == []
    nothing = client.post("/v1/classes/suggestions", json={"budget": 0, "front_points": 5, "explain": True}).json()
    assert nothing["gap"] == 0
    assert [point["classes"] for point in nothing["front"]] == [0]
    unknown = {"category": everything[0]["category"], "venue_id": "no"}
    for asked in ({"must_open": [unknown]}, {"why_not": [unknown]}, {"age_weights": {"elves": 2}}):
        problem(client.post("/v1/classes/suggestions", json={"budget": 1, **asked}), 422, "invalid-request")
    told = client.post("/v1/classes/suggestions?lang=en", json={"budget": 1, "teachers": {"elfdance": 1}}).json()
    assert any("elfdance was never offered" in note for note in told["notes"]), told["notes"]
    less_than_none = {"budget": 1, "teachers": {"elfdance": -1}}
    problem(client.post("/v1/classes/suggestions", json=less_than_none), 422, "invalid-request")


def test_an_alarm_tells_what_there_is_and_null_where_no_session_was_held_before():
    key = {"region_id": "r", "level": "county", "category": "dance"}
    alarm = key | {"category": "", "week_start": pd.Timestamp("2026-01-12"), "kind": "break", "direction": "down"}
    alarm |= {"ratio": 0.5, "since": pd.Timestamp("2025-12-01"), "sessions_ratio": np.nan, "is_season_known": False}
    told = _alarms(pd.DataFrame([alarm]), pd.DataFrame([key]))[0].model_dump(mode="json")
    assert told == alarm | {
        "category": None,
        "week_start": "2026-01-12",
        "since": "2025-12-01",
        "sessions_ratio": None,
    }
