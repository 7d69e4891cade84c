import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from features.ingest import ingest_folder
from features.snapshot import load_snapshot
from features.store import Store
from recsys.errors import DataError, UnknownIdError

BOOKING = {"booking_id": "b1", "user_id": "u1", "session_id": "s1", "booked_at": "2026-04-01T08:00:00", "party_size": 2}
FEEDBACK = {"feedback_id": "f", "user_id": "u1", "activity_id": "a2", "kind": "view", "occurred_at": "2026-04-01"}


def deliver(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_live_rows_follow_the_same_rules(store: Store) -> None:
    version = store.version()
    bad = BOOKING | {"booking_id": "b2", "party_size": 0}
    results = store.upsert("county", "bookings", [BOOKING, bad, {"user_id": "u1"}])
    assert [(r.key, r.status) for r in results] == [("b1", "accepted"), ("b2", "rejected"), (None, "rejected")]
    assert results[1].reason == "party_size is below 1"
    assert store.version() > version
    assert pd.Timestamp(store.row("bookings", "b1")["booked_at"]) == pd.Timestamp("2026-04-01T00:00:00Z")
    version = store.version()
    assert [r.status for r in store.upsert("county", "bookings", [BOOKING])] == ["unchanged"]
    assert store.version() == version
    assert [r.status for r in store.upsert("county", "bookings", [BOOKING | {"status": "attended"}])] == ["accepted"]


def test_of_one_key_twice_in_a_request_the_last_counts(store: Store) -> None:
    store.upsert("county", "bookings", [BOOKING, BOOKING | {"party_size": 3}])
    assert store.row("bookings", "b1")["party_size"] == 3


def test_live_rows_wait_and_come_in_by_themselves(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path, users="user_id\nu0\n"), "county")
    (result,) = store.upsert("county", "bookings", [BOOKING])
    assert (result.status, store.counts()["quarantine"]) == ("quarantined", 1)
    store.upsert("county", "users", [{"user_id": "u1", "interests": ["dance", "tea"], "personalised": True}])
    assert (store.counts()["bookings"], store.counts()["quarantine"]) == (1, 0)


def test_a_person_s_rows_are_exported_and_erased(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path, sessions="session_id,activity_id,starts_at\ns1,a1,2026-05-01\n"), "county")
    store.upsert("county", "users", [{"user_id": "u1"}, {"user_id": "u2"}])
    store.upsert("county", "activities", [{"activity_id": "a1", "category": "dance"}])
    store.upsert("county", "feedback", [FEEDBACK])
    store.upsert("county", "bookings", [BOOKING, BOOKING | {"booking_id": "b9", "session_id": "nowhere"}])
    store.remove_tag("u1", "category:dance")
    store.set_personalised("u1", enabled=False)
    rows = store.user_rows("u1", touched=True)
    assert {name: len(frame) for name, frame in rows.items() if len(frame)} == {
        "users": 1, "activities": 1, "sessions": 1, "bookings": 1, "feedback": 1,
    }  # fmt: skip
    assert rows["users"]["personalised"].tolist() == [False]
    assert store.removed_tags("u1") == ["category:dance"]
    (path,) = store.write_quarantine("county").values()
    assert "u1" in path.read_text()
    erased = store.erase_user("u1")
    assert erased == {"users": 1, "bookings": 1, "feedback": 1, "removed_tags": 1, "quarantine": 1}
    assert not path.exists()
    assert sum(len(frame) for frame in store.user_rows("u1", touched=True).values()) == 0
    assert store.counts()["users"] == 1
    with pytest.raises(UnknownIdError):
        store.erase_user("u1")


def test_erasure_reaches_the_snapshots_that_hold_the_person(store: Store) -> None:
    folder = store.home / "snapshots"
    store.upsert("county", "bookings", [BOOKING])
    store.upsert("county", "feedback", [FEEDBACK | {"user_id": "u2"}])
    before = store.snapshot(folder, pd.Timestamp("2026-03-01", tz="UTC"))
    both = store.snapshot(folder, pd.Timestamp("2026-05-01", tz="UTC"))
    store.upsert("other", "users", [{"user_id": "u1"}])
    of_two = store.snapshot(folder, pd.Timestamp("2026-05-02", tz="UTC"))
    store.erase_user("county:u2")
    assert [found.path.exists() for found in (before, both, of_two)] == [True, False, False]
    again = store.snapshot(folder, pd.Timestamp("2026-05-02", tz="UTC"))
    store.erase_user("other:u1")
    assert before.path.exists(), "u1 of another platform is somebody else"
    assert not again.path.exists()


def test_erasure_deletes_a_snapshot_that_nobody_can_read(store: Store) -> None:
    folder = store.home / "snapshots"
    store.upsert("county", "users", [{"user_id": "u1"}, {"user_id": "u2"}])
    path = store.snapshot(folder, pd.Timestamp("2026-05-01", tz="UTC")).path
    store.erase_user("u1")
    path = store.snapshot(folder, pd.Timestamp("2026-05-01", tz="UTC")).path
    (path / "users.parquet").write_bytes(b"")
    store.erase_user("u2")
    assert not path.exists()


def test_a_snapshot_is_cut_and_repeats(store: Store, tmp_path: Path) -> None:
    store.upsert("county", "bookings", [BOOKING, BOOKING | {"booking_id": "b2", "booked_at": "2026-04-02"}])
    store.upsert("county", "sessions", [{"session_id": "s1", "activity_id": "a1", "starts_at": "2026-05-01"}])
    cut = pd.Timestamp("2026-04-01T12:00", tz="Asia/Shanghai")
    first = store.snapshot(tmp_path, cut)
    store.upsert("county", "bookings", [BOOKING | {"booking_id": "b3", "booked_at": "2026-04-03"}])
    assert store.snapshot(tmp_path, cut) == first
    dataset = load_snapshot(first.path)
    assert dataset.bookings["booking_id"].tolist() == ["b1"]
    assert dataset.users["user_id"].tolist() == ["u1"]
    assert dataset.data_until == cut
    assert store.snapshot(tmp_path, cut + pd.Timedelta(days=1)).sha256 != first.sha256


def test_a_snapshot_of_nothing(store: Store, tmp_path: Path) -> None:
    dataset = load_snapshot(store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC")).path)
    assert all(frame.empty for frame in dataset.tables().values())


def test_a_changed_snapshot_does_not_load_and_is_written_anew(store: Store, tmp_path: Path) -> None:
    store.upsert("county", "users", [{"user_id": "u1"}])
    path = store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC")).path / "users.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"users\.parquet is not what was written"):
        load_snapshot(path.parent)
    again = store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC"))
    assert again.path == path.parent
    assert load_snapshot(again.path).users["user_id"].tolist() == ["u1"]


def test_ids_of_two_platforms_in_a_snapshot(store: Store, tmp_path: Path) -> None:
    for platform in ("east", "west"):
        store.upsert(platform, "users", [{"user_id": "1", "region_id": "r"}])
    users = load_snapshot(store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC")).path).users
    assert sorted(users["user_id"]) == ["east:1", "west:1"]
    assert sorted(users["region_id"]) == ["east:r", "west:r"]


_SHARING = """
import sys
from pathlib import Path
from features.settings import Settings
from features.store import open_store
with open_store(Settings(home=Path(sys.argv[1]), database_url=None)) as store:
    print(store.upsert("county", "users", [{"user_id": sys.argv[2]}])[0].status, flush=True)
    sys.stdin.read()
    print(store.counts()["users"], flush=True)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Not under pytest's own folder, which other runs close to the user that the server runs as."""
    with tempfile.TemporaryDirectory(prefix="culture-home-") as folder:
        yield Path(folder)


def test_processes_of_one_home_share_a_server_and_the_last_stops_it(open_folder: Path) -> None:
    def start(user: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _SHARING, str(open_folder), user]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    killed, first, second = start("1"), start("2"), start("3")
    assert [p.stdout.readline() for p in (killed, first, second) if p.stdout] == ["accepted\n"] * 3
    server = int((open_folder / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    killed.kill()
    killed.communicate()
    assert first.communicate("")[0] == "3\n"
    assert Path(f"/proc/{server}").exists()
    assert second.communicate("")[0] == "3\n"
    last = start("1")
    assert last.communicate("")[0] == "unchanged\n3\n"
    until = time.monotonic() + 20
    while (open_folder / "postgres" / "postmaster.pid").exists():
        assert time.monotonic() < until, "the server outlives the last process"
