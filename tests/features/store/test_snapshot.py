"""Immutable files of what was known: cut, repeatable, checked, and gone with the person who is erased."""

import errno
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.store.snapshot import MANIFEST, load_snapshot
from features.store.store import Store
from recsys.errors import DataError, RecsysError

BOOKING = {"booking_id": "b1", "user_id": "u1", "session_id": "s1", "booked_at": "2026-04-01T08:00:00", "party_size": 2}
FEEDBACK = {"feedback_id": "f", "user_id": "u1", "activity_id": "a2", "kind": "view", "occurred_at": "2026-04-01"}
LATE = pd.Timestamp("2026-05-01", tz="UTC")


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
    assert first.path.stat().st_mode & 0o007 == 0
    assert store.snapshot(tmp_path, cut + pd.Timedelta(days=1)).sha256 != first.sha256


def test_a_snapshot_of_nothing(store: Store, tmp_path: Path) -> None:
    dataset = load_snapshot(store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC")).path)
    assert all(frame.empty for frame in dataset.tables().values())


def test_ids_of_two_platforms_in_a_snapshot(store: Store, tmp_path: Path) -> None:
    for platform in ("east", "west"):
        store.upsert(platform, "users", [{"user_id": "1", "region_id": "r"}])
    users = load_snapshot(store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC")).path).users
    assert sorted(users["user_id"]) == ["east:1", "west:1"]
    assert sorted(users["region_id"]) == ["east:r", "west:r"]


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


def test_the_same_snapshot_that_another_process_writes_meanwhile_is_used(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.upsert("county", "users", [{"user_id": "u1"}])
    rename = Path.rename

    def rename_second(draft: Path, target: Path) -> Path:
        shutil.copytree(draft, target)
        return rename(draft, target)

    monkeypatch.setattr(Path, "rename", rename_second)
    found = store.snapshot(tmp_path, pd.Timestamp("2026-01-01", tz="UTC"))
    assert load_snapshot(found.path).users["user_id"].tolist() == ["u1"]
    assert list(tmp_path.iterdir()) == [found.path]


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


def test_erasure_deletes_what_a_killed_process_has_half_written(store: Store) -> None:
    folder = store.home / "snapshots"
    store.upsert("county", "users", [{"user_id": "u1"}])
    whole = store.snapshot(folder, LATE).path
    whole.rename(folder / ".partial-of-killed")
    store.erase_user("u1")
    assert not list(folder.iterdir())


def test_every_value_comes_back_as_it_was(store: Store, tmp_path: Path) -> None:
    title = 'Tea, "silk"\nand 茶; \\N'
    store.upsert("county", "activities", [{"activity_id": "a,1", "category": "茶", "title": title, "online": True}])
    starts = "2026-04-20T19:30:00.123456+08:00"
    session = {"session_id": "s", "activity_id": "a,1", "starts_at": starts, "capacity": 20, "price": 0.1}
    store.upsert("county", "sessions", [session])
    dataset = load_snapshot(store.snapshot(tmp_path, LATE).path)
    activity, found = dataset.activities.iloc[0], dataset.sessions.iloc[0]
    assert (activity["activity_id"], activity["title"], activity["online"]) == ("a,1", title, True)
    assert pd.isna(activity["min_age"])
    assert found["starts_at"] == pd.Timestamp(starts)
    assert (found["capacity"], found["price"]) == (20, 0.1)


def test_the_order_in_which_rows_came_changes_nothing(store: Store, tmp_path: Path) -> None:
    rows = [{"user_id": name} for name in ("u3", "u1", "u2")]
    store.upsert("county", "users", rows)
    first = store.snapshot(tmp_path, LATE)
    with store.writing() as connection:
        connection.exec_driver_sql("DELETE FROM users")
    store.upsert("county", "users", rows[::-1])
    again = store.snapshot(tmp_path / "again", LATE)
    assert again.sha256 == first.sha256
    assert pq.read_table(again.path / "users.parquet")["user_id"].to_pylist() == ["u1", "u2", "u3"]


@pytest.mark.parametrize("missing", [MANIFEST, "bookings.parquet"])
def test_a_snapshot_with_a_file_missing_does_not_load(store: Store, tmp_path: Path, missing: str) -> None:
    path = store.snapshot(tmp_path, LATE).path
    (path / missing).unlink()
    with pytest.raises(DataError, match="cannot be read"):
        load_snapshot(path)


def test_a_full_disk_leaves_no_half_snapshot(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        with pytest.raises(RecsysError, match=r"snapshot cannot be written under .*: No space left on device"):
            store.snapshot(tmp_path / "snapshots", LATE)
    assert list((tmp_path / "snapshots").iterdir()) == []
    assert load_snapshot(store.snapshot(tmp_path / "snapshots", LATE).path).users.empty
