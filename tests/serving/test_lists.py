import threading
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from features.ranking.answers import Request
from features.ranking.lists import load_ranking, recommend
from features.store.snapshot import load_snapshot
from features.store.store import open_store
from recsys.releases import load_champion
from serving import lists
from serving.lists import Asked, Made, Only, make_lists
from serving.parts import open_parts
from serving.routes import recommendations
from serving.rows.live import LiveData
from serving.turns import MOST_TOGETHER
from tests.commands import PATIENCE_S, wait_until
from tests.serving.conftest import AS_OF, BUNDLE

NOW = AS_OF + pd.Timedelta(seconds=1)


def items(client, path="/v1/recommendations", **query):
    answer = client.get(path, params={"k": 100, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def some_user(client, county):
    with open_store(county) as store, store.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT user_id FROM bookings JOIN users USING (user_id) WHERE coalesce(personalised, true)"
            " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
        )
        return found.scalar_one()


def test_a_row_says_what_where_when_how_far_and_why(client, county):
    user = some_user(client, county)
    answer = client.get(f"/v1/users/{user}/recommendations", params={"k": 5, "lat": 36.7, "lon": 117.4}).json()
    assert answer["bundle"] == BUNDLE
    assert pd.Timestamp(answer["data_until"]) == AS_OF
    assert answer["request_id"]
    assert answer["personal"]
    assert [row["rank"] for row in answer["items"]] == [1, 2, 3, 4, 5]
    scores = [row["score"] for row in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    for row in answer["items"]:
        assert row["title"]
        assert row["source"]
        assert row["starts_at"].endswith("+08:00")
        assert row["online"] or row["venue"]["region"]
        assert row["online"] or row["distance_km"] >= 0
        assert row["places_left"] is None or row["places_left"] >= 1


def test_requests_are_answered_as_the_batch_to_the_last_bit(client, county, tmp_path):
    """Features of a request are computed from live rows, those of the batch from a snapshot: nothing may differ."""
    with open_store(county) as store:
        dataset = load_snapshot(store.snapshot(tmp_path, AS_OF).path)
    batch = pd.concat(recommend(load_ranking(load_champion(county.home)), dataset, AS_OF, None, 9))
    by_user = dict(list(batch.groupby("user_id")))
    busy = dataset.bookings["user_id"].value_counts().index[:15]
    assert batch["source"].nunique() == 3
    for user in {*busy, *batch.drop_duplicates("source")["user_id"], *list(by_user)[::40]}:
        expected = [(row.session_id, row.score, row.source) for row in by_user[user].itertuples()]
        rows = items(client, f"/v1/users/{user}/recommendations", k=9)
        assert [(row["session_id"], row["score"], row["source"]) for row in rows] == expected


def test_filters_hold(client):
    everything = items(client)
    category = everything[0]["category"]
    assert {row["category"] for row in items(client, category=category)} == {category}
    both = items(client, category=[category, next(r["category"] for r in everything if r["category"] != category)])
    assert len({row["category"] for row in both}) == 2
    kind = everything[0]["kind"]
    assert {row["kind"] for row in items(client, kind=kind)} == {kind}
    first, last = "2026-01-22", "2026-01-24T00:00:00+08:00"
    starts = [pd.Timestamp(row["starts_at"]) for row in items(client, **{"from": first, "to": last})]
    assert starts
    assert min(starts) >= pd.Timestamp("2026-01-22T00:00:00+08:00")
    assert max(starts) < pd.Timestamp(last)
    near = items(client, lat=36.7, lon=117.4, max_km=8)
    assert near
    assert all(row["distance_km"] <= 8 for row in near)
    assert items(client, category="nothing of the kind") == []
    venue = next(row["venue"] for row in everything if row["venue"])
    assert {row["venue"]["region_id"] for row in items(client, region_id=venue["region_id"])} == {venue["region_id"]}


def test_a_visitor_where_nothing_is_on_is_told_what_is_on_around(client, county):
    def asked(path="/v1/recommendations", **query):
        answer = client.get(path, params={"k": 100, **query}).json()
        return answer["region_id"], [row["session_id"] for row in answer["items"]]

    tree = {row["region_id"]: row["parent_id"] for row in client.get("/v1/regions").json()["items"]}
    lists = {region: asked(region_id=region) for region in tree}
    silent = [region for region, (of, _) in lists.items() if of != region]
    assert silent
    assert len(silent) < len(tree)
    for region in silent:
        assert lists[region][1]
        assert lists[region] == lists[tree[region]]
    user = some_user(client, county)
    assert asked(f"/v1/users/{user}/recommendations", region_id=silent[0]) == (silent[0], [])
    assert asked(region_id=silent[0], category="nothing of the kind") == (silent[0], [])
    assert asked()[0] is None


def test_language_follows_the_parameter_then_the_header(client):
    def language(query=None, header=None):
        headers = {} if header is None else {"accept-language": header}
        return client.get("/v1/recommendations", params=query or {}, headers=headers).json()["language"]

    assert language(header="en-GB,en;q=0.9,zh;q=0.8") == "en"
    assert language(header="fr, zh-CN;q=0.7, en;q=0.3") == "zh"
    assert language(header="de") == "zh"
    assert language({"lang": "zh"}, "en") == "zh"


def test_a_booking_a_second_ago_changes_the_persons_next_list(own_client, own_county):
    user = some_user(own_client, own_county)
    path = f"/v1/users/{user}/recommendations"
    first = items(own_client, path)[0]
    booking = {"booking_id": "new", "user_id": user, "session_id": first["session_id"], "booked_at": NOW.isoformat()}
    assert own_client.post("/v1/bookings", json=booking).json()["accepted"] == 1
    after = items(own_client, path)
    assert first["session_id"] not in {row["session_id"] for row in after}
    clashing = {row["starts_at"] for row in after if row["starts_at"] == first["starts_at"]}
    assert not clashing


def test_a_session_filled_or_cancelled_a_second_ago_is_offered_to_nobody(own_client):
    first, second = [r for r in items(own_client) if r["places_left"] is not None][:2]
    party = {"user_id": "u0000001", "booked_at": NOW.isoformat(), "party_size": first["places_left"]}
    row = {"booking_id": "party", "session_id": first["session_id"], **party}
    assert own_client.post("/v1/bookings", json=row).json()["accepted"] == 1
    stored = own_client.get(f"/v1/sessions/{second['session_id']}").json()
    cancelled = {**stored, "cancelled_at": AS_OF.isoformat()}
    assert own_client.put(f"/v1/sessions/{second['session_id']}", json=cancelled).status_code == 200
    offered = {row["session_id"] for row in items(own_client)}
    assert not {first["session_id"], second["session_id"]} & offered
    # A cancelled booking gives its places back.
    assert own_client.post("/v1/bookings", json={**row, "status": "cancelled"}).json()["accepted"] == 1
    assert first["session_id"] in {row["session_id"] for row in items(own_client)}


def test_a_new_session_is_offered_soon(own_client):
    activity = {"category": "新门类", "title": "第一场"}
    assert own_client.put("/v1/activities/brand-new", json=activity).status_code == 200
    session = {"activity_id": "brand-new", "starts_at": "2026-01-25T10:00:00", "capacity": 3}
    assert own_client.put("/v1/sessions/brand-new-1", json=session).status_code == 200
    found = wait_until(lambda: items(own_client, category="新门类"))
    assert [(row["title"], row["places_left"], row["venue"]) for row in found] == [("第一场", 3, None)]
    assert pd.Timestamp(found[0]["starts_at"]) == pd.Timestamp("2026-01-25T10:00:00+08:00")


def test_similar_activities_are_open_alike_and_not_the_same(client):
    one = items(client)[0]
    answer = client.get(f"/v1/activities/{one['activity_id']}/similar", params={"k": 5}).json()
    rows = answer["items"]
    assert 1 <= len(rows) <= 5
    assert one["activity_id"] not in {row["activity_id"] for row in rows}
    assert all(row["score"] > 0 and row["reasons"] for row in rows)


def test_what_is_like_an_activity_stored_a_second_ago(own_client, monkeypatch):
    monkeypatch.setattr("serving.rows.live.CHEAP_CPU_S", 0.0)  # As with a store too large to be read for each request.
    one = items(own_client)[0]
    stored = own_client.get(f"/v1/activities/{one['activity_id']}").json()
    assert own_client.put("/v1/activities/brand-new", json=stored | {"activity_id": "brand-new"}).status_code == 200
    session = {"activity_id": "brand-new", "starts_at": "2026-01-25T10:00:00"}
    assert own_client.put("/v1/sessions/brand-new-1", json=session).status_code == 200
    found = own_client.get("/v1/activities/brand-new/similar").json()["items"]
    assert one["activity_id"] in {row["activity_id"] for row in found}


def test_without_a_bundle_lists_are_popularity_and_say_so(own_county):
    from tests.serving.conftest import app_of
    from tests.serving.live import FixedProvider, serving

    with serving(app_of(own_county, provider=FixedProvider(None))) as client:
        assert client.get("/readyz").status_code == 503
        answer = client.get("/v1/recommendations").json()
        assert answer["bundle"] is None
        assert len(answer["items"]) >= 5
        assert {row["source"] for row in answer["items"]} == {"popular-from-store"}
        assert all(row["reasons"] for row in answer["items"])
        assert client.get("/v1/demand/forecasts").status_code == 503
        assert client.post("/v1/classes/suggestions", json={"budget": 1}).status_code == 503
        assert client.get("/v1/participation").status_code == 200


@pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/regions", "/v1/venues", "/v1/categories"])
def test_an_empty_store_answers_from_what_there_is(empty_client, path):
    answer = empty_client.get(path)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json()["items"], list)


def test_a_store_that_fills_from_nothing_begins_to_answer(empty_client):
    user = {"user_id": "ann", "birth_year": 1990}
    assert empty_client.put("/v1/users/ann", json=user).status_code == 200
    assert items(empty_client, "/v1/users/ann/recommendations") == []
    assert empty_client.put("/v1/activities/a", json={"category": "dance"}).status_code == 200
    starts = {"activity_id": "a", "starts_at": "2026-02-01T10:00:00Z"}
    assert empty_client.put("/v1/sessions/s", json=starts).status_code == 200
    found = wait_until(lambda: items(empty_client, "/v1/users/ann/recommendations"))
    assert [row["session_id"] for row in found] == ["s"]
    assert empty_client.get("/v1/participation").json()["people"] == 0
    assert empty_client.get("/v1/reports/all").json()["summary"]["sessions"] == 0
    assert empty_client.get("/v1/venues/utilisation").json()["items"] == []


@pytest.fixture
def held_lists(monkeypatch):
    """Lists wait, once they are being ranked, until the event is set; how many in each run, as they come."""
    ranked, may_end, begun = lists.answers, threading.Event(), []

    def held(model, catalogue, block, *others):
        begun.append(len(block))
        assert may_end.wait(PATIENCE_S)
        return ranked(model, catalogue, block, *others)

    monkeypatch.setattr(lists, "answers", held)
    yield begun, may_end
    may_end.set()


def test_lists_are_made_together_one_run_after_another_and_hold_up_nobody_else(client, county, held_lists, monkeypatch):
    asked, question = [], recommendations._question
    monkeypatch.setattr(recommendations, "_question", lambda *of: asked.append(1) or question(*of))
    with open_store(county) as store, store.reading() as connection:
        users = list(connection.exec_driver_sql("SELECT user_id FROM users ORDER BY 1 LIMIT 60").scalars())
    begun, may_end = held_lists
    with ThreadPoolExecutor(60) as asking:
        found = [asking.submit(items, client, f"/v1/users/{user}/recommendations", k=3) for user in users]
        wait_until(lambda: begun and len(asked) == len(users))
        assert client.get("/v1/regions").status_code == 200
        assert len(begun) == 1
        may_end.set()
        assert [len(one.result()) for one in found] == [3] * len(users)
    assert sum(begun) == len(users)
    assert len(begun) <= 4
    assert max(begun) <= MOST_TOGETHER


def test_who_would_wait_too_long_is_told_when_to_come_back(client, county, held_lists, monkeypatch):
    monkeypatch.setattr("serving.turns.MOST_WAIT_S", 0.01)
    path, (begun, may_end) = f"/v1/users/{some_user(client, county)}/recommendations", held_lists
    with ThreadPoolExecutor(1) as asking:
        served = asking.submit(items, client, path, k=3)
        wait_until(lambda: begun)
        refused = client.get(path, headers={"accept-language": "en"})
        assert (refused.status_code, refused.json()["type"]) == (503, "/problems/too-busy")
        assert refused.headers["retry-after"] == "1"
        assert "try again in about 1 s" in refused.json()["detail"]
        may_end.set()
        assert len(served.result()) == 3
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("has_bundle", [True, False])
def test_lists_asked_for_together_are_those_asked_for_alone(own_county, has_bundle):
    """People, one of them twice, visitors, filters, lengths, opt-outs, removed tags, and those who get none."""
    live = LiveData(lambda: open_store(own_county), lambda: AS_OF.tz_convert("UTC"))
    with open_store(own_county) as store, store.reading() as connection:
        users = list(connection.exec_driver_sql("SELECT user_id FROM bookings GROUP BY 1 ORDER BY 1").scalars())[:20]
        category, organiser = connection.exec_driver_sql("SELECT category, organiser_id FROM activities LIMIT 1").one()
    live.using(lambda store: store.set_personalised(users[2], enabled=False))
    for tag in (f"category:{category}", f"organiser:{organiser}", "home:place"):
        live.using(lambda store, tag=tag: store.remove_tag(users[3], tag))
    near = Request(k=5, lat=36.7, lon=117.4, max_km=9)
    asked = [
        *(Asked(Request(k=5 + place % 2), user_id=user_id) for place, user_id in enumerate([*users, users[0]])),
        Asked(near, user_id=users[0]),
        Asked(Request(k=5), Only(categories=(category,)), users[1]),
        Asked(Request(k=5, region_id="nowhere"), user_id=users[4]),
        Asked(Request(k=5), user_id="nobody"),
        Asked(Request(k=5)),
        Asked(near),
        Asked(Request(k=5), Only(categories=(category,))),
        Asked(Request(k=5, max_km=3)),
        Asked(Request(k=5, region_id="nowhere")),
    ]
    parts = open_parts(load_champion(own_county.home)) if has_bundle else None
    now = AS_OF.tz_convert("UTC")
    together = make_lists(live, parts, now, asked)
    alone = [made for one in asked for made in make_lists(live, parts, now, [one])]
    live.close()
    told = [str(one) if isinstance(one, Exception) else (one.rows, one.is_personal, one.region_id) for one in together]
    assert told == [
        str(one) if isinstance(one, Exception) else (one.rows, one.is_personal, one.region_id) for one in alone
    ]
    failed = [place for place, one in enumerate(together) if isinstance(one, Exception)]
    assert failed == [23, 24, 28, 29]
    assert sum(len(one.rows) for one in together if isinstance(one, Made)) > 100
    if has_bundle:
        assert [one.is_personal for one in together[:4]] == [True, True, False, True]
