"""Who was erased stays out of later deliveries, until that person signs up anew."""

import threading
from pathlib import Path

import pandas as pd
import pytest

from features.intake.erasure import ERASED
from features.store.ingest import ingest_folder
from features.store.snapshot import SNAPSHOTS, Snapshot
from features.store.store import Store
from recsys.bundle import DRAFT
from recsys.drafts import OF_FILE
from recsys.errors import UnknownIdError

AT = pd.Timestamp("2026-06-01T00:00:00Z")
TABLES = {
    "users": "user_id,registered_at\nu1,2026-01-01T00:00:00Z\nu2,\n",
    "activities": "activity_id,category\na1,dance\n",
    "sessions": "session_id,activity_id,starts_at\ns1,a1,2026-09-01\n",
    "bookings": "booking_id,user_id,session_id,booked_at\n"
    "b1,u1,s1,2026-05-01\nb2,u2,s1,2026-05-01\nb3,u1,s9,2026-05-01\n",
    "feedback": "feedback_id,user_id,activity_id,kind,occurred_at\nf1,u1,a1,view,2026-05-01\n",
}


def deliver(folder: Path, **tables: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (TABLES | tables).items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def erased(store: Store, tmp_path: Path) -> Store:
    """A store from which `u1` was erased."""
    ingest_folder(store, deliver(tmp_path / "first"))
    store.erase_user("u1", AT)
    return store


def texts_under(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in (folder / "quarantine").rglob("*.csv"))


def is_unknown(store: Store, user_id: str) -> bool:
    no_rows = all(frame.empty for frame in store.user_rows(user_id).values())
    return no_rows and not store.quarantined_rows(user_id)


def test_the_same_delivery_leaves_the_erased_out_and_counts_them(erased: Store, tmp_path: Path) -> None:
    version = erased.version()
    report = ingest_folder(erased, tmp_path / "first")
    assert {name: (t.rejected, t.erased) for name, t in report.tables.items() if t.rejected} == {
        "users": (1, 1), "bookings": (2, 2), "feedback": (1, 1),
    }  # fmt: skip
    assert report.tables["bookings"].reasons == {ERASED: 2}
    assert "bookings: rows of erased accounts, kept nowhere: 2" in str(report)
    assert is_unknown(erased, "u1")
    assert erased.row("bookings", "b2")["user_id"] == "u2"
    assert "u1" not in texts_under(erased.home)
    assert erased.version() == version


def test_a_bad_row_of_an_erased_account_is_not_kept_either(erased: Store, tmp_path: Path) -> None:
    users = "user_id,birth_year\nu1,once\nu3,once\nu1,1980,more\nu4,1980,more\n"
    report = ingest_folder(erased, deliver(tmp_path / "second", users=users)).tables["users"]
    assert (report.rejected, report.erased) == (4, 2)
    assert is_unknown(erased, "u1")
    assert len(erased.quarantined_rows("u3")) == len(erased.quarantined_rows("u4")) == 1
    assert "u1" not in texts_under(erased.home)


@pytest.mark.parametrize("user_id", ["Li, Bo", 'Li "Bo" Bai', "Li\nBo", '"', ",", " u 1 "])
def test_a_row_with_too_many_values_is_erased_whatever_the_id_holds(store: Store, tmp_path: Path, user_id: str) -> None:
    quoted = '"' + user_id.replace('"', '""') + '"'
    users = f'user_id,gender\n{quoted},f\n{quoted},m,more\n"Li","Bo",more\n'
    folder = deliver(tmp_path / "first", users=users)
    ingest_folder(store, folder)
    assert [row["raw"] for row in store.quarantined_rows(user_id)] == [f"{quoted},m,more"]
    store.erase_user(user_id, AT)
    assert is_unknown(store, user_id)
    report = ingest_folder(store, folder).tables["users"]
    assert (report.rejected, report.erased) == (3, 2)
    assert is_unknown(store, user_id)
    assert len(store.quarantined_rows("Li")) == 1


def test_what_killed_processes_left_half_written_goes_with_an_erasure(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path / "first", bookings=TABLES["bookings"].replace("s9", "s1")))
    left = [
        store.home / f"{OF_FILE}left" / "lists.parquet",
        store.home / "quarantine" / "default" / f"{OF_FILE}left" / "users.csv",
        store.home / "bundles" / f"{DRAFT}left" / "people.npy",
    ]
    for path in left:
        path.parent.mkdir(parents=True)
        path.write_text("u1", encoding="utf-8")
    store.erase_user("u1", AT)
    assert [path for path in left if path.parent.exists()] == []


def test_rows_over_http_stay_out_too(erased: Store) -> None:
    late = {"booking_id": "b4", "user_id": "u1", "session_id": "s1", "booked_at": "2026-07-01"}
    waits = late | {"booking_id": "b5", "session_id": "nowhere"}
    bad = late | {"booking_id": "b6", "party_size": 0}
    results = erased.upsert("default", "bookings", [late, waits, bad])
    assert [r.status for r in results] == ["rejected"] * 3
    assert [r.reason for r in results] == [ERASED, ERASED, "party_size is below 1"]
    (user,) = erased.upsert("default", "users", [{"user_id": "u1", "registered_at": "2026-01-01"}])
    assert (user.status, user.reason) == ("rejected", ERASED)
    assert is_unknown(erased, "u1")


def test_who_signs_up_anew_is_there_with_what_came_after(erased: Store, tmp_path: Path) -> None:
    bookings = TABLES["bookings"] + "b4,u1,s1,2026-07-01\nb5,u1,nowhere,2026-07-02\n"
    users = "user_id,registered_at\nu1,2026-06-01T00:00:00Z\n"
    report = ingest_folder(erased, deliver(tmp_path / "anew", users=users, bookings=bookings)).tables
    assert (report["users"].accepted, report["users"].erased) == (1, 0)
    assert (report["bookings"].erased, report["bookings"].waiting) == (2, 1)
    assert erased.user_rows("u1")["bookings"]["booking_id"].tolist() == ["b4"]
    assert [row["booking_id"] for row in erased.quarantined_rows("u1")] == ["b5"]
    # The old profile still does not come back, and the new one can be erased as the first was.
    (old,) = erased.upsert("default", "users", [{"user_id": "u1", "registered_at": "2026-01-01"}])
    assert old.status == "rejected"
    assert erased.user_rows("u1")["users"]["registered_at"].tolist() == [AT]
    erased.erase_user("u1", AT)
    ingest_folder(erased, tmp_path / "anew")
    assert is_unknown(erased, "u1")


@pytest.mark.parametrize("registered_at", [None, "2026-07-01"])
def test_signing_up_anew_over_http_opens_the_way(erased: Store, tmp_path: Path, registered_at: str | None) -> None:
    booking = {"booking_id": "b4", "user_id": "u1", "session_id": "s1", "booked_at": "2026-07-02"}
    assert erased.upsert("default", "bookings", [booking])[0].status == "rejected"
    user = {"user_id": "u1", "registered_at": registered_at, "gender": "f"}
    assert erased.upsert("default", "users", [user])[0].status == "accepted"
    assert erased.upsert("default", "bookings", [booking])[0].status == "accepted"
    assert erased.upsert("default", "bookings", [booking | {"booked_at": "2026-05-01"}])[0].status == "rejected"
    ingest_folder(erased, deliver(tmp_path / "second", users="user_id\nu1\n"))
    assert erased.user_rows("u1")["users"]["gender"].tolist() == ["f"]
    assert erased.user_rows("u1")["bookings"]["booking_id"].tolist() == ["b4"]


def test_what_was_stored_of_later_moments_is_erased_as_well(store: Store, tmp_path: Path) -> None:
    users = "user_id,registered_at\nu1,2027-01-01T00:00:00Z\n"
    ingest_folder(store, deliver(tmp_path / "early", users=users))
    store.erase_user("u1", AT)
    assert ingest_folder(store, tmp_path / "early").tables["users"].erased == 1
    assert is_unknown(store, "u1")
    # A second erasure by an earlier clock opens nothing.
    store.upsert("default", "users", [{"user_id": "u1"}])
    store.erase_user("u1", AT)
    assert ingest_folder(store, tmp_path / "early").tables["users"].erased == 1


def test_an_erased_id_is_only_that_of_its_platform_and_is_kept_as_a_digest(erased: Store, tmp_path: Path) -> None:
    ingest_folder(erased, tmp_path / "first", "other")
    assert erased.row("users", "other:u1")["user_id"] == "other:u1"
    with erased.reading() as connection:
        ((digest, *_),) = connection.exec_driver_sql("SELECT digest, salt FROM erased_accounts, store_state").all()
    assert len(digest) == 32
    assert b"u1" not in digest


def test_who_is_unknown_is_not_remembered(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path / "first"))
    with pytest.raises(UnknownIdError):
        store.erase_user("u7", AT)
    assert store.upsert("default", "users", [{"user_id": "u7"}])[0].status == "accepted"


@pytest.mark.parametrize("module", ["snapshot.shutil.rmtree", "store.write_quarantine_files"])
def test_where_a_file_of_the_person_stays_they_can_be_erased_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    ingest_folder(store, deliver(tmp_path / "first"))
    held = store.snapshot(store.home / SNAPSHOTS, AT)

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(f"features.store.{module}", refused)
        with pytest.raises(PermissionError):
            store.erase_user("u1", AT)
    store.erase_user("u1", AT)
    assert is_unknown(store, "u1")
    assert not held.path.exists()
    assert "u1" not in texts_under(store.home)


def test_erasure_waits_for_the_delivery_that_holds_the_person(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Erased in the middle of a delivery, the person would be back at its end."""
    ingest_folder(store, deliver(tmp_path / "first"))
    erasing = threading.Thread(target=store.erase_user, args=("u1", AT))

    def merge_meanwhile(*args: object) -> None:
        erasing.start()
        while not _is_waiting(store):
            assert erasing.is_alive()
        merge(*args)

    from features.store import ingest

    merge = ingest._merge
    monkeypatch.setattr(ingest, "_merge", merge_meanwhile)
    ingest_folder(store, tmp_path / "first")
    erasing.join()
    assert is_unknown(store, "u1")


def test_no_quarantine_file_is_written_of_what_was_there_before_an_erasure(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasing = threading.Thread(target=store.erase_user, args=("u1", AT))

    def write_meanwhile(*args: object) -> dict[str, Path]:
        monkeypatch.undo()
        before = write(*args)
        erasing.start()
        while not _is_waiting(store):
            assert erasing.is_alive()
        assert "u1" in texts_under(store.home)
        return before

    from features.store import store as module

    write = module.write_quarantine_files
    monkeypatch.setattr(module, "write_quarantine_files", write_meanwhile)
    ingest_folder(store, deliver(tmp_path / "first"))
    erasing.join()
    assert "u1" not in texts_under(store.home)


def test_no_snapshot_that_is_under_way_keeps_the_person(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_folder(store, deliver(tmp_path / "first"))
    erasing = threading.Thread(target=store.erase_user, args=("u1", AT))

    def write_meanwhile(*args: object) -> Snapshot:
        erasing.start()
        while not _is_waiting(store):
            assert erasing.is_alive()
        return write(*args)

    from features.store import store as module

    write = module.write_snapshot
    monkeypatch.setattr(module, "write_snapshot", write_meanwhile)
    found = store.snapshot(store.home / SNAPSHOTS, AT)
    erasing.join()
    assert not found.path.exists()


def test_settings_do_not_bring_an_erased_account_back(erased: Store) -> None:
    with pytest.raises(UnknownIdError):
        erased.set_personalised("u1", enabled=False)
    with pytest.raises(UnknownIdError):
        erased.remove_tag("u1", "category:dance")
    assert is_unknown(erased, "u1")
    assert not erased.removed_tags("u1")
    erased.upsert("default", "users", [{"user_id": "u1"}])
    erased.set_personalised("u1", enabled=False)
    assert erased.user_rows("u1")["users"]["personalised"].tolist() == [False]


def test_bad_rows_of_before_the_erasure_stay_out_of_who_signed_up_anew(erased: Store, tmp_path: Path) -> None:
    bookings = (
        "booking_id,user_id,session_id,booked_at,party_size\nold,u1,s1,2026-05-01,0\nnew,u1,s1,2026-07-01,0\n"
        "when,u1,s1,soon,1\nlong,u1,s1,2026-07-01,1,2\nnobody,,s1,2026-05-01,1\n"
    )
    users = "user_id,registered_at\nu1,2026-06-01T00:00:00Z\n"
    report = ingest_folder(erased, deliver(tmp_path / "anew", users=users, bookings=bookings)).tables["bookings"]
    assert (report.rejected, report.erased) == (5, 3)
    assert [row["booking_id"] for row in erased.quarantined_rows("u1")] == ["new"]
    assert "nobody" in texts_under(erased.home)


def _is_waiting(store: Store) -> bool:
    with store.reading() as connection:
        query = (
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return bool(connection.exec_driver_sql(query).scalar_one())
