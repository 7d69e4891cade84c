import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.dataset import UNKNOWN_CATEGORY, Dataset, places_among, split_list, week_starts
from recsys.errors import DataError

START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta(days=40)
days = st.integers(0, 60)
maybe_days = st.none() | days


def day(number: int | None) -> pd.Timestamp | None:
    return None if number is None else START + pd.Timedelta(days=number)


@st.composite
def tables(draw: st.DrawFn, *, implied: bool = False) -> dict[str, pd.DataFrame]:
    users = [{"user_id": f"u{n}", "registered_at": day(draw(maybe_days))} for n in range(3)]
    sessions = [
        {
            "session_id": f"s{n}",
            "activity_id": f"a{n // 2}",
            "starts_at": day(draw(days)),
            "published_at": day(draw(maybe_days)),
            "cancelled_at": day(draw(maybe_days)),
        }
        for n in range(4)
    ]
    statuses = st.sampled_from(["booked", "waitlisted", "cancelled", "attended", "no_show"])
    bookings = [
        {
            "booking_id": f"b{n}",
            "user_id": f"u{draw(st.integers(0, 3 if implied else 2))}",
            "session_id": f"s{draw(st.integers(0, 3))}",
            "booked_at": day(draw(days)),
            "status": draw(statuses),
            "status_at": day(draw(maybe_days)),
        }
        for n in range(draw(st.integers(0, 5)))
    ]
    feedback = [
        {
            "feedback_id": f"f{n}",
            "user_id": "u0",
            "activity_id": f"a{draw(st.integers(0, 2 if implied else 1))}",
            "kind": "view",
            "occurred_at": day(draw(days)),
        }
        for n in range(draw(st.integers(0, 3)))
    ]
    whole = {"users": users, "sessions": sessions, "bookings": bookings, "feedback": feedback}
    activities = pd.DataFrame({"activity_id": ["a0", "a1"], "category": "dance"})
    return {**{name: pd.DataFrame(rows) for name, rows in whole.items() if rows}, "activities": activities}


def assert_same(first: Dataset, second: Dataset) -> None:
    for name, table in first.tables().items():
        key = table.columns[0]
        other = second.tables()[name]
        pd.testing.assert_frame_equal(
            table.sort_values(key, ignore_index=True), other.sort_values(key, ignore_index=True), check_dtype=False
        )


@settings(max_examples=25, deadline=None)
@given(tables(), st.integers(0, 40))
def test_what_was_known_earlier_does_not_depend_on_how_much_is_known_now(
    whole: dict[str, pd.DataFrame], cut: int
) -> None:
    # A person who is registered only later is implied by earlier rows, and stays implied from then on.
    whole = {**whole, "users": whole["users"].drop(columns="registered_at")}
    now = Dataset.from_tables(whole, START + pd.Timedelta(days=100))
    at = START + pd.Timedelta(days=cut)
    assert_same(now.known_at(at), now.known_at(END).known_at(at))
    assert_same(now.known_at(at), Dataset.from_tables(whole, at))


@settings(max_examples=25, deadline=None)
@given(tables(implied=True), st.integers(0, 60))
def test_rows_at_or_after_the_cut_off_change_nothing(whole: dict[str, pd.DataFrame], cut: int) -> None:
    at = START + pd.Timedelta(days=cut)
    times = {"bookings": "booked_at", "feedback": "occurred_at", "users": "registered_at"}
    earlier = {name: table[~(table[times[name]] >= at)] if name in times else table for name, table in whole.items()}
    earlier["sessions"] = whole["sessions"].assign(
        cancelled_at=whole["sessions"]["cancelled_at"].where(~(whole["sessions"]["cancelled_at"] > at))
    )
    assert_same(Dataset.from_tables(whole, at), Dataset.from_tables(earlier, at))


@settings(max_examples=25, deadline=None)
@given(tables(implied=True), st.integers(0, 60))
def test_every_reference_resolves_and_nothing_late_is_known(whole: dict[str, pd.DataFrame], cut: int) -> None:
    known = Dataset.from_tables(whole, START + pd.Timedelta(days=cut))
    assert known.bookings["user_id"].isin(known.users["user_id"]).all()
    assert known.bookings["session_id"].isin(known.sessions["session_id"]).all()
    assert known.sessions["activity_id"].isin(known.activities["activity_id"]).all()
    assert known.feedback["activity_id"].isin(known.activities["activity_id"]).all()
    assert (known.bookings["booked_at"] < known.data_until).all()
    assert not (known.sessions["cancelled_at"] > known.data_until).any()


@pytest.mark.parametrize(
    ("status", "status_day", "at_day", "seen"),
    [
        ("cancelled", 5, 4, "booked"),
        ("cancelled", 5, 5, "cancelled"),
        ("attended", None, 9, "booked"),
        ("attended", None, 10, "attended"),
        ("cancelled", None, 9, "booked"),
        ("waitlisted", None, 4, "waitlisted"),
        ("no_show", 12, 11, "booked"),
    ],
)
def test_a_status_holds_from_its_time_or_from_the_start(status: str, status_day: int, at_day: int, seen: str) -> None:
    sessions = pd.DataFrame({"session_id": ["s"], "activity_id": ["a"], "starts_at": [day(10)]})
    booking = {"booking_id": "b", "user_id": "u", "session_id": "s", "booked_at": day(1), "status": status}
    bookings = pd.DataFrame([{**booking, "status_at": day(status_day)}])
    known = Dataset.from_tables({"sessions": sessions, "bookings": bookings}, START + pd.Timedelta(days=at_day))
    assert known.bookings["status"].tolist() == [seen]


def test_an_implied_activity_has_no_category_and_empty_values_their_defaults() -> None:
    sessions = pd.DataFrame({"session_id": ["s"], "activity_id": ["a"], "starts_at": [day(1)]})
    bookings = pd.DataFrame({"booking_id": ["b"], "user_id": ["u"], "session_id": ["s"], "booked_at": [day(0)]})
    known = Dataset.from_tables({"sessions": sessions, "bookings": bookings}, END)
    assert known.activities["category"].tolist() == [UNKNOWN_CATEGORY]
    assert known.users["personalised"].tolist() == [True]
    assert known.bookings[["party_size", "status"]].to_numpy().tolist() == [[1.0, "booked"]]


def test_who_opted_out_stays_so_before_the_registration_that_the_row_states() -> None:
    users = pd.DataFrame({"user_id": ["u", "v"], "registered_at": [day(20)] * 2, "personalised": [False, None]})
    sessions = pd.DataFrame({"session_id": ["s"], "activity_id": ["a"], "starts_at": [day(1)]})
    bookings = pd.DataFrame({"booking_id": ["b", "c"], "user_id": ["u", "v"], "session_id": "s", "booked_at": day(0)})
    tables = {"users": users, "sessions": sessions, "bookings": bookings}
    for known in (Dataset.from_tables(tables, day(9)), Dataset.from_tables(tables, END).known_at(day(9))):
        assert known.users.set_index("user_id")["personalised"].to_dict() == {"u": False, "v": True}
        assert known.users["registered_at"].isna().all()


def test_repeated_keys_and_a_later_time_are_refused() -> None:
    users = pd.DataFrame({"user_id": ["u", "u"]})
    with pytest.raises(DataError, match="user_id repeats"):
        Dataset.from_tables({"users": users}, END)
    with pytest.raises(DataError, match="lies after data_until"):
        Dataset.from_tables({}, START).known_at(END)


def test_lists_are_split_and_weeks_begin_on_local_mondays() -> None:
    assert split_list(pd.Series(["a; b;;", None, " "])).tolist() == ["a", "b"]
    times = pd.Series(pd.to_datetime(["2026-02-22T15:59Z", "2026-02-22T16:00Z"]))
    assert week_starts(times, "Asia/Shanghai").dt.strftime("%m-%d").tolist() == ["02-16", "02-23"]


def test_texts_are_found_among_ids() -> None:
    texts = pd.Series(["b", None, "x", "a"], index=[7, 7, 8, 9])
    assert places_among(texts, pd.Series(["a", "b", "c"])).tolist() == [1, -1, -1, 0]
    assert places_among(texts.iloc[:0], pd.Series(["a"])).tolist() == []
