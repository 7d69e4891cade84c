"""A browser on the same machine must not lend its place to other sites."""

import pytest

from serving.privacy import is_loopback
from tests.serving.test_app import problem

ROW = {"feedback_id": "f", "user_id": "u", "activity_id": "a", "kind": "view", "occurred_at": "2026-01-01"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "0.0.0.0", "[::2]:1"])
def test_a_name_that_is_not_of_this_machine_is_not_answered(client, host):
    """A name that its owner lets point here (DNS rebinding) would read what a person's own page may read."""
    for path in ("/v1/users/u/export", "/healthz", "/"):
        problem(client.get(path, headers={"Host": host}), 421, "other-site")


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "LOCALHOST.:8000", "127.0.0.53:1", "[::1]:8000"])
def test_every_name_of_this_machine_is_answered(client, host):
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_pages_of_other_sites_write_nothing(client, headers):
    """Browsers send a text or form to any address without asking; only the answer is kept from the page."""
    problem(client.post("/v1/feedback", json=ROW, headers=headers), 403, "other-site")
    problem(client.delete("/v1/users/u", headers=headers), 403, "other-site")


def test_own_pages_and_programs_write(client):
    own = f"http://{client.base_url.netloc.decode()}"
    for headers in ({}, {"Origin": own}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        assert client.post("/v1/feedback", json=ROW, headers=headers).status_code == 202


def test_links_from_other_sites_lead_here(client):
    assert client.get("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("path", ["/v1/recommendations?k=1", "/v1/users/nobody/export", "/v1/nowhere"])
def test_answers_are_kept_by_no_browser_and_no_proxy(client, path):
    answer = client.get(path)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_pages_and_what_they_are_made_of_may_be_kept(client):
    assert client.get("/").headers["cache-control"] == "no-cache"
    assert "no-store" not in client.get("/static/style.css").headers.get("cache-control", "")


def test_loopback():
    assert [is_loopback(host) for host in ("localhost", "127.0.0.9", "::1", "0.0.0.0", "")] == [True] * 3 + [False] * 2
