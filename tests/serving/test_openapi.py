"""Answers against the document that developers work from."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.serving.conftest import AS_OF

PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document(client):
    """The OpenAPI document."""
    return client.get("/openapi.json").json()


def operations(document):
    """(path, method, operation) of all."""
    return [(path, method, op) for path, methods in document["paths"].items() for method, op in methods.items()]


def as_declared(document, template, response):
    """The answer's content if its status, type and shape are those of the document."""
    operation = document["paths"][template][response.request.method.lower()]
    declared = operation["responses"].get(str(response.status_code), operation["responses"]["default"])
    media = response.headers.get("content-type", "").partition(";")[0]
    assert media in declared["content"], (response.status_code, media)
    if "json" in media:
        schema = declared["content"][media]["schema"] | {"components": document["components"]}
        faults = [(list(e.absolute_path), e.message) for e in Draft202012Validator(schema).iter_errors(response.json())]
        assert faults == []
    return response


def test_every_operation_has_a_short_name_of_its_own_and_tells_errors_as_they_are_sent(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    assert all(len(name) < 30 for name in names), names
    for path, method, operation in operations(document):
        for status, answer in operation["responses"].items():
            if not status.startswith("2"):
                assert list(answer["content"]) == [PROBLEM], (path, method, status)
                assert answer["content"][PROBLEM]["schema"]["$ref"].endswith(("/Problem", "/Unready")), path


def test_schemas_have_names_of_their_own_and_every_parameter_is_described(document):
    assert [name for name in document["components"]["schemas"] if "__" in name] == []
    references = json.dumps(document).split('"$ref": "#/components/schemas/')[1:]
    assert {one.partition('"')[0] for one in references} <= set(document["components"]["schemas"])
    for path, method, operation in operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                assert parameter.get("description") or parameter["schema"].get("description"), (path, method, parameter)


GETS = [
    ("/v1/recommendations", {}, 200),
    ("/v1/recommendations", {"k": 0}, 422),
    ("/v1/recommendations", {"region_id": "nowhere"}, 404),
    ("/v1/regions", {"limit": 3}, 200),
    ("/v1/venues", {"limit": 3}, 200),
    ("/v1/categories", {}, 200),
    ("/v1/demand/forecasts", {"limit": 20, "period": "month"}, 200),
    ("/v1/demand/forecasts", {"region_id": "nowhere"}, 404),
    ("/v1/demand/gaps", {}, 200),
    ("/v1/demand/latent", {}, 200),
    ("/v1/venues/utilisation", {}, 200),
    ("/v1/participation", {"by": ["channel", "region"]}, 200),
    ("/v1/accessibility", {"limit": 5}, 200),
    ("/v1/categories/service-radius", {}, 200),
    ("/v1/exposure", {"by": "venue_size"}, 200),
    ("/v1/rules", {}, 200),
    ("/healthz", {}, 200),
    ("/readyz", {}, 200),
    ("/metrics", {}, 200),
]


@pytest.mark.parametrize(("path", "query", "status"), GETS)
def test_an_answer_is_as_it_is_declared(client, document, path, query, status):
    response = as_declared(document, path, client.get(path, params=query))
    assert response.status_code == status


def test_answers_about_one_thing_are_as_they_are_declared(client, document, dataset):
    user = dataset.users["user_id"].iloc[0]
    first = client.get("/v1/recommendations", params={"k": 1}).json()["items"][0]
    named = {"user_id": user, "activity_id": first["activity_id"], "venue_id": first["venue"]["venue_id"]}
    named |= {"region_id": "all", "session_id": first["session_id"]}
    for template, methods in document["paths"].items():
        if "get" in methods and "{" in template and not template.startswith(("/v1/rules", "/problems")):
            if template == "/v1/regions/{region_id}":
                continue
            for ids in (named, dict.fromkeys(named, "nowhere")):
                response = as_declared(document, template, client.get(template.format(**ids)))
                assert response.status_code == (200 if ids is named else 404), template
    plan = as_declared(
        document,
        "/v1/classes/suggestions",
        client.post("/v1/classes/suggestions", json={"budget": 3, "explain": True, "moves": 2, "closings": 2}),
    ).json()["items"][0]
    question = {"category": plan["category"], "venue_id": plan["venue_id"], "starts_at": "2026-02-01T15:00"}
    for body, status in ((question, 200), ({}, 422)):
        answer = client.post("/v1/activities/appraisal", json=body)
        assert as_declared(document, "/v1/activities/appraisal", answer).status_code == status


def test_refusals_at_the_door_are_as_they_are_declared(client, document):
    for headers, status in (({"Host": "evil.example"}, 421), ({"Sec-Fetch-Site": "cross-site"}, 403)):
        answer = client.post("/v1/bookings", json={"booking_id": "b"}, headers=headers)
        assert as_declared(document, "/v1/bookings", answer).status_code == status


def test_times_are_told_in_the_zone_of_the_data(client):
    local = AS_OF.isoformat()
    assert client.get("/readyz").json()["now"] == client.get("/readyz").json()["data_until"] == local
    for path in ("/v1/participation", "/v1/venues/utilisation", "/v1/accessibility", "/v1/exposure", "/v1/reports/all"):
        answer = client.get(path).json()
        assert answer["since"].endswith("+08:00"), path
        assert answer["until"].endswith("+08:00"), path
