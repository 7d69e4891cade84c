"""Both pages in a real browser, against a live server."""

import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: rendering of the two pages is left out"),
]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--virtual-time-budget=60000",
    "--dump-dom",
)


def render(address, folder):
    """The page's tree once its scripts have run, and what the browser complained of."""
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", address]
    done = subprocess.run(command, capture_output=True, timeout=180, check=True)
    complaints = [
        line for line in done.stderr.decode(errors="replace").splitlines()
        if ":CONSOLE" in line and ("rror" in line or "Refused" in line or "violates" in line)
    ]  # fmt: skip
    return done.stdout.decode(), complaints


def test_the_visitor_sees_what_is_on(client, tmp_path):
    tree, complaints = render(f"{client.base_url}/", tmp_path)
    assert complaints == []
    assert 'data-ready="true"' in tree
    first = client.get("/v1/recommendations", params={"k": 1}).json()["items"][0]
    assert first["title"] in tree
    assert 'class="event"' in tree


def test_the_planner_sees_forecast_gaps_suggestions_and_use(client, tmp_path):
    tree, complaints = render(f"{client.base_url}/planner?lang=en", tmp_path)
    assert complaints == []
    assert 'data-ready="true"' in tree
    assert "Demand forecast" in tree
    assert "<canvas" in tree
    assert 'class="heat"' in tree
    assert 'class="plan"' in tree
    assert "problem" not in tree.split("<footer")[0]
    suggested = client.post("/v1/classes/suggestions", json={"budget": 8}).json()["items"]
    assert any(row["venue"]["name"] in tree for row in suggested)
