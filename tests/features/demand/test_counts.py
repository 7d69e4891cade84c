from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.demand.counts import (
    ABSURD_CAPACITY,
    MEASURES,
    NEVER_US,
    NOT_STATED,
    SERIES,
    WEEK_US,
    is_full,
    monday_us,
    on_hand_names,
    session_figures,
    weekly_counts,
    with_regions_above,
)
from tests.features.engines import EMBEDDED

DAY_US = WEEK_US // 7
AS_OF = "2026-01-07T00:00"
"""A Wednesday."""

ANCESTORS = pd.DataFrame({"region_num": [0, 1, 1, 2, 2, 3, 3, 3], "ancestor_num": [0, 0, 1, 0, 2, 0, 2, 3]})

BOOKING_TYPES = {
    "session_num": "int64",
    "status": "string[pyarrow]",
    "party_size": "int64",
    "booked_us": "int64",
    "status_us": "int64",
}


def us(time: str) -> int:
    return int(pd.Timestamp(time).value // 1000)


def figures_of(sessions: pd.DataFrame, bookings: pd.DataFrame, n_leads: int, engine: str = "polars") -> pd.DataFrame:
    found = EMBEDDED[engine](session_figures, sessions, bookings, as_of_us=us(AS_OF), n_leads=n_leads)
    return found.sort_values("session_num", ignore_index=True)


def programme(*starts: str, **columns: list[int]) -> pd.DataFrame:
    times = [us(start) for start in starts]
    frame = pd.DataFrame({"session_num": range(len(times)), "starts_us": times, "is_cancelled": 0, **columns})
    return frame.astype("int64")


def booked(*rows: tuple[int, str, int, str, str | None]) -> pd.DataFrame:
    coded = [
        (num, status, size, us(at), NEVER_US if until is None else us(until)) for num, status, size, at, until in rows
    ]
    return pd.DataFrame(coded, columns=list(BOOKING_TYPES)).astype(BOOKING_TYPES)


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_a_session_by_hand(engine: str) -> None:
    # Origins before it starts: 31 December, 24 December, 17 December.
    sessions = programme("2026-01-06T10:00", "2026-01-07T00:00", is_cancelled=[0, 1])
    bookings = booked(
        (0, "attended", 2, "2025-12-20", "2026-01-06T10:00"),
        (0, "no_show", 1, "2025-12-24", None),
        (0, "cancelled", 3, "2026-01-01", "2026-01-04"),
        (0, "cancelled", 5, "2025-12-01", "2025-12-24"),
        (0, "waitlisted", 4, "2025-12-01", None),
        (1, "booked", 7, "2025-12-01", None),
        (9, "booked", 7, "2025-12-01", None),
    )
    found = figures_of(sessions, bookings, 4, engine)
    assert found[["age", "week_num", "places", "waiting"]].to_numpy().tolist() == [[1, 0, 3, 4], [0, 0, 0, 0]]
    # Booked at the very origin of 24 December is not yet known then; given up at that origin is no longer held.
    assert found[on_hand_names(4)].to_numpy().tolist() == [[3, 2, 5, 5], [7, 7, 7, 7]]
    assert found["first_booked_us"].tolist() == [us("2025-12-01")] * 2


def test_a_session_that_nobody_booked() -> None:
    found = figures_of(programme("2025-12-28T23:59"), booked(), 2)
    assert found[["age", "week_num", "places", "waiting", "on_hand_0"]].to_numpy().tolist() == [[2, -2, 0, 0, 0]]
    assert found["first_booked_us"].tolist() == [NEVER_US]


def test_weeks_begin_on_monday() -> None:
    for day in range(5, 12):
        assert monday_us(us(f"2026-01-{day:02}T23:59:59")) == us("2026-01-05")
    assert monday_us(us("1969-12-31")) == us("1969-12-29")
    found = figures_of(programme("2026-01-04T23:59:59.999999", "2026-01-05", "2026-01-12"), booked(), 1)
    assert found["week_num"].tolist() == [-1, 0, 1]


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_counts_by_hand(engine: str) -> None:
    rows = [
        # region, category, week, cancelled, places, capacity, demand
        (3, 0, -1, 0, 5.0, 5, 8.0),
        (3, 0, -1, 0, 6.0, 5, 6.5),
        (3, 0, -1, 0, 4.0, NOT_STATED, 4.0),
        (2, 0, -1, 0, 0.0, 0, 0.0),
        (2, 0, -2, 0, 9.0, ABSURD_CAPACITY + 1, 9.0),
        (1, 1, -1, 1, 0.0, 5, 0.0),
        (1, 1, 0, 0, 5.0, 5, 5.0),
    ]
    columns = [*SERIES, "is_cancelled", "places", "capacity", "demand"]
    counts = EMBEDDED[engine](weekly_counts, pd.DataFrame(rows, columns=columns))
    assert by_series(counts) == {
        (3, 0, -1): (3, 15, 10, 2, 2, 18.5),
        (2, 0, -1): (1, 0, 0, 0, 0, 0),
        (2, 0, -2): (1, 9, 0, 0, 0, 9),
    }
    above = by_series(EMBEDDED[engine](with_regions_above, counts, ANCESTORS))
    assert above == {
        (3, 0, -1): (3, 15, 10, 2, 2, 18.5),
        **{(region, 0, -1): (4, 15, 10, 2, 2, 18.5) for region in (0, 2)},
        **{(region, 0, -2): (1, 9, 0, 0, 0, 9) for region in (0, 2)},
    }


def by_series(counts: pd.DataFrame) -> dict[tuple[int, ...], tuple[float, ...]]:
    return {tuple(row[: len(SERIES)]): tuple(row[len(SERIES) :]) for row in counts[[*SERIES, *MEASURES]].to_numpy()}


def test_a_capacity_that_limits_nothing_is_never_full() -> None:
    limits = pd.Series([NOT_STATED, 0, float("nan"), ABSURD_CAPACITY + 1, 5, 6], dtype=float)
    assert is_full(pd.Series([2_000_000.0] * 4 + [5.0] * 2), limits).tolist() == [False] * 4 + [True, False]


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_nothing_offered_gives_no_row(engine: str) -> None:
    sessions = programme().assign(region_num=0, category_num=0, capacity=0)
    figures = figures_of(sessions, booked(), 1, engine)
    counts = EMBEDDED[engine](weekly_counts, figures.assign(demand=0.0))
    assert EMBEDDED[engine](with_regions_above, counts, ANCESTORS).empty


small = st.integers(0, 3)
hours = st.integers(-24 * 40, 24 * 40)
sessions_strategy = st.lists(
    st.tuples(hours, small, small, st.sampled_from([0, 1]), st.sampled_from([NOT_STATED, 0, 1, 5])), max_size=8
)
statuses = st.sampled_from(["booked", "attended", "no_show", "cancelled", "waitlisted"])
bookings_strategy = st.lists(
    st.tuples(st.integers(0, 7), statuses, st.integers(1, 3), hours, st.none() | hours), max_size=12
)


@pytest.mark.parametrize("engine", sorted(set(EMBEDDED) - {"pandas"}))
@settings(max_examples=15, deadline=None)
@given(sessions=sessions_strategy, bookings=bookings_strategy)
def test_every_engine_agrees_with_pandas(
    engine: str, sessions: list[tuple[int, ...]], bookings: list[tuple[int, str, int, int, int | None]]
) -> None:
    hour, now = DAY_US // 24, us(AS_OF)
    columns = ["starts_us", "region_num", "category_num", "is_cancelled", "capacity"]
    offered = pd.DataFrame([(now + hour * row[0], *row[1:]) for row in sessions], columns=columns, dtype="int64")
    offered = offered.assign(session_num=range(len(offered)))
    rows = [
        (num, status, size, now + hour * at, NEVER_US if until is None else now + hour * until)
        for num, status, size, at, until in bookings
    ]
    taken = pd.DataFrame(rows, columns=list(BOOKING_TYPES)).astype(BOOKING_TYPES)
    frames = [chain(name, offered, taken) for name in ("pandas", engine)]
    for expected, found in zip(*frames, strict=True):
        pd.testing.assert_frame_equal(found, expected, check_dtype=len(expected) > 0)


def chain(engine: str, sessions: pd.DataFrame, bookings: pd.DataFrame) -> list[pd.DataFrame]:
    def run(step: Any, order: list[str], *tables: pd.DataFrame, **options: Any) -> pd.DataFrame:
        found = EMBEDDED[engine](step, *tables, **options)
        return found.sort_values(order, ignore_index=True)

    figures = run(session_figures, ["session_num"], sessions, bookings, as_of_us=us(AS_OF), n_leads=3)
    wanted = figures.assign(demand=(figures["places"] + figures["waiting"]).astype("float64"))
    counts = run(weekly_counts, list(SERIES), wanted)
    return [figures, counts, run(with_regions_above, list(SERIES), counts, ANCESTORS)]
