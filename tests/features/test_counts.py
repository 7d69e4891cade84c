import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.counts import FIRST_MONDAY, NOT_STATED, count_tables, weekly_counts
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from tests.features.engines import EMBEDDED

UNTIL = pd.Timestamp("2026-03-01", tz="UTC")
MEASURES = ["sessions", "open_sessions", "places", "bookings", "waiting", "sold_out"]
ORDER = ["region_num", "category_num", "week_num"]


def town(**extra: pd.DataFrame) -> Dataset:
    tables = {
        "regions": pd.DataFrame(
            {"region_id": ["c", "t"], "name": ["C", "T"], "level": ["city", "township"], "parent_id": [None, "c"]}
        ),
        "venues": pd.DataFrame({"venue_id": ["hall"], "name": ["Hall"], "region_id": ["t"]}),
        "activities": pd.DataFrame({"activity_id": ["a1", "a2"], "category": ["dance", "chess"]}),
        "sessions": pd.DataFrame(
            {
                "session_id": ["x1", "x2", "x3", "x4"],
                "activity_id": ["a1", "a1", "a2", "a1"],
                # Sunday 15:30Z is still Sunday in Shanghai, 16:30Z is Monday.
                "starts_at": ["2026-02-22T15:30Z", "2026-02-22T16:30Z", "2026-02-16T02:00Z", "2026-02-17T02:00Z"],
                "venue_id": ["hall", "hall", None, "hall"],
                "capacity": [3, None, 10, 5],
                "cancelled_at": [None, None, None, "2026-02-01T00:00Z"],
            }
        ),
        "bookings": pd.DataFrame(
            {
                "booking_id": list("abcdef"),
                "user_id": ["u", "v", "w", "u", "v", "u"],
                "session_id": ["x1", "x1", "x1", "x2", "x3", "x4"],
                "booked_at": "2026-02-01T00:00Z",
                "status": ["attended", "no_show", "waitlisted", "cancelled", "booked", "booked"],
                "party_size": [2, 1, 4, 1, 1, 1],
            }
        ),
        **extra,
    }
    return Dataset.from_tables(tables, UNTIL)


def test_a_town_counted_by_hand() -> None:
    dataset = town()
    tree = RegionTree.of(dataset)
    tables = count_tables(dataset, tree)
    counts = weekly_counts(tables.sessions, tables.bookings, tables.ancestors)
    shown = counts.assign(
        region=tree.ids.ids[counts["region_num"]],
        category=tables.categories.ids[counts["category_num"]],
        week=(FIRST_MONDAY + pd.to_timedelta(counts["week_num"] * 7, unit="D")).dt.strftime("%m-%d"),
    )
    found = {tuple(row[:3]): tuple(row[3:]) for row in shown[["region", "category", "week", *MEASURES]].to_numpy()}
    hall_dance = {"02-16": (1, 0, 3, 3, 4, 1), "02-23": (1, 1, 0, 0, 0, 0)}
    assert found == {
        **{(region, "dance", week): row for region in "ct" for week, row in hall_dance.items()},
        ("c", "chess", "02-16"): (1, 0, 10, 1, 0, 0),
    }


def test_without_ancestors_a_region_counts_its_own_venues_only() -> None:
    dataset = town()
    tables = count_tables(dataset, RegionTree.of(dataset))
    assert weekly_counts(tables.sessions, tables.bookings)["sessions"].sum() == 3


def test_nothing_offered_gives_no_row() -> None:
    dataset = Dataset.from_tables({}, UNTIL)
    tables = count_tables(dataset, RegionTree.of(dataset))
    assert weekly_counts(tables.sessions, tables.bookings, tables.ancestors).empty


def test_bookings_at_or_after_the_cut_off_change_nothing() -> None:
    late = town().bookings.assign(booked_at=UNTIL, party_size=9)
    late = late.assign(booking_id=late["booking_id"] + "-late")
    with_late = town(bookings=pd.concat([town().bookings, late]))
    for before, after in zip(*(table_frames(each) for each in (town(), with_late)), strict=True):
        pd.testing.assert_frame_equal(before, after)


def table_frames(dataset: Dataset) -> list[pd.DataFrame]:
    tables = count_tables(dataset, RegionTree.of(dataset))
    return [tables.sessions, tables.bookings, tables.ancestors]


small = st.integers(0, 3)
sessions_strategy = st.lists(st.tuples(small, small, small, st.sampled_from([NOT_STATED, 0, 1, 5])), max_size=8)
bookings_strategy = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from([(0, 0), (0, 1), (1, 0)]), small), max_size=12
)
ANCESTORS = pd.DataFrame({"region_num": [0, 1, 1, 2, 2, 3, 3, 3], "ancestor_num": [0, 0, 1, 0, 2, 0, 2, 3]})


@pytest.mark.parametrize("engine", sorted(set(EMBEDDED) - {"pandas"}))
@settings(max_examples=15, deadline=None)
@given(sessions=sessions_strategy, bookings=bookings_strategy)
def test_every_engine_agrees_with_pandas(
    engine: str, sessions: list[tuple[int, ...]], bookings: list[tuple[int, tuple[int, int], int]]
) -> None:
    columns = ["session_num", *ORDER, "capacity"]
    programme = pd.DataFrame([(n, *row) for n, row in enumerate(sessions)], columns=columns, dtype="int64")
    booked = pd.DataFrame(
        [(session, *kind, size) for session, kind, size in bookings],
        columns=["session_num", "is_taking", "is_waiting", "party_size"],
        dtype="int64",
    )
    expected, found = (
        EMBEDDED[name](weekly_counts, programme, booked, ANCESTORS).sort_values(ORDER, ignore_index=True)
        for name in ("pandas", engine)
    )
    pd.testing.assert_frame_equal(found, expected)
    assert found["sessions"].sum() >= len(sessions)
