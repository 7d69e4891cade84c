"""Openings are suggested, opened, booked, reported, and teach the next suggestions: through the service."""

import io

import numpy as np
import pandas as pd
import pytest
from openpyxl import load_workbook

from features.openings.inputs import opening_inputs
from features.settings import Settings
from features.store.ingest import ingest_folder
from features.store.snapshot import load_snapshot
from features.store.store import open_store
from recsys.bundle import BundleWriter
from recsys.openings.learned.stored import save_openings
from recsys.releases import bundles_folder, release
from tests.opening_world import UNTIL, world
from tests.serving.conftest import app_of
from tests.serving.live import serving

WEEKS = 9
BEFORE = UNTIL - pd.Timedelta(weeks=WEEKS)
TIMES = 3


def _train(settings, name, until):
    """A bundle that holds openings alone, learned from the store as of `until`, released."""
    with open_store(settings) as store:
        dataset = load_snapshot(store.snapshot(settings.home / "snapshots", until).path)
    inputs = opening_inputs(dataset)
    manifest = {"data_until": until.isoformat(), "timezone": dataset.timezone}
    with BundleWriter(bundles_folder(settings.home) / name, manifest) as writer:
        save_openings(inputs, writer)
    release(settings.home, name)
    return inputs


def _first_date(row):
    hour, minute = map(int, row["start_time"].split(":"))
    return BEFORE + pd.Timedelta(days=row["weekday"] - 1, hours=hour, minutes=minute)


def _appraised(client, row):
    """All who are expected at one session of a class that is suggested."""
    asked = {name: row[name] for name in ("category", "venue_id")} | {"kind": "training", "capacity": 30}
    asked["starts_at"] = (_first_date(row) + pd.Timedelta(weeks=4)).isoformat()
    return client.post("/v1/activities/appraisal", json=asked).raise_for_status().json()["expected_audience"]


def _open(client, number, row, people):
    """Puts a weekly class as suggested, and books so many people into every date of it, who all come."""
    activity = f"new-{number}"
    client.put(f"/v1/activities/{activity}", json={"category": row["category"], "kind": "training"}).raise_for_status()
    bookings = []
    for week in range(WEEKS):
        start, session = _first_date(row) + pd.Timedelta(weeks=week), f"{activity}-{week}"
        facts = {"activity_id": activity, "starts_at": start.isoformat(), "venue_id": row["venue_id"], "capacity": 30}
        client.put(f"/v1/sessions/{session}", json=facts).raise_for_status()
        bookings += [
            {
                "booking_id": f"{session}-{n}",
                "user_id": f"u{(37 * number + 11 * week + 5 * n) % 1500}",
                "session_id": session,
                "booked_at": (start - pd.Timedelta(days=2)).isoformat(),
                "status": "attended",
                "status_at": (start + pd.Timedelta(hours=1)).isoformat(),
            }
            for n in range(people)
        ]
    answer = client.post("/v1/bookings", json=bookings)
    assert answer.status_code == 202, answer.text
    assert {row["status"] for row in answer.json()["results"]} == {"accepted"}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    for name, frame in world(4).dataset.tables().items():
        if len(frame):
            lists = [c for c in frame if frame[c].map(lambda v: isinstance(v, list)).any()]
            frame.drop(columns=lists).to_csv(folder / f"{name}.csv", index=False)
    return folder


def test_what_came_of_suggestions_is_reported_and_learned(tables, database_url, tmp_path):
    settings = Settings(home=tmp_path, database_url=database_url)
    with open_store(settings) as store:
        ingest_folder(store, tables, "default", None, None, show_progress=False)
    assert _train(settings, "first", BEFORE).bias == 1.0
    with serving(app_of(settings, BEFORE)) as client:
        opened = client.post("/v1/classes/suggestions", json={"budget": 6}).json()["items"]
        people = [round(TIMES * row["expected_attendance"]) + 1 for row in opened]
        audiences = [_appraised(client, row) for row in opened]
        for number, row in enumerate(opened):
            _open(client, number, row, people[number])
        assert client.get("/v1/reports/all").json()["openings"] == []
    second = _train(settings, "second", UNTIL)
    with serving(app_of(settings, UNTIL)) as client:
        period = {"from": BEFORE.date().isoformat(), "to": UNTIL.date().isoformat()}
        made = client.get("/v1/reports/county", params=period).json()["openings"]
        file = client.get("/v1/reports/county", params={**period, "format": "xlsx", "lang": "en"})
        town = client.get("/v1/reports/t3", params=period).json()["openings"]
    found = {(row["category"], row["venue_id"]): row for row in made}
    assert set(found) == {(row["category"], row["venue_id"]) for row in opened}
    for row, came, audience in zip(opened, people, audiences, strict=True):
        told = found[row["category"], row["venue_id"]]
        assert (told["sessions"], told["actual"]) == (WEEKS, came)
        assert told["low"] <= told["predicted"] <= told["high"]
        # All who come to a session; the suggestion counts who would not have come to the category elsewhere.
        assert told["predicted"] == pytest.approx(audience, rel=0.15)
        assert told["predicted"] >= 0.9 * row["expected_attendance"]
    assert town == [row for row in made if row["venue_id"] == "v3"]
    sheet = load_workbook(io.BytesIO(file.content))["Openings"]
    assert [cell.value for cell in sheet["A"]][1:] == [row["category"] for row in made]
    assert second.bias > 1.15
    assert np.isfinite(second.spread)
