from datetime import UTC, datetime, timedelta, timezone

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.intake.times import read_times


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.datetimes(datetime(1701, 1, 1), datetime(2198, 1, 1), timezones=st.just(UTC))
        | st.datetimes(datetime(1701, 1, 1), datetime(2198, 1, 1)),
        max_size=5,
    ),
    st.integers(-14 * 60, 14 * 60),
)
def test_what_python_writes_is_read(times: list[datetime], minutes: int) -> None:
    offset = timezone(timedelta(minutes=minutes))
    texts = [(t.astimezone(offset) if t.tzinfo else t).isoformat() for t in times]
    found = read_times(pl.Series("t", texts, dtype=pl.String), "UTC")
    assert found.instants.to_list() == [t if t.tzinfo else t.replace(tzinfo=UTC) for t in times]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-05-01", "2026-04-30T16:00:00+00:00"),
        ("20260501T0800", "2026-05-01T00:00:00+00:00"),
        ("2026-05-01 08:00", "2026-05-01T00:00:00+00:00"),
        ("2026-05-01T08:00:00,5+0930", "2026-04-30T22:30:00.500000+00:00"),
        ("2026-05-01T08-08:00", "2026-05-01T16:00:00+00:00"),
        ("2026-05-01T08:00:00.123456789z", "2026-05-01T08:00:00.123456+00:00"),
        ("2026-04-30T24:00", "2026-04-30T16:00:00+00:00"),
        ("20261231T240000.0Z", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_spellings(text: str, expected: str) -> None:
    # The bad neighbour sends the column down the slow path.
    instants = read_times(pl.Series("t", [text, "soon", None]), "Asia/Shanghai").instants
    assert [t and t.isoformat() for t in instants] == [expected, None, None]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2026-13-01",
            "2026-02-29",
            "2026-05-01T24:30",
            "2026-05-01T24:00:01",
            "2026-02-30T24:00",
            "1714521600",
            "01/05/2026",
            "T08:00",
        ),
        *("2026-05-01T08:00+24:00", "2026-05-01T08:00+08:60"),
    ],
)
def test_what_is_no_time(text: str) -> None:
    found = read_times(pl.Series("t", [text]), "Asia/Shanghai")
    assert (found.instants[0], found.is_unreadable[0]) == (None, True)


def test_hours_that_clocks_skip_or_repeat() -> None:
    found = read_times(pl.Series("t", ["2026-03-29T02:30:00", "2026-10-25T02:30:00"]), "Europe/Berlin")
    assert found.is_skipped.to_list() == [True, False]
    assert found.instants[1] == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize("neighbour", ["2026-05-01", "soon"])
def test_the_years_that_times_can_hold(neighbour: str) -> None:
    """In a column written alike throughout and in a mixed one."""
    texts = ["1699-12-31T23:59:59Z", "1700-01-01T00:00:00Z", "2199-12-31T23:59:59Z", "2200-01-01T00:00:00Z"]
    found = read_times(pl.Series("t", [*texts, neighbour]), "UTC")
    assert found.is_remote.to_list()[:4] == [True, False, False, True]
    assert found.instants.is_null().to_list()[:4] == [True, False, False, True]
