import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from features.store.ingest import ingest_folder
from features.store.people import user_tables
from features.store.platforms import parse_outside, zones_by_num
from features.store.store import Store
from recsys.errors import UnknownIdError

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


def test_a_waiting_row_takes_the_place_of_one_that_waited_and_of_no_bad_one(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path, users="user_id\nu0\n"), "county")
    for row in (BOOKING | {"party_size": 0}, BOOKING, BOOKING | {"party_size": 3}):
        store.upsert("county", "bookings", [row])
    assert sorted(row["party_size"] for row in store.quarantined_rows("u1")) == ["0", "3"]
    store.upsert("county", "bookings", [BOOKING | {"party_size": size} for size in (5, 4)])
    assert sorted(row["party_size"] for row in store.quarantined_rows("u1")) == ["0", "4"]


def test_a_row_that_waits_does_not_bring_back_what_the_request_replaced(store: Store, tmp_path: Path) -> None:
    sessions = "session_id,activity_id,starts_at\ns1,a1,2026-05-01\n"
    ingest_folder(store, deliver(tmp_path, sessions=sessions), "county")
    results = store.upsert("county", "bookings", [BOOKING | {"session_id": "later"}, BOOKING])
    assert [(r.status, r.reason) for r in results] == [
        ("quarantined", "waited, and gave way to a later row of its key"),
        ("accepted", ""),
    ]
    store.upsert("county", "sessions", [{"session_id": "later", "activity_id": "a1", "starts_at": "2026-05-02"}])
    assert store.row("bookings", "b1")["session_id"] == "s1"


def all_rows(store: Store, user_id: str) -> dict[str, pd.DataFrame]:
    """A user's rows, with the sessions and activities that they name."""
    with store.reading() as connection:
        platform, inside = parse_outside(connection, user_id)
        return user_tables(connection, zones_by_num(connection), platform.num, [inside], ("sessions", "activities"))


def test_a_person_s_rows_are_exported_and_erased(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path, sessions="session_id,activity_id,starts_at\ns1,a1,2026-05-01\n"), "county")
    store.upsert("county", "users", [{"user_id": "u1"}, {"user_id": "u2"}])
    store.upsert("county", "activities", [{"activity_id": "a1", "category": "dance"}])
    store.upsert("county", "feedback", [FEEDBACK])
    store.upsert("county", "bookings", [BOOKING, BOOKING | {"booking_id": "b9", "session_id": "nowhere"}])
    store.remove_tag("u1", "category:dance")
    store.set_personalised("u1", enabled=False)
    rows = all_rows(store, "u1")
    assert {name: len(frame) for name, frame in rows.items() if len(frame)} == {
        "users": 1, "activities": 1, "sessions": 1, "bookings": 1, "feedback": 1,
    }  # fmt: skip
    assert rows["users"]["personalised"].tolist() == [False]
    assert store.removed_tags("u1") == ["category:dance"]
    (waiting,) = store.quarantined_rows("u1")
    assert (waiting["table"], waiting["booking_id"], waiting["session_id"]) == ("bookings", "b9", "nowhere")
    assert store.quarantined_rows("u2") == []
    (path,) = store.write_quarantine("county").values()
    assert "u1" in path.read_text()
    erased = store.erase_user("u1")
    assert erased == {"users": 1, "bookings": 1, "feedback": 1, "removed_tags": 1, "quarantine": 1}
    assert not path.exists()
    assert sum(len(frame) for frame in all_rows(store, "u1").values()) == 0
    assert store.counts()["users"] == 1
    with pytest.raises(UnknownIdError):
        store.erase_user("u1")


def test_an_opt_out_outlives_deliveries_until_the_person_takes_it_back(store: Store, tmp_path: Path) -> None:
    """Platforms deliver whole tables again and again, and do not know of it."""
    users = deliver(tmp_path, users="user_id,birth_year,personalised\nu1,1980,true\nu1,1981,true\nu2,1990,\n")
    ingest_folder(store, users, "county")
    store.set_personalised("u1", enabled=False)
    version = store.version()
    report = ingest_folder(store, users, "county").tables["users"]
    assert (report.unchanged, report.changed, store.version()) == (2, 0, version)
    assert store.row("users", "u1") | {"birth_year": 1981, "personalised": False} == store.row("users", "u1")
    store.upsert("county", "users", [{"user_id": "u1", "gender": "f", "personalised": True}, {"user_id": "u2"}])
    assert [store.row("users", one)["personalised"] for one in ("u1", "u2")] == [False, None]
    store.set_personalised("u1", enabled=True)
    ingest_folder(store, users, "county")
    assert store.row("users", "u1")["personalised"] is True
    store.set_personalised("u1", enabled=False)
    store.erase_user("u1")
    back = {"user_id": "u1", "registered_at": pd.Timestamp.now(tz="UTC") + pd.Timedelta(hours=1)}
    store.upsert("county", "users", [back])
    assert store.row("users", "u1")["personalised"] is None


_SHARING = """
import sys
from pathlib import Path
from features.settings import Settings
from features.store.store import open_store
with open_store(Settings(home=Path(sys.argv[1]), database_url=None)) as store:
    print(store.upsert("county", "users", [{"user_id": sys.argv[2]}])[0].status, flush=True)
    sys.stdin.read()
    print(store.counts()["users"], flush=True)
"""


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
    assert not (open_folder / "postgres" / "postmaster.pid").exists(), "the server outlives the last process"
