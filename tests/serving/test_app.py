import logging
import re

import httpx
import pandas as pd
import pytest

from serving.problems import KINDS
from tests.commands import wait_until
from tests.serving.conftest import AS_OF, BUNDLE, app_of
from tests.serving.live import serving

MEDIA_TYPE = "application/problem+json"

CONTRACT = {
    "get": [
        "/v1/users/{user_id}/recommendations",
        "/v1/recommendations",
        "/v1/activities/{activity_id}/similar",
        "/v1/users/{user_id}/profile",
        "/v1/users/{user_id}/export",
        "/v1/demand/forecasts",
        "/v1/demand/gaps",
        "/v1/venues/utilisation",
        "/v1/venues/{venue_id}/service-radius",
        "/v1/participation",
        "/v1/reports/{region_id}",
        "/healthz",
        "/readyz",
        "/metrics",
        *(f"/v1/{t}/{{{k}_id}}" for t, k in [("regions", "region"), ("venues", "venue"), ("users", "user")]),
        *(f"/v1/{t}/{{{k}_id}}" for t, k in [("activities", "activity"), ("sessions", "session")]),
    ],
    "post": ["/v1/bookings", "/v1/feedback", "/v1/classes/suggestions", "/v1/activities/appraisal"],
    "put": ["/v1/users/{user_id}/personalisation", "/v1/sessions/{session_id}", "/v1/venues/{venue_id}"],
    "delete": ["/v1/users/{user_id}/profile/tags/{tag}", "/v1/users/{user_id}"],
}


def problem(response, status, kind):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    body = response.json()
    assert body["status"] == status
    assert body["type"] == f"/problems/{kind}"
    assert body["title"] == KINDS[kind].en
    assert body["request_id"] == response.headers["x-request-id"]
    return body


def test_openapi_names_every_route_of_the_contract_with_its_parameters_and_answers(client):
    document = client.get("/openapi.json").json()
    for method, paths in CONTRACT.items():
        for path in paths:
            operation = document["paths"][path][method]
            named = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path)), path
            answers = [a for status, a in operation["responses"].items() if status.startswith("2")]
            assert answers, path
    put = document["paths"]["/v1/sessions/{session_id}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    body = document["components"]["schemas"][put["$ref"].rpartition("/")[2]]
    assert body["required"] == ["activity_id", "starts_at"]
    of_user = document["paths"]["/v1/users/{user_id}/recommendations"]["get"]["parameters"]
    assert {p["name"] for p in of_user} >= {"k", "lat", "lon", "max_km", "from", "to", "category", "kind", "channel"}


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/static/nothing.js", 404, "not-found"),
        ("DELETE", "/healthz", 405, "method-not-allowed"),
        ("GET", "/v1/users/nobody/recommendations", 404, "unknown-id"),
        ("GET", "/v1/users/nobody/profile", 404, "unknown-id"),
        ("GET", "/v1/users/nobody/export", 404, "unknown-id"),
        ("DELETE", "/v1/users/nobody", 404, "unknown-id"),
        ("GET", "/v1/venues/nowhere", 404, "unknown-id"),
        ("GET", "/v1/venues/nowhere/service-radius", 404, "unknown-id"),
        ("GET", "/v1/activities/nothing/similar", 404, "unknown-id"),
        ("GET", "/v1/reports/nowhere", 404, "unknown-id"),
        ("GET", "/v1/recommendations?region_id=nowhere", 404, "unknown-id"),
        ("GET", "/v1/demand/gaps?region_id=nowhere", 404, "unknown-id"),
        ("GET", "/v1/demand/forecasts?region_id=nowhere", 404, "unknown-id"),
        ("GET", "/v1/participation?region_id=nowhere", 404, "unknown-id"),
        ("GET", "/v1/recommendations?max_km=3", 422, "invalid-request"),
        ("GET", "/v1/recommendations?lat=36", 422, "invalid-request"),
        ("GET", "/v1/recommendations?lat=nan&lon=1", 422, "invalid-request"),
        ("GET", "/v1/recommendations?from=2026-02-01&to=2026-01-01", 422, "invalid-request"),
        ("GET", "/v1/recommendations?from=yesterday", 422, "invalid-request"),
        ("GET", "/v1/recommendations?from=1700000000", 422, "invalid-request"),
        ("GET", "/v1/recommendations?k=101", 422, "invalid-request"),
        ("GET", "/v1/demand/forecasts?level=planet", 422, "invalid-request"),
        ("GET", "/v1/demand/gaps?level=planet", 422, "invalid-request"),
        ("GET", "/v1/regions?level=planet", 422, "invalid-request"),
        ("GET", "/v1/reports/37?from=1900-01-01&to=2200-01-01", 422, "invalid-request"),
    ],
)
def test_every_error_is_a_problem(client, method, path, status, kind):
    problem(client.request(method, path), status, kind)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/users/a%2Fb%20%E4%B8%AD", "unknown user_id: 'a/b 中'"),
        ("/v1/nowhere/a%2Fb", "GET /v1/nowhere/a/b leads nowhere"),
    ],
)
def test_a_problem_names_the_address_as_it_was_sent(client, path, told):
    answer = client.get(path)
    assert answer.json()["instance"] == path
    assert told in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/healthz", {"GET", "HEAD"}),
        ("/v1/users/u", {"GET", "HEAD", "PUT", "DELETE"}),
        ("/v1/sessions/s", {"GET", "HEAD", "PUT"}),
        ("/v1/activities/appraisal", {"GET", "HEAD", "PUT", "POST"}),
    ],
)
def test_a_method_that_an_address_does_not_take_is_answered_with_those_it_does(client, path, methods):
    answer = client.options(path)
    problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == methods


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/planner", 200), ("/v1/regions", 200), ("/v1/users/nobody", 404)]
)
def test_head_is_answered_as_get_without_the_body(client, path, status):
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == status
    assert head.content == b""
    assert head.headers["content-type"] == get.headers["content-type"]
    pattern = "/v1/users/{user_id}" if path == "/v1/users/nobody" else path
    assert f'{{method="HEAD",route="{pattern}",status="{status}"}}' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/bookings"),
        ("PUT", "/v1/users/u"),
        ("PUT", "/v1/users/u/personalisation"),
        ("POST", "/v1/activities/appraisal"),
    ],
)
@pytest.mark.parametrize(
    "body", [b"", b"\xff\x00", b"{", b"null", b'"text"', b"7", b"[]", b"[" * 100_000, b'{"kind": "\\ud800"}']
)
def test_a_body_that_is_no_object_is_a_problem(client, method, path, body):
    answer = client.request(method, path, content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "invalid-request")


def test_all_broken_fields_are_named_at_once(client):
    body = problem(client.get("/v1/recommendations?k=0&lat=99&lon=999&surprise=1"), 422, "invalid-request")
    assert {e["field"] for e in body["errors"]} == {"query.k", "query.lat", "query.lon", "query.surprise"}


def test_no_route_passes_over_a_parameter_that_it_does_not_have(client):
    """A misspelt filter must not silently have no effect."""
    document = client.get("/openapi.json").json()
    silent = []
    for path, methods in document["paths"].items():
        for method in set(methods) & {"get", "put", "post"} if path.startswith("/v1/") else ():
            address = re.sub(r"{\w+}", "x", path)
            body = {"json": {}} if method != "get" else {}
            answer = client.request(method.upper(), address, params={"surprise": "1", "lang": "en"}, **body)
            if "query.surprise" not in [error["field"] for error in problem(answer, 422, "invalid-request")["errors"]]:
                silent.append((method, path))
    assert silent == []
    assert client.get("/v1/categories?lang=zh").status_code == 200


def test_a_second_value_where_one_is_taken_is_not_passed_over(client):
    """Of two regions the first would silently have no effect."""
    twice = client.get("/v1/recommendations?region_id=a&region_id=b&k=1&k=2&category=x&category=y")
    told = problem(twice, 422, "invalid-request")["errors"]
    assert [error["field"] for error in told] == ["query.k", "query.region_id"]
    assert "more than once" in told[0]["message"]
    chinese = client.get("/v1/categories?lang=zh&lang=zh")
    assert (chinese.status_code, chinese.json()["detail"]) == (422, "query.lang: 只能给出一次")
    for lists in ("/v1/recommendations?kind=a&kind=b&category=x&category=y", "/v1/participation?by=age&by=gender"):
        assert client.get(lists).status_code == 200


def test_problems_are_told_in_chinese_to_who_prefers_it(client):
    def of(path, **headers):
        answer = client.get(path, headers=headers)
        assert answer.headers["content-type"] == MEDIA_TYPE
        return answer.json()

    path, chinese = "/v1/recommendations?k=0&surprise=1", {"Accept-Language": "zh-CN,en;q=0.5"}
    told = of(path, **chinese)
    assert told["title"] == KINDS["invalid-request"].zh
    assert {e["field"]: e["message"] for e in told["errors"]} == {
        "query.k": "不能小于 1",
        "query.surprise": "没有这个参数",
    }
    assert told["detail"] == "query.k: 不能小于 1; query.surprise: 没有这个参数"
    assert of(path + "&lang=zh")["detail"] == told["detail"]
    assert "greater than or equal to 1" in of(path)["detail"]
    assert "greater than or equal to 1" in of(path + "&lang=en", **chinese)["detail"]
    unknown = of("/v1/users/nobody/profile", **chinese)
    assert unknown["detail"] == "没有编号为 nobody 的记录，请检查编号"
    assert "没有 GET /v1/nowhere" in of("/v1/nowhere", **chinese)["detail"]
    assert of("/v1/recommendations?lat=1&from=2026-02-01&to=2026-01-01", **chinese)["detail"] == (
        "query: lat 和 lon 要一起给出；from 必须早于 to"
    )
    assert of("/v1/recommendations?from=1600-01-01", **chinese)["detail"] == "query.from: 年份应在 1900 到 2200 之间"
    assert of("/v1/demand/forecasts?target=all", **chinese)["detail"] == "query.target: 应为 'bookings'、'demand' 之一"


@pytest.mark.parametrize(
    ("header", "lang"),
    [
        ("zh-CN;q=0.1,en", "en"),
        ("en;q=0.1, ZH-Hans-CN", "zh"),
        ("zh;Q=0.1,en;q=0.4", "en"),
        ("en;q=0.5;x=y,zh;q=0.3", "en"),
        ("en;q=2,zh;q=0.1", "zh"),
        ("zh;q=abc,en;q=0.1", "en"),
        ("zh;q=0", "en"),
        ("*", "en"),
        ("fr,de;q=0.3", "en"),
        (";;;q=,,", "en"),
    ],
)
def test_the_preferred_language_of_those_that_can_be_read(client, header, lang):
    title = client.get("/v1/nowhere", headers={"Accept-Language": header}).json()["title"]
    assert title == KINDS["not-found"].told(lang)


def test_each_kind_of_problem_can_be_looked_up(client):
    for kind, title in KINDS.items():
        assert client.get(f"/problems/{kind}").json()["title"] == title.en
        assert client.get(f"/problems/{kind}?lang=zh").json()["title"] == title.zh
    problem(client.get("/problems/other"), 404, "not-found")


def test_health_and_readiness(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["bundle"] == BUNDLE
    assert ready.json()["problems"] == []


def test_a_clock_that_is_behind_the_bundles_data_is_told(county):
    with serving(app_of(county, AS_OF - pd.Timedelta(days=365))) as client:
        ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    told = "the clock is behind the bundle's data, which reach until 2026-01-19 00:00; set it right"
    assert ready.json()["problems"] == [told]


def test_what_is_missing_is_told_in_the_language_asked_for(empty_client):
    told = {lang: empty_client.get("/readyz", headers={"Accept-Language": lang}).json() for lang in ("zh", "en", "")}
    assert told["zh"]["problems"] == ["还没有可用的模型包；请先运行 `culture train`"]
    assert told["zh"]["detail"] == told["zh"]["problems"][0]
    assert told["en"]["problems"] == told[""]["problems"] == ["no bundle serves; `culture train` makes one"]


def test_metrics_count_by_route_pattern_and_hold_no_ids(client):
    client.get("/v1/users/somebody-secret/profile")
    text = client.get("/metrics").text
    assert 'culture_requests_total{method="GET",route="/v1/users/{user_id}/profile",status="404"}' in text
    assert "somebody-secret" not in text
    client.get("/static/style.css")
    client.get("/nowhere")
    text = client.get("/metrics").text
    assert 'culture_requests_total{method="GET",route="/static",status="200"}' in text
    assert 'culture_requests_total{method="GET",route="unknown",status="404"}' in text
    assert re.search(r"^culture_bundle_age_seconds 0\.0$", text, re.M)


def test_access_log_holds_no_ids(client, caplog, monkeypatch):
    """Nor does the server's own, wherever somebody has set up its logger: it would name paths as they were asked."""
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "handlers", [caplog.handler])
    caplog.set_level("INFO", logger="uvicorn.access")
    caplog.set_level("INFO", logger="serving.access")
    with httpx.Client(base_url=client.base_url) as fresh:
        fresh.get("/v1/users/somebody-secret/profile")
        # The line follows the answer.
        wait_until(lambda: "/v1/users/{user_id}/profile 404" in caplog.text)
    assert "somebody-secret" not in caplog.text


def test_a_failure_is_a_problem_without_a_traceback(client, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("inner secret")

    monkeypatch.setattr("serving.routes.catalogue._depth_first", broken)
    response = client.get("/v1/regions")
    assert response.status_code == 500
    assert response.headers["content-type"] == MEDIA_TYPE
    assert "inner secret" not in response.text
    assert "Traceback" not in response.text
    # What is told on the way out of every other answer is told here too.
    assert response.headers["x-request-id"] == response.json()["request_id"]
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert caplog.text.count("ZeroDivisionError: inner secret") == 1
    assert response.headers["x-request-id"] in caplog.text
    assert client.get("/healthz").status_code == 200


def test_pages_need_no_other_host(client):
    for path in ("/", "/planner"):
        page = client.get(path)
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        for source in re.findall(r'(?:src|href)="([^"#]+)"', page.text):
            assert source.startswith("/"), source
            assert client.get(source).status_code == 200, source
