"""Raw values to typed ones, and the reason of each that cannot be."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.intake.cleaning import LONGEST_ID, as_text, clean_rows
from recsys.schema import TABLES

USERS = TABLES["users"]


def clean(table: str, **columns: list[object]) -> tuple[list[dict[str, object]], list[str]]:
    found = clean_rows(TABLES[table], pl.DataFrame(columns), "Asia/Shanghai")
    assert found.rows.columns[: len(TABLES[table].columns)] == list(TABLES[table].column_names)
    return found.rows.to_dicts(), found.rejected["reason"].to_list()


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("birth_year", "1980.0", 1980),
        ("birth_year", " 1980 ", 1980),
        ("birth_year", "", None),
        ("lat", "1e1", 10.0),
        ("lat", "-0.5", -0.5),
        ("gender", "  f ", "f"),
        ("gender", " ", None),
        ("user_id", " x y ", " x y "),
        ("personalised", "TRUE", True),
        ("personalised", "0", False),
        ("registered_at", "20260501T1200+0800", dt.datetime(2026, 5, 1, 4, tzinfo=dt.UTC)),
        ("registered_at", "2026-05-01", dt.datetime(2026, 4, 30, 16, tzinfo=dt.UTC)),
    ],
)
def test_values_as_text(column: str, value: str, expected: object) -> None:
    columns: dict[str, list[object]] = {"user_id": ["u"], column: [value]}
    rows, rejected = clean("users", **columns)
    assert rejected == []
    assert rows[0][column] == expected


def test_native_values() -> None:
    raw: dict[str, list[object]] = {
        "user_id": [7, 8],
        "birth_year": [1980.0, None],
        "registered_at": [dt.datetime(2026, 5, 1, 8), None],
        "interests": [["dance", "tea"], []],
        "personalised": [True, None],
    }
    rows, rejected = clean("users", **raw)
    assert rejected == []
    first = {"user_id": "7", "birth_year": 1980, "interests": "dance;tea", "personalised": True}
    assert rows[0].items() >= (first | {"registered_at": dt.datetime(2026, 5, 1, tzinfo=dt.UTC)}).items()
    assert {value for name, value in rows[1].items() if name != "user_id"} == {None}


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("users", "birth_year", "2.5", "birth_year is not a whole number"),
        ("users", "birth_year", "1e30", "birth_year is above 2200"),
        ("sessions", "capacity", "1e30", "capacity is too great a number"),
        ("users", "birth_year", "3000", "birth_year is above 2200"),
        ("users", "birth_year", "x", "birth_year is not a number"),
        ("users", "lat", "91", "lat is above 90"),
        ("users", "lat", "-91", "lat is below -90"),
        ("users", "lat", "nan", "lat is not a number"),
        ("users", "lat", "inf", "lat is not a number"),
        ("users", "registered_at", "2026-02-30", "registered_at is not a time"),
        ("users", "registered_at", "9999-12-31", "registered_at lies outside"),
        ("users", "personalised", "perhaps", "personalised is neither true nor false"),
        ("users", "user_id", "", "user_id is missing"),
        ("users", "user_id", " ", "user_id is missing"),
        ("users", "user_id", "a\0b", "user_id holds a NUL"),
        ("users", "user_id", "馆" * 700, f"user_id is longer than {LONGEST_ID} bytes"),
        ("regions", "level", "hamlet", "level is none of province, city"),
        ("bookings", "status", "lost", "status is none of booked, waitlisted"),
        ("bookings", "party_size", "0", "party_size is below 1"),
        ("bookings", "attendee_birth_years", "2018;soon", "attendee_birth_years is not a list of years"),
        ("sessions", "ends_at", "2026-04-01", "ends_at lies before starts_at"),
    ],
)
def test_a_bad_value_has_its_reason(table: str, column: str, value: str, reason: str) -> None:
    good = {
        "regions": {"region_id": "r", "name": "R", "level": "county"},
        "users": {"user_id": "u"},
        "sessions": {"session_id": "s", "activity_id": "a", "starts_at": "2026-05-01"},
        "bookings": {"booking_id": "b", "user_id": "u", "session_id": "s", "booked_at": "2026-05-01"},
    }[table]
    names = [*good, *({column} - good.keys())]
    values: dict[str, list[object]] = {name: [good.get(name), good.get(name)] for name in names}
    values[column] = [good.get(column), value]
    rows, (found,) = clean(table, **values)
    assert len(rows) == 1
    assert reason in found


def test_a_session_may_end_as_it_starts() -> None:
    times = {"starts_at": ["2026-05-01T08:00"], "ends_at": ["2026-05-01T08:00"]}
    rows, rejected = clean("sessions", session_id=["s"], activity_id=["a"], **times)
    assert (len(rows), rejected) == (1, [])


def test_a_time_that_the_clocks_skip() -> None:
    raw = pl.DataFrame({"user_id": ["u"], "registered_at": ["2026-03-29T02:30"]})
    found = clean_rows(USERS, raw, "Europe/Berlin")
    assert "Europe/Berlin skips" in found.rejected["reason"][0]
    assert len(clean_rows(USERS, raw, "Asia/Shanghai").rows) == 1


def test_every_fault_of_a_row_is_named_and_the_row_is_kept_as_it_came() -> None:
    raw = pl.DataFrame({"birth_year": ["x", "1980"], "lat": ["91", "1"], "user_id": ["", "u"], "row_number": [2, 3]})
    found = clean_rows(USERS, raw, "Asia/Shanghai")
    reason = "birth_year is not a number; lat is above 90; user_id is missing"
    rejected = found.rejected.to_dicts()
    assert [row | {"reason": set(row["reason"].split("; "))} for row in rejected] == [
        {"birth_year": "x", "lat": "91", "user_id": "", "row_number": 2, "reason": set(reason.split("; "))}
    ]
    assert found.rows["row_number"].to_list() == [3]


def test_required_columns_that_are_not_there() -> None:
    rows, reasons = clean("bookings", booking_id=["b"])
    assert rows == []
    assert reasons[0].count("is missing") == 3


@pytest.mark.parametrize("table", list(TABLES))
def test_no_rows(table: str) -> None:
    found = clean_rows(TABLES[table], pl.DataFrame(schema={TABLES[table].key: pl.String}), "Asia/Shanghai")
    one = clean_rows(TABLES[table], pl.DataFrame({c.name: [None] for c in TABLES[table].columns}), "Asia/Shanghai")
    assert found.rows.schema == one.rows.schema
    assert found.rows.is_empty()
    assert found.rejected.is_empty()


def test_years_of_attendees_as_spreadsheets_write_them() -> None:
    times: list[object] = ["2026-05-01"] * 2
    ids: list[object] = ["1", "2"]
    years: list[object] = ["2018.0; 2020", "2019;"]
    columns = {"booking_id": ids, "user_id": ids, "session_id": ids, "booked_at": times, "attendee_birth_years": years}
    rows, rejected = clean("bookings", **columns)
    assert rejected == []
    assert [row["attendee_birth_years"] for row in rows] == ["2018; 2020", "2019;"]


@given(st.lists(st.none() | st.integers(-(2**52), 2**52), min_size=1))
def test_whole_floats_read_like_whole_numbers(values: list[int | None]) -> None:
    floats = pl.Series("id", [None if value is None else float(value) for value in values], dtype=pl.Float64)
    assert as_text(floats).to_list() == as_text(pl.Series("id", values, dtype=pl.Int64)).to_list()


@given(st.text(), st.text(), st.text())
def test_any_text_is_typed_or_has_a_reason(user_id: str, year: str, time: str) -> None:
    raw = pl.DataFrame({"user_id": [user_id, "good"], "birth_year": [year, None], "registered_at": [time, ""]})
    found = clean_rows(USERS, raw, "Asia/Shanghai")
    assert len(found.rows) + len(found.rejected) == 2
    assert found.rows["user_id"].to_list()[-1] == "good"
    assert (found.rejected["reason"] != "").all()


def test_ages_of_nobody_are_stored_with_a_warning() -> None:
    columns = {"activity_id": ["a", "b", "c", "d", "e"], "category": ["x"] * 5}
    raw = pl.DataFrame(columns | {"min_age": ["12", "6", None, "x", "6"], "max_age": ["6", "12", "12", "6", "6"]})
    found = clean_rows(TABLES["activities"], raw, "Asia/Shanghai")
    assert found.rows["min_age"].to_list() == [12, 6, None, 6]
    assert found.warnings == {"min_age is above max_age: nobody is of that age": 1}
