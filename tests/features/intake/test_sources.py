"""Files as platforms write them: encodings, quotes, columns, Parquet, and what cannot be read."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.intake.sources import ROW_NUMBER, Source, find_sources
from recsys.errors import DataError

ACTIVITIES = 'activity_id,category,title\na1,dance,"One, ""two""\nthree"\n'


def deliver(folder: Path, **tables: str | bytes) -> Path:
    for name, text in tables.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def only(folder: Path, **tables: str | bytes) -> Source:
    (source,) = find_sources(deliver(folder, **tables))
    return source


def rows(source: Source) -> list[dict[str, object]]:
    return pl.concat([chunk.rows for chunk in source.chunks()]).to_dicts()


def test_tables_come_in_an_order_in_which_references_point_backwards(tmp_path: Path) -> None:
    deliver(tmp_path, bookings="booking_id,user_id,session_id,booked_at", users="user_id", notes="x")
    deliver(tmp_path, sessions="session_id,activity_id,starts_at", activities=ACTIVITIES)
    assert [source.table for source in find_sources(tmp_path)] == ["users", "activities", "sessions", "bookings"]


def test_bom_order_spaces_and_unknown_columns(tmp_path: Path) -> None:
    source = only(tmp_path, users="\ufeff gender ,shoe,user_id\r\n f ,39, x y \r\n")
    assert source.unknown_columns == ("shoe",)
    assert source.columns == {"gender": " gender ", "user_id": "user_id"}
    assert rows(source) == [{"gender": " f ", "user_id": " x y ", ROW_NUMBER: 2}]


def test_unknown_columns_may_repeat_or_have_no_name(tmp_path: Path) -> None:
    source = only(tmp_path, users="user_id,shoe,shoe,,\n1,39,40,,\n")
    assert source.unknown_columns == ("shoe", "(no name)")
    assert rows(source) == [{"user_id": "1", ROW_NUMBER: 2}]


def test_quotes_hold_commas_quotes_and_newlines(tmp_path: Path) -> None:
    source = only(tmp_path, activities=ACTIVITIES + "a2,tea,\n")
    assert [row["title"] for row in rows(source)] == ['One, "two"\nthree', ""]
    assert [row[ROW_NUMBER] for row in rows(source)] == [2, 3]


def test_numbers_and_dates_stay_text(tmp_path: Path) -> None:
    source = only(tmp_path, users="user_id,birth_year,registered_at\n007,1980.0,2026-05-01\n,,\n")
    assert rows(source)[0] == {"user_id": "007", "birth_year": "1980.0", "registered_at": "2026-05-01", ROW_NUMBER: 2}
    assert rows(source)[1]["birth_year"] == ""


def test_rows_of_another_width_are_kept_apart_with_their_number(tmp_path: Path) -> None:
    source = only(tmp_path, users="user_id,gender\n1,f\n2\n3,m\n4,m,x\n5,f\n")
    chunks = list(source.chunks())
    assert sum(chunk.n_rows for chunk in chunks) == 5
    assert [(row["user_id"], row[ROW_NUMBER]) for row in rows(source)] == [("1", 2), ("3", 4), ("5", 6)]
    broken = pl.concat([chunk.broken for chunk in chunks])
    assert broken[ROW_NUMBER].to_list() == [3, 5]
    assert broken["reason"].to_list() == ["1 values, 2 expected", "3 values, 2 expected"]


def test_rows_of_many_blocks_keep_their_numbers(tmp_path: Path) -> None:
    n_rows, note = 3_000, "x" * 3_000
    lines = [f"u{num},{note}" if num % 1_000 else f"u{num}" for num in range(n_rows)]
    source = only(tmp_path, users="user_id,gender\n" + "\n".join(lines) + "\n")
    chunks = list(source.chunks())
    assert len(chunks) > 1
    found = pl.concat([chunk.rows for chunk in chunks])
    assert found["user_id"].to_list() == [f"u{num - 2}" for num in found[ROW_NUMBER]]
    assert pl.concat([chunk.broken for chunk in chunks])[ROW_NUMBER].to_list() == [2, 1_002, 2_002]


def test_chinese_files_of_another_encoding_are_read_with_a_warning(tmp_path: Path) -> None:
    source = only(tmp_path, venues="venue_id,name\nv0,Hall\nv1,济南市文化馆\n".encode("gb18030"))
    assert rows(source)[1]["name"] == "济南市文化馆"
    assert source.encoding == "gb18030"
    assert "line 3" in source.warnings[0]


@pytest.mark.parametrize("text", [b"", b"\xef\xbb\xbf", b"\n\n", b"  \n"])
def test_empty_files_are_tables_without_rows(tmp_path: Path, text: bytes) -> None:
    source = only(tmp_path, users=text)
    assert source.warnings == ("the file is empty",)
    assert list(source.chunks()) == []


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    source = only(tmp_path, users="user_id,shoe")
    assert list(source.chunks()) == []
    assert source.unknown_columns == ("shoe",)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"users": b"user_id,gender\n1,f\n2,\xff\xfe\n"}, "users.csv: line 3 is neither UTF-8 nor GB18030"),
        ({"users": "user_id,gender\n1,f\n".encode("utf-16")}, "users.csv: is UTF-16; save it as UTF-8"),
        ({"users": "user_id,gender\n1,Zoë\n".encode("latin-1")}, "users.csv: line 2 is neither"),
        ({"users": "gender\nf\n"}, "users.csv: required column 'user_id' is missing"),
        ({"users": "user_id;gender\n1;f\n"}, "users.csv: the header is one value, 'user_id;gender': commas must"),
        ({"users": "gender"}, "users.csv: required column 'user_id' is missing"),
        ({"users": "user_id, user_id\n1,2\n"}, "'user_id' is there more than once"),
        ({"notes": "user_id\n1\n"}, "holds none of"),
        ({"users": "gender\nf\n", "venues": "name\nx\n"}, "venues.csv: .*users.csv: "),
    ],
)
def test_files_whose_head_cannot_be_read(tmp_path: Path, tables: dict[str, str | bytes], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        find_sources(deliver(tmp_path, **tables))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('user_id,gender\n1,"f\n2,m\n3,f\n', "never closed"),
        (f"user_id,gender\na,{'x' * 9_000_000}\n", "a row is longer than 4 MB"),
    ],
)
def test_files_that_cannot_be_read_to_their_end(tmp_path: Path, text: str, message: str) -> None:
    source = only(tmp_path, users=text)
    with pytest.raises(DataError, match=message):
        list(source.chunks())


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        find_sources(tmp_path / "nowhere")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    pl.DataFrame({"birth_year": [1980.0, None], "shoe": [39, 40], "user_id": [7, 8]}).write_parquet(
        tmp_path / "users.parquet"
    )
    source = only(tmp_path)
    assert source.unknown_columns == ("shoe",)
    assert rows(source) == [
        {"birth_year": 1980.0, "user_id": 7, ROW_NUMBER: 1},
        {"birth_year": None, "user_id": 8, ROW_NUMBER: 2},
    ]


@pytest.mark.parametrize("zone", ["+05:30", "+08:00", "Asia/Shanghai"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_instants_of_a_parquet_file_in_any_zone_or_offset(tmp_path: Path, zone: str, unit: str) -> None:
    instant = datetime(2026, 5, 1, 2, 30, tzinfo=UTC)
    times = pa.array([instant, None], pa.timestamp(unit, tz=zone))
    table = pa.table({"user_id": ["1", "2"], "registered_at": times})
    pq.write_table(table, tmp_path / "users.parquet", version="2.6", store_schema=True)
    assert [row["registered_at"] for row in rows(only(tmp_path))] == [instant, None]


def test_parquet_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "users.parquet").write_bytes(b"user_id\n1\n")
    with pytest.raises(DataError, match=r"users\.parquet: cannot be read"):
        find_sources(tmp_path)


def test_parquet_without_rows(tmp_path: Path) -> None:
    pl.DataFrame(schema={"user_id": pl.String}).write_parquet(tmp_path / "users.parquet")
    assert [chunk.n_rows for chunk in only(tmp_path).chunks()] == []


def test_a_table_twice(tmp_path: Path) -> None:
    pl.DataFrame({"user_id": ["7"]}).write_parquet(tmp_path / "users.parquet")
    with pytest.raises(DataError, match=r"users is there twice: users\.csv and users\.parquet; keep one"):
        find_sources(deliver(tmp_path, users="user_id\n7\n"))
