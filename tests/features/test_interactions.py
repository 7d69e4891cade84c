from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.interactions import (
    InteractionConfig,
    coded_events,
    events,
    kind_weights,
    weighted_pairs,
    write_weighted_pairs,
)
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.schema import BOOKING_STATUSES
from tests.features.engines import EMBEDDED

UNTIL = pd.Timestamp("2026-03-01", tz="UTC")
DAY_S = 86_400


def town(**tables: pd.DataFrame) -> Dataset:
    sessions = pd.DataFrame(
        {
            "session_id": ["s1", "s2"],
            "activity_id": ["a1", "a2"],
            "starts_at": ["2026-02-20T10:00Z", "2026-04-01T10:00Z"],
        }
    )
    return Dataset.from_tables({"sessions": sessions, **tables}, UNTIL)


def booking(number: int, status: str, session: str = "s1", at: str = "2026-02-01T00:00Z") -> dict[str, object]:
    return {"booking_id": str(number), "user_id": "u", "session_id": session, "booked_at": at, "status": status}


def test_every_status_and_kind_has_its_own_weight() -> None:
    config = InteractionConfig(impression=0.05)
    statuses = ["attended", "booked", "waitlisted", "no_show", "cancelled"]
    kinds = ["impression", "view", "favourite", "share", "pledge"]
    bookings = pd.DataFrame([booking(n, status) for n, status in enumerate(statuses)])
    feedback = pd.DataFrame(
        {"feedback_id": kinds, "user_id": "u", "activity_id": "a2", "kind": kinds, "occurred_at": "2026-02-02T00:00Z"}
    )
    found = events(town(bookings=bookings, feedback=feedback), config).set_index("kind")["weight"]
    assert found.to_dict() == {name: kind_weights(config)[name] for name in statuses + kinds}


def test_an_impression_is_left_out_by_default_and_a_rating_counts_in_proportion() -> None:
    feedback = pd.DataFrame(
        {
            "feedback_id": list("abcde"),
            "user_id": "u",
            "activity_id": "a1",
            "kind": ["impression", *["rating"] * 4],
            "occurred_at": [f"2026-02-0{n}T00:00Z" for n in range(1, 6)],
            "value": [None, 5, 2, None, -3],
        }
    )
    rows = events(town(feedback=feedback), InteractionConfig(rating=0.5))
    np.testing.assert_allclose(rows["weight"], [0.5, 0.2, 0.25])
    assert rows["session_id"].isna().all()
    assert not rows["kind"].isin(BOOKING_STATUSES).any()


def test_a_booking_counts_for_its_session_s_activity_in_order_of_time() -> None:
    bookings = pd.DataFrame([booking(1, "booked", "s2", "2026-02-03T00:00Z"), booking(2, "attended")])
    rows = events(town(bookings=bookings))
    assert rows["activity_id"].tolist() == ["a1", "a2"]
    assert rows["at"].is_monotonic_increasing


def test_nothing_booked_gives_no_event() -> None:
    rows = events(town())
    assert rows.empty
    coded = coded_events(rows, IdMap.of([]), IdMap.of([]))
    assert weighted_pairs(coded, data_until=UNTIL, half_life_days=1).empty


def test_unknown_users_and_missing_keys_are_left_out() -> None:
    rows = pd.DataFrame(
        {
            "user_id": ["u", "v", "u"],
            "series_id": ["x", "x", None],
            "at": pd.to_datetime(["2026-02-01T00:00:01.9Z"] * 3),
            "weight": [1.0, 2.0, 4.0],
        }
    )
    coded = coded_events(rows, IdMap.of(["u"]), IdMap.of(["x"]), "series_id")
    assert coded.to_dict("records") == [
        {"user_num": 0, "key_num": 0, "at_s": int(pd.Timestamp("2026-02-01T00:00:01Z").timestamp()), "weight": 1.0}
    ]


def coded_rows(rows: list[tuple[int, int, int, float]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_num", "key_num", "at_s", "weight"]).astype(
        {"user_num": "int64", "key_num": "int64", "at_s": "int64", "weight": "float64"}
    )


def test_an_event_of_one_half_life_counts_half_and_one_at_the_cut_off_not_at_all() -> None:
    until = int(UNTIL.timestamp())
    rows = coded_rows([(0, 0, until - 10 * DAY_S, 1.0), (0, 0, until - 20 * DAY_S, 1.0), (0, 1, until, 5.0)])
    pairs = weighted_pairs(rows, data_until=UNTIL, half_life_days=10)
    assert pairs[["user_num", "key_num"]].to_numpy().tolist() == [[0, 0]]
    np.testing.assert_allclose(pairs["weight"], [0.75])


events_strategy = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 4),
        st.integers(int(UNTIL.timestamp()) - 400 * DAY_S, int(UNTIL.timestamp()) + DAY_S),
        st.floats(0.01, 5),
    ),
    max_size=30,
)


def plain_pairs(rows: pd.DataFrame) -> dict[tuple[int, int], float]:
    until = int(UNTIL.timestamp())
    found: dict[tuple[int, int], float] = {}
    for user, key, at, weight in rows.itertuples(index=False):
        if at < until:
            found[user, key] = found.get((user, key), 0.0) + weight * 2 ** ((at - until) / (30 * DAY_S))
    return found


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
@settings(max_examples=15, deadline=None)
@given(rows=events_strategy)
def test_every_engine_agrees_with_the_plain_loop(engine: str, rows: list[tuple[int, int, int, float]]) -> None:
    frame = coded_rows(rows)
    found = EMBEDDED[engine](weighted_pairs, frame, data_until=UNTIL, half_life_days=30.0)
    expected = plain_pairs(frame)
    assert set(zip(found["user_num"], found["key_num"], strict=True)) == set(expected)
    for user, key, weight in found[["user_num", "key_num", "weight"]].itertuples(index=False):
        np.testing.assert_allclose(weight, expected[user, key], rtol=1e-9)


def test_pairs_may_be_of_ids_and_more_than_two_columns() -> None:
    rows = pd.DataFrame({"user_id": ["u", "u"], "category": ["dance"] * 2, "day": [1, 2], "at_s": 0, "weight": 1.0})
    pairs = weighted_pairs(rows, keys=("user_id", "category", "day"), data_until=UNTIL, half_life_days=1e9)
    assert len(pairs) == 2
    assert len(weighted_pairs(rows, keys=("user_id",), data_until=UNTIL, half_life_days=1e9)) == 1


def test_pairs_from_parquet_to_parquet_are_the_same(tmp_path: Path) -> None:
    now = int(UNTIL.timestamp())
    rows = coded_rows([(0, 1, now - DAY_S, 1.0), (0, 1, now - 30 * DAY_S, 2.0), (2, 0, now - 1, 0.5), (2, 0, now, 9.0)])
    rows.to_parquet(tmp_path / "events.parquet")
    source, target = tmp_path / "events.parquet", tmp_path / "pairs.parquet"
    write_weighted_pairs(source, target, data_until=UNTIL, half_life_days=30.0)
    order = ["user_num", "key_num"]
    found = pd.read_parquet(target).sort_values(order, ignore_index=True)
    expected = weighted_pairs(rows, data_until=UNTIL, half_life_days=30.0).sort_values(order, ignore_index=True)
    assert len(found) == 2
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
