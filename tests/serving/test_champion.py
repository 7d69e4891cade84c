import logging
import shutil
import threading
from itertools import pairwise
from types import SimpleNamespace

import pytest

from features.settings import Settings
from recsys.bundle import load_bundle
from recsys.releases import bundles_folder, release
from serving.champion import ChampionWatcher
from tests.commands import wait_until
from tests.serving.conftest import BUNDLE, app_of
from tests.serving.live import serving


def own_home(county, folder):
    """A home with the county's bundle twice, the first being the champion."""
    for name in (BUNDLE, "second"):
        shutil.copytree(bundles_folder(county.home) / BUNDLE, bundles_folder(folder) / name)
    release(folder, BUNDLE)
    return Settings(home=folder, database_url=county.database_url)


def change_a_byte(home, name):
    part = next(iter(load_bundle(bundles_folder(home) / name).manifest["parts"].values()))
    path = bundles_folder(home) / name / part["file"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def bundle_of(client):
    return client.get("/v1/recommendations", params={"k": 1}).json()["bundle"]


def test_a_new_champion_is_taken_up_without_dropping_a_request(county, tmp_path):
    settings = own_home(county, tmp_path)
    with serving(app_of(settings)) as client:
        assert bundle_of(client) == BUNDLE
        seen, ended = [], threading.Event()

        def ask():
            while not ended.is_set():
                seen.append(client.get("/v1/demand/gaps", params={"limit": 1}).status_code)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            release(settings.home, "second")
            wait_until(lambda: bundle_of(client) == "second")
        finally:
            ended.set()
            thread.join()
    assert set(seen) == {200}


def test_a_damaged_new_champion_is_refused_and_the_old_one_keeps_serving(county, tmp_path):
    settings = own_home(county, tmp_path)
    with serving(app_of(settings)) as client:
        change_a_byte(settings.home, "second")
        release(settings.home, "second")
        ready = wait_until(lambda: client.get("/readyz").json()["problems"] and client.get("/readyz"))
        assert ready.status_code == 200
        assert ready.json()["bundle"] == BUNDLE
        assert "second" in ready.json()["problems"][0]
        assert "changed after it was written" in ready.json()["problems"][0]
        assert "culture_bundle_refused 1.0" in client.get("/metrics").text
        assert bundle_of(client) == BUNDLE


def test_a_service_that_finds_only_a_damaged_bundle_starts_and_says_so(county, tmp_path):
    settings = own_home(county, tmp_path)
    change_a_byte(settings.home, BUNDLE)
    with serving(app_of(settings)) as client:
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["bundle"] is None
        assert any("changed after it was written" in line for line in ready.json()["problems"])
        answer = client.get("/v1/recommendations").json()
        assert {row["source"] for row in answer["items"]} == {"popular-from-store"}
        assert client.get("/healthz").status_code == 200


def test_a_champion_that_is_named_no_more_is_told_while_the_last_one_serves(county, tmp_path):
    settings = own_home(county, tmp_path)
    with serving(app_of(settings)) as client:
        pointer = tmp_path / "champion"
        for lose in (lambda: pointer.write_bytes(b""), lambda: pointer.write_bytes(b"\xff"), pointer.unlink):
            lose()
            (told,) = wait_until(lambda: client.get("/readyz").json()["problems"])
            assert "no bundle is named as champion" in told
            assert bundle_of(client) == BUNDLE
            assert "culture_bundle_refused 1.0" in client.get("/metrics").text
            release(settings.home, BUNDLE)
            wait_until(lambda: not client.get("/readyz").json()["problems"])


@pytest.mark.parametrize("passing", [OSError(24, "Too many open files"), MemoryError("8 GiB"), RuntimeError("busy")])
def test_a_champion_refused_for_what_passes_is_tried_again(county, tmp_path, monkeypatch, caplog, passing):
    monkeypatch.setattr("serving.champion.FIRST_RETRY_S", 0.02)
    own_home(county, tmp_path)
    tries = []

    def opened(bundle):
        tries.append(bundle.name)
        if len(tries) < 4:
            raise passing
        return bundle.name

    watcher = ChampionWatcher(tmp_path, opened, interval_s=0.01)
    with caplog.at_level(logging.INFO, "serving"):
        watcher.start()
        try:
            assert type(passing).__name__ in watcher.state().refused
            wait_until(lambda: watcher.current() == BUNDLE)
        finally:
            watcher.stop()
    assert watcher.state().refused is None
    lines = [record.getMessage() for record in caplog.records if record.name == "serving"]
    assert len(lines) == 2, "refused once, serves once: tries are not told"
    assert len(tries) == 4


def test_a_champion_that_stays_damaged_is_tried_less_and_less(county, tmp_path, monkeypatch):
    own_home(county, tmp_path)
    now, tries = [0.0], []
    monkeypatch.setattr("serving.champion.time", SimpleNamespace(monotonic=lambda: now[0]))

    def damaged(_):
        tries.append(now[0])
        raise OSError("half of a file")

    watcher = ChampionWatcher(tmp_path, damaged)
    while now[0] < 1000:
        watcher.look()
        now[0] += 1
    assert [later - earlier for earlier, later in pairwise(tries)] == [2, 4, 8, 16, 32, 64, 128, 256, 300]
