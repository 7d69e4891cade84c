import csv
import json
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from features.intake.report import TableReport
from features.store.ingest import ingest_folder
from features.store.store import Store
from recsys.errors import DataError, RecsysError

ALL = {
    "regions": "region_id,name,level,parent_id\nr1,县,county,\nr2,镇,township,r1\n",
    "venues": "venue_id,name,region_id\nv1,文化馆,r2\n",
    "users": "user_id,birth_year,personalised\n007,1980,false\n008,,\n",
    "activities": 'activity_id,category,title\na1,dance,"One, ""two""\nthree"\n',
    "sessions": "session_id,activity_id,starts_at,venue_id,capacity\ns1,a1,2026-05-01T19:30:00,v1,20\n",
    "bookings": "booking_id,user_id,session_id,booked_at\nb1,007,s1,2026-04-01T00:00:00Z\n",
    "feedback": "feedback_id,user_id,activity_id,kind,occurred_at\nf1,008,a1,view,2026-04-01\n",
}


def deliver(folder: Path, **tables: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def table(store: Store, folder: Path, name: str, **tables: str | bytes) -> TableReport:
    report = ingest_folder(store, deliver(folder, **tables)).tables
    for found in report.values():
        assert found.read == found.accepted + found.rejected
        assert found.rejected == sum(found.reasons.values())
        assert found.accepted == found.new + found.changed + found.unchanged + found.replaced
    return report[name]


def test_every_table_and_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    first = ingest_folder(store, deliver(tmp_path / "in", **ALL), report_path=tmp_path / "report.json")
    assert {n: t.new for n, t in first.tables.items()} == {
        n: t.count("\n") - 1 - (n == "activities") for n, t in ALL.items()
    }
    written = json.loads((tmp_path / "report.json").read_text())
    assert written["tables"]["bookings"]["accepted"] == 1
    counts, version = store.counts(), store.version()
    second = ingest_folder(store, tmp_path / "in")
    assert all(t.unchanged == t.read == t.accepted for t in second.tables.values())
    assert (store.counts(), store.version()) == (counts, version)
    assert store.row("users", "007") | {} == {
        "user_id": "007", "birth_year": 1980, "gender": None, "region_id": None, "lat": None, "lon": None,
        "registered_at": None, "interests": None, "personalised": False,
    }  # fmt: skip
    assert store.row("activities", "a1")["title"] == 'One, "two"\nthree'
    assert pd.Timestamp(store.row("sessions", "s1")["starts_at"]) == pd.Timestamp("2026-05-01T11:30:00Z")


def test_same_key_replaces_the_whole_row(store: Store, tmp_path: Path) -> None:
    table(store, tmp_path, "users", users="user_id,gender,birth_year\n1,f,1980\n2,m,1990\n")
    report = table(store, tmp_path, "users", users="gender,user_id\nm,1\n")
    assert (report.changed, report.new, report.unchanged) == (1, 0, 0)
    assert (store.row("users", "1")["gender"], store.row("users", "1")["birth_year"]) == ("m", None)
    assert store.counts()["users"] == 2


def test_the_last_of_a_repeated_key_wins(store: Store, tmp_path: Path) -> None:
    for _ in range(2):
        report = table(store, tmp_path, "users", users="user_id,gender\n1,a\n2,x\n1,b\n1,c\n")
        assert (report.read, report.accepted, report.replaced) == (4, 4, 2)
        assert store.row("users", "1")["gender"] == "c"
        # Which person it is stays out of messages.
        assert report.warnings == {"one user_id is there more than once: its last row counts, earlier ones gave way": 2}


_BOOKINGS = (
    "booking_id,user_id,session_id,booked_at\n"
    "b1,u,later,2026-02-01\nb1,u,now,2026-02-02\n"  # the last can be stored
    "b2,u,now,2026-02-01\nb2,u,later,2026-02-02\n"  # the last waits
    "b3,u,nowhere,2026-02-01\nb3,u,later,2026-02-02\n"  # both wait
    "b4,u,later,2026-02-01\nb4,u,now,\n"  # the last is no good
)


def test_a_row_that_waits_does_not_bring_back_what_a_later_row_of_its_key_replaced(
    store: Store, tmp_path: Path
) -> None:
    sessions = "session_id,activity_id,starts_at\nnow,a,2026-05-01\n"
    report = table(store, tmp_path / "first", "bookings", sessions=sessions, bookings=_BOOKINGS)
    assert (report.read, report.accepted, report.rejected, report.waiting) == (8, 2, 6, 3)
    assert report.reasons == {
        "waits: its session_id is not among the sessions": 3,
        "waited, and gave way to a later row of its key": 2,
        "booked_at is missing": 1,
    }
    assert store.counts()["quarantine"] == 6
    ingest_folder(store, deliver(tmp_path / "then", sessions="session_id,activity_id,starts_at\nlater,a,2026-05-02\n"))
    first = {key: store.row("bookings", key) for key in ("b1", "b2", "b3", "b4")}
    assert [row["session_id"] for row in first.values()] == ["now", "later", "later", "later"]
    ingest_folder(store, tmp_path / "first")
    assert {key: store.row("bookings", key) for key in first} == first


def test_a_bad_row_beside_a_good_one_of_its_key_is_no_change_the_second_time(store: Store, tmp_path: Path) -> None:
    users = "user_id,birth_year\nu,1980\nu,-5\n"
    assert table(store, tmp_path, "users", users=users).reasons == {"birth_year is below 1850": 1}
    version = store.version()
    table(store, tmp_path, "users", users=users)
    assert (store.version(), store.counts()["quarantine"]) == (version, 1)


def test_two_regions_with_one_code_are_told(store: Store, tmp_path: Path) -> None:
    rows = "region_id,name,level\nt1,East,township\nt1,West,township\n"
    report = ingest_folder(store, deliver(tmp_path, regions=rows))
    assert "regions: warning: one region_id is there more than once (such as 't1')" in str(report)
    assert store.row("regions", "t1")["name"] == "West"


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("users", "1,2.5,,,", "birth_year is not a whole number"),
        ("users", "1,2", "2 values, 5 expected"),
        ("users", "a\0b,,,,", "user_id holds a NUL"),
    ],
)
def test_a_bad_row_has_its_reason(store: Store, tmp_path: Path, name: str, row: str, reason: str) -> None:
    text = f"user_id,birth_year,lat,registered_at,personalised\ngood,1980.0,1e1,20260501T1200+0800,TRUE\n{row}\n"
    report = ingest_folder(store, deliver(tmp_path, users=text))
    found = report.tables[name]
    assert (found.read, found.accepted, found.rejected) == (2, 1, 1)
    assert reason in next(iter(found.reasons))
    with Path(report.quarantine_files[name]).open(newline="") as file:
        (kept,) = csv.DictReader(file)
    assert reason in kept["reason"]
    assert kept["row_number"] == "3"


def test_a_report_that_cannot_be_written_is_told_before_anything_is_stored(store: Store, tmp_path: Path) -> None:
    with pytest.raises(RecsysError, match="is a folder; name a file"):
        ingest_folder(store, deliver(tmp_path, users="user_id\n1\n"), report_path=tmp_path)
    assert store.counts()["users"] == 0


def test_a_good_row_takes_its_bad_version_out_of_quarantine(store: Store, tmp_path: Path) -> None:
    table(store, tmp_path, "users", users="user_id,birth_year\n1,1980\n")
    report = ingest_folder(store, deliver(tmp_path, users="user_id,birth_year\n1,x\n"))
    assert store.row("users", "1")["birth_year"] == 1980
    path = Path(report.quarantine_files["users"])
    assert path.exists()
    assert path.parent.stat().st_mode & 0o007 == 0
    table(store, tmp_path, "users", users="user_id,birth_year\n1,1981\n")
    assert not path.exists()
    assert store.counts()["quarantine"] == 0


def test_required_references_wait_and_come_in_by_themselves(store: Store, tmp_path: Path) -> None:
    table(store, tmp_path / "0", "activities", activities="activity_id,category\nother,x\n", users="user_id\n1\n")
    session = "session_id,activity_id,starts_at\ns,a,2026-05-01\nt,other,2026-05-01\n"
    table(store, tmp_path / "1", "sessions", sessions=session)
    booking = "booking_id,user_id,session_id,booked_at\nb,2,s,2026-04-01\n"
    for _ in range(2):
        found = table(store, tmp_path / "2", "bookings", bookings=booking)
        assert (found.rejected, found.waiting) == (1, 1)
        assert store.counts()["quarantine"] == 2
    table(store, tmp_path / "3", "users", users="user_id\n2\n")
    assert (store.counts()["bookings"], store.counts()["quarantine"]) == (0, 2)
    report = ingest_folder(store, deliver(tmp_path / "4", activities="activity_id,category\na,x\n"))
    assert {n: t.taken_in for n, t in report.tables.items()} == {"activities": 0, "sessions": 1, "bookings": 1}
    assert (store.counts()["bookings"], store.counts()["quarantine"]) == (1, 0)
    assert report.quarantine_files == {}


def test_ids_of_tables_never_delivered_are_implied(store: Store, tmp_path: Path) -> None:
    booking = "booking_id,user_id,session_id,booked_at\nb,2,s,2026-04-01\n"
    assert table(store, tmp_path, "bookings", bookings=booking, users="user_id\n").accepted == 1


def test_optional_references_are_emptied_with_a_warning(store: Store, tmp_path: Path) -> None:
    report = table(store, tmp_path, "venues", venues="venue_id,name,region_id\nv,V,nowhere\n", regions=ALL["regions"])
    assert (report.accepted, sum(report.warnings.values())) == (1, 1)
    assert store.row("venues", "v")["region_id"] is None


def test_a_region_is_never_its_own_ancestor(store: Store, tmp_path: Path) -> None:
    regions = "region_id,name,level,parent_id\nc,C,county,t\nt,T,township,c\nv,V,village,t\nself,S,village,self\n"
    for _ in range(2):
        report = table(store, tmp_path, "regions", regions=regions)
        assert sum(report.warnings.values()) == 2
        assert [store.row("regions", r)["parent_id"] for r in ("c", "t", "v", "self")] == [None, "c", "t", None]
    assert report.unchanged == 4


def test_the_report_names_unknown_columns_and_other_encodings(store: Store, tmp_path: Path) -> None:
    text = "shoe,venue_id,name\n39,v1,济南市文化馆\n".encode("gb18030")
    report = table(store, tmp_path, "venues", venues=text)
    assert store.row("venues", "v1")["name"] == "济南市文化馆"
    assert report.unknown_columns == ["shoe"]
    assert "GB18030" in next(iter(report.warnings))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"users": b"user_id,gender\n1,f\n2,\xff\xfe\n"}, "users.csv: line 3 is neither UTF-8 nor GB18030"),
        ({"users": 'user_id,gender\n1,"f\n2,m\n3,f\n'}, "never closed"),
        ({}, "holds none of"),
    ],
)
def test_a_file_that_cannot_be_read_stores_nothing(
    store: Store, tmp_path: Path, tables: dict[str, str | bytes], message: str
) -> None:
    folder = deliver(tmp_path / "in", **{**({"activities": ALL["activities"]} if tables else {}), **tables})
    with pytest.raises(DataError, match=message) as caught:
        ingest_folder(store, folder)
    assert "\n" not in str(caught.value)
    assert sum(store.counts().values()) == 0
    assert store.platforms() == {}


def test_empty_files(store: Store, tmp_path: Path) -> None:
    report = ingest_folder(store, deliver(tmp_path, users=b"", venues=b"\xef\xbb\xbf", bookings=ALL["bookings"]))
    assert [(t.read, t.accepted) for t in report.tables.values()] == [(0, 0), (0, 0), (1, 1)]


def test_a_header_alone_does_not_count_as_delivered(store: Store, tmp_path: Path) -> None:
    folder = deliver(tmp_path, users="user_id,birth_year", sessions="session_id,activity_id,starts_at\n\n")
    deliver(folder, bookings=ALL["bookings"])
    report = ingest_folder(store, folder)
    assert [(t.read, t.accepted) for t in report.tables.values()] == [(0, 0), (0, 0), (1, 1)]
    with pytest.raises(DataError, match="required column 'user_id'"):
        ingest_folder(store, deliver(tmp_path / "bad", users="birth_year"))


def test_ids_longer_than_an_index_holds_wait_for_a_person(store: Store, tmp_path: Path) -> None:
    long, too_long = "馆" * 600, "x" * 300_000
    report = ingest_folder(store, deliver(tmp_path, users=f"user_id,region_id\n{long},\n{too_long},\nu,{too_long}\n"))
    table = report.tables["users"]
    assert (table.read, table.accepted, table.rejected) == (3, 1, 2)
    assert table.reasons == {"user_id is longer than 2000 bytes": 1, "region_id is longer than 2000 bytes": 1}
    assert store.row("users", long)["user_id"] == long


def test_parquet_with_native_types(store: Store, tmp_path: Path) -> None:
    times = pl.Series(["2026-05-01 08:00:00", None]).str.to_datetime()
    frame = pl.DataFrame({"user_id": [7, 8], "registered_at": times, "interests": [["dance", "tea"], []]})
    frame.write_parquet(tmp_path / "users.parquet")
    pl.DataFrame(
        {"session_id": ["s"], "activity_id": [1.0], "starts_at": pl.Series(["2026-05-01T08:00:00Z"]).str.to_datetime()}
    ).write_parquet(tmp_path / "sessions.parquet")
    assert ingest_folder(store, tmp_path).tables["users"].accepted == 2
    row = store.row("users", "7")
    assert row["interests"] == "dance;tea"
    assert pd.Timestamp(row["registered_at"]) == pd.Timestamp("2026-05-01T00:00:00Z")
    assert store.row("sessions", "s")["activity_id"] == "1"


def test_two_platforms_with_the_same_ids(store: Store, tmp_path: Path) -> None:
    deliver(tmp_path / "in", **ALL)
    ingest_folder(store, tmp_path / "in", "east")
    assert store.row("users", "007")["user_id"] == "007"
    ingest_folder(store, tmp_path / "in", "west", "Europe/Berlin")
    assert store.counts()["bookings"] == 2
    assert store.row("sessions", "west:s1")["venue_id"] == "west:v1"
    assert pd.Timestamp(store.row("sessions", "west:s1")["starts_at"]) == pd.Timestamp("2026-05-01T17:30:00Z")
    assert store.row("users", "east:007")["user_id"] == "east:007"


_KILLED = """
import os, signal, sys
from pathlib import Path
import features.store.ingest as ingest
from features.settings import Settings
from features.store.store import open_store
merge = ingest.merge_stage
def merge_then_die(connection, table, *rest, **more):
    merged = merge(connection, table, *rest, **more)
    if table.name == "sessions":
        os.kill(os.getpid(), signal.SIGKILL)
    return merged
ingest.merge_stage = merge_then_die
ingest.ingest_folder(open_store(Settings(home=Path(sys.argv[1]), database_url=sys.argv[2])), Path(sys.argv[3]))
"""


def test_a_process_killed_half_way_leaves_the_store_as_it_was(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest_folder(store, deliver(tmp_path / "in", users="user_id\nold\n"))
    before = (store.counts(), store.version())
    folder = deliver(tmp_path / "in", **ALL)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path), database_url, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert (store.counts(), store.version()) == before
    assert list(temporary.iterdir()) == [], "bad rows, with whose they are, stay behind"
    assert ingest_folder(store, folder).tables["bookings"].accepted == 1


def test_where_bad_rows_find_no_room_it_is_told_where(store: Store, tmp_path: Path) -> None:
    ingest_folder(store, deliver(tmp_path / "in", users="user_id\nold\n"))
    before = (store.counts(), store.version())
    many = "".join(f"u{num},once{num}\n" for num in range(20_000))
    folder = deliver(tmp_path / "in", users=f"user_id,birth_year\n{many}")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limit[1]))
    try:
        with pytest.raises(RecsysError, match=r"set aside in /.*TMPDIR"):
            ingest_folder(store, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert (store.counts(), store.version()) == before


def test_where_quarantine_files_cannot_be_written_it_is_told_that_the_rows_are_stored(
    store: Store, tmp_path: Path
) -> None:
    folder = deliver(tmp_path / "in", users="user_id,birth_year\nu1,once\nu2,1980\n")
    store.home.mkdir()
    (store.home / "quarantine").write_text("in the way", encoding="utf-8")
    with pytest.raises(RecsysError, match=r"^the delivery is stored, but .*/quarantine.*; ingest again"):
        ingest_folder(store, folder)
    (store.home / "quarantine").unlink()
    report = ingest_folder(store, folder)
    assert (report.tables["users"].unchanged, list(report.quarantine_files)) == (1, ["users"])


def test_an_activity_for_nobody_is_stored_with_a_warning(store: Store, tmp_path: Path) -> None:
    rows = "activity_id,category,min_age,max_age\na,dance,12,6\nb,dance,6,12\n"
    report = table(store, tmp_path, "activities", activities=rows)
    assert (report.accepted, report.rejected) == (2, 0)
    assert report.warnings == {"min_age is above max_age: nobody is of that age": 1}


def test_the_same_bad_row_twice_is_kept_once_where_it_came_last(store: Store, tmp_path: Path) -> None:
    report = ingest_folder(store, deliver(tmp_path / "in", users="user_id,birth_year\nu1,x\nu1,x\n"))
    assert report.tables["users"].rejected == 2
    (path,) = report.quarantine_files.values()
    assert pd.read_csv(path)["row_number"].tolist() == [3]
