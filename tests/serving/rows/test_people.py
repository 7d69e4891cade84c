import re

import pandas as pd

from features.ranking.lists import load_ranking, recommend
from features.store.ingest import ingest_folder
from features.store.snapshot import load_snapshot
from features.store.store import open_store
from recsys.releases import load_champion
from tests.serving.conftest import AS_OF
from tests.serving.test_app import problem
from tests.serving.test_lists import items, some_user


def tags(client, user):
    return {t["tag"]: t for t in client.get(f"/v1/users/{user}/profile").json()["tags"]}


def test_the_profile_says_what_is_used_and_where_it_comes_from(client, county):
    user = some_user(client, county)
    profile = client.get(f"/v1/users/{user}/profile").json()
    assert profile["personalised"]
    origins = {(tag.split(":")[0], t["origin"]) for tag, t in tags(client, user).items()}
    assert {("category", "bookings"), ("organiser", "bookings")} <= origins
    for lang, home in (("zh", "资料中的住处或地区"), ("en", "place or region of the profile")):
        told = client.get(f"/v1/users/{user}/profile", headers={"Accept-Language": lang}).json()["tags"]
        assert {t["detail"] for t in told if t["tag"].startswith("home:")} <= {home}
        # The tag's own words stand in its name.
        assert all(re.search("[\u4e00-\u9fff]", t["detail"]) for t in told) is (lang == "zh")
    assert profile["tags"] == client.get(f"/v1/users/{user}/profile?lang=zh").json()["tags"]


def test_a_removed_tag_is_not_used_any_more(own_client, own_county):
    user = some_user(own_client, own_county)
    before = {row["session_id"]: row["score"] for row in items(own_client, f"/v1/users/{user}/recommendations")}
    for tag in [t for t in tags(own_client, user) if t.split(":")[0] in ("category", "organiser", "series")]:
        answer = own_client.delete(f"/v1/users/{user}/profile/tags/{tag}")
        assert answer.status_code == 200
        assert tag in answer.json()["removed_tags"]
    assert not any(tag.startswith("category:") for tag in tags(own_client, user))
    after = {row["session_id"]: row["score"] for row in items(own_client, f"/v1/users/{user}/recommendations")}
    assert set(after) == set(before)
    assert after != before
    problem(own_client.delete(f"/v1/users/{user}/profile/tags/category:never"), 404, "unknown-id")


def test_who_opts_out_gets_a_list_that_is_not_personal(own_client, own_county):
    user = some_user(own_client, own_county)
    path = f"/v1/users/{user}/personalisation"
    assert own_client.put(path, json={"enabled": False}).json() == {"enabled": False}
    answer = own_client.get(f"/v1/users/{user}/recommendations", params={"k": 100}).json()
    assert not answer["personal"]
    # Not personal: ranks as a stranger's list does, but offers nothing that the person has booked or is too young for.
    stranger = [row["session_id"] for row in items(own_client)]
    mine = [row["session_id"] for row in answer["items"]]
    assert [one for one in mine if one in stranger] == [one for one in stranger if one in mine]
    assert own_client.put(path, json={"enabled": True}).json() == {"enabled": True}
    assert own_client.get(f"/v1/users/{user}/recommendations").json()["personal"]
    problem(own_client.put(path, json={"enabled": "yes"}), 422, "invalid-request")
    problem(own_client.put("/v1/users/nobody/personalisation", json={"enabled": True}), 404, "unknown-id")


def test_a_copy_holds_every_row_and_erasure_leaves_none(own_client, own_county):
    user = some_user(own_client, own_county)
    waiting = {"booking_id": "w", "user_id": user, "session_id": "not yet", "booked_at": AS_OF.isoformat()}
    assert own_client.post("/v1/bookings", json=waiting).json()["waiting"] == 1
    profile = {"birth_year": 1970, "registered_at": "2024-02-29T08:00:00.123456+08:00"}
    assert own_client.put(f"/v1/users/{user}", json=profile).status_code == 200
    copy = own_client.get(f"/v1/users/{user}/export").json()
    assert copy["tables"]["users"][0]["registered_at"] == "2024-02-29T00:00:00.123456Z"
    assert copy["tables"]["users"][0]["user_id"] == user
    assert copy["tables"]["bookings"]
    assert {row["user_id"] for rows in copy["tables"].values() for row in rows} == {user}
    assert [(row["table"], row["booking_id"]) for row in copy["quarantine"]] == [("bookings", "w")]
    assert own_client.delete(f"/v1/users/{user}").status_code == 204
    for path in ("profile", "export", "recommendations"):
        problem(own_client.get(f"/v1/users/{user}/{path}"), 404, "unknown-id")
    problem(own_client.get(f"/v1/users/{user}"), 404, "unknown-id")
    problem(own_client.delete(f"/v1/users/{user}"), 404, "unknown-id")


def test_who_was_erased_stays_erased_when_delivered_again(own_client, own_county):
    user = some_user(own_client, own_county)
    row = own_client.get(f"/v1/users/{user}").json()
    assert own_client.delete(f"/v1/users/{user}").status_code == 204
    with open_store(own_county) as store:
        report = ingest_folder(store, own_county.home / "tables")
    assert report.tables["users"].erased == 1
    assert report.tables["bookings"].erased > 0
    problem(own_client.get(f"/v1/users/{user}/export"), 404, "unknown-id")
    told = problem(own_client.put(f"/v1/users/{user}", json=row), 422, "invalid-request")
    assert told["errors"][0]["field"] == "body.user_id"
    booking = {"booking_id": "new", "user_id": user, "session_id": items(own_client)[0]["session_id"]}
    late = booking | {"booked_at": (AS_OF + pd.Timedelta(minutes=2)).isoformat()}
    assert own_client.post("/v1/bookings", json=late).json()["rejected"] == 1
    anew = row | {"registered_at": (AS_OF + pd.Timedelta(minutes=1)).isoformat()}
    assert own_client.put(f"/v1/users/{user}", json=anew).status_code == 200
    assert own_client.post("/v1/bookings", json=late).json()["accepted"] == 1
    assert len(own_client.get(f"/v1/users/{user}/export").json()["tables"]["bookings"]) == 1


def test_a_person_of_whom_rows_only_wait_has_a_copy_and_erasure(own_client):
    waiting = {"booking_id": "w", "user_id": "to come", "session_id": "not yet", "booked_at": AS_OF.isoformat()}
    assert own_client.post("/v1/bookings", json=waiting).json()["waiting"] == 1
    assert len(own_client.get("/v1/users/to come/export").json()["quarantine"]) == 1
    assert own_client.delete("/v1/users/to come").status_code == 204
    problem(own_client.get("/v1/users/to come/export"), 404, "unknown-id")


def test_a_person_known_from_bookings_alone_has_rights_too(own_client):
    first = items(own_client)[0]
    row = {"booking_id": "g", "session_id": first["session_id"], "booked_at": pd.Timestamp(AS_OF).isoformat()}
    own_client.put("/v1/users/ghost", json={})
    assert own_client.post("/v1/bookings", json={**row, "user_id": "ghost"}).json()["accepted"] == 1
    assert f"category:{first['category']}" in tags(own_client, "ghost")
    assert first["session_id"] not in {r["session_id"] for r in items(own_client, "/v1/users/ghost/recommendations")}


def test_the_batch_honours_removed_tags_as_http_does(own_client, own_county, tmp_path):
    user = some_user(own_client, own_county)

    def batch():
        with open_store(own_county) as store:
            dataset = load_snapshot(store.snapshot(tmp_path, AS_OF).path)
        model = load_ranking(load_champion(own_county.home))
        rows = pd.concat(recommend(model, dataset, AS_OF, [user], 10))
        return dict(zip(rows["session_id"], rows["score"].round(9), strict=True))

    before = batch()
    for tag in tags(own_client, user):
        own_client.delete(f"/v1/users/{user}/profile/tags/{tag}")
    after = batch()
    http = items(own_client, f"/v1/users/{user}/recommendations")
    assert after != before
    assert after == {row["session_id"]: round(row["score"], 9) for row in http}
