"""Groups are named in the language asked for, beside names that programmes read."""

import re

import pandas as pd

from tests.serving.conftest import AS_OF
from tests.serving.test_lists import items

CHINESE = re.compile("[\u4e00-\u9fff]")
OWN = {"age", "gender", "distance", "venue_size"}
"""What the service names itself; regions, categories and organisers are the platform's."""


def in_both(client, method, path, **asked):
    """The answer in Chinese and in English, by `lang` and by header alike."""
    answers = [client.request(method, path, headers={"Accept-Language": lang}, **asked) for lang in ("zh", "en")]
    assert [one.status_code for one in answers] == [200, 200], answers[0].text
    query = {**asked.pop("params", {}), "lang": "en"}
    assert client.request(method, path, params=query, **asked).json() == answers[1].json()
    return [one.json() for one in answers]


def check(zh, en, by, key="name"):
    """Rows of groups alike but for what people read."""
    assert zh
    assert [row[key] for row in zh] == [row[key] for row in en]
    if by in OWN:
        assert all(CHINESE.search(row["label"]) for row in zh)
        assert not any(CHINESE.search(row["label"]) for row in en)


def test_who_takes_part_is_told_in_the_language_asked_for(client):
    asked = {"by": ["age", "gender", "channel", "region"]}
    zh, en = in_both(client, "GET", "/v1/participation", params=asked)
    for by in asked["by"]:
        check(zh["tables"][by], en["tables"][by], by)
    assert {row["name"]: row["label"] for row in en["tables"]["gender"]}["f"] == "female"
    region = client.get("/v1/regions").json()["items"][0]["region_id"]
    zh, en = in_both(client, "GET", f"/v1/reports/{region}")
    check(zh["ages"], en["ages"], "age")
    check(zh["genders"], en["genders"], "gender")


def test_audiences_are_told_in_the_language_asked_for(client):
    question = {"budget": 2, "explain": True, "floors": [{"by": "age", "share": 0.1}, {"by": "township", "share": 0.1}]}
    zh, en = in_both(client, "POST", "/v1/classes/suggestions", json=question)
    names = {row["region_id"]: row["name"] for row in client.get("/v1/regions", params={"limit": 1000}).json()["items"]}
    for by in ("age", "township"):
        check(*([row for row in answer["floors"] if row["by"] == by] for answer in (zh, en)), by)
    assert all(row["label"] == names[row["name"]] for row in zh["floors"] if row["by"] == "township")
    for first, second in zip(zh["explanations"], en["explanations"], strict=True):
        for by in ("age", "distance", "township"):
            check(*([row for row in one["who"] if row["by"] == by] for one in (first, second)), by)
    session = {
        "category": zh["items"][0]["category"],
        "venue_id": zh["items"][0]["venue_id"],
        "starts_at": (AS_OF + pd.Timedelta(days=9, hours=10)).isoformat(),
    }
    zh, en = in_both(client, "POST", "/v1/activities/appraisal", json=session)
    for by in ("age", "distance", "township"):
        check(zh[f"by_{by}"], en[f"by_{by}"], by)


def test_exposure_is_told_in_the_language_asked_for(own_client):
    items(own_client, k=10)
    for by in ("venue_size", "region", "organiser"):
        zh, en = in_both(own_client, "GET", "/v1/exposure", params={"by": by})
        check(zh["items"], en["items"], by, key="value")
