"""The invariant: nothing is offered that may not be, and nothing that may be is held back, by the plain rules."""

import numpy as np
import pandas as pd
import pytest

from recsys.availability import earliest_of_each_activity, may_be_offered, people_of
from recsys.dataset import Dataset, local_times
from recsys.open_sessions import open_sessions
from tests.ranking_world import AT, ranking_world

ADULTS = {"adults"}


def _plain_open(dataset: Dataset, at: pd.Timestamp, window_days: float | None) -> set[str]:
    known = dataset.bookings[dataset.bookings["booked_at"] < at]
    found = set()
    for s in dataset.sessions.itertuples():
        taken = known[(known["session_id"] == s.session_id) & known["status"].isin(["booked", "attended", "no_show"])]
        refused = (
            (pd.notna(s.published_at) and s.published_at > at)
            or s.starts_at <= at
            or (window_days is not None and s.starts_at >= at + pd.Timedelta(days=window_days))
            or (pd.notna(s.cancelled_at) and s.cancelled_at <= at)
            or (pd.notna(s.booking_opens_at) and s.booking_opens_at > at)
            or (pd.notna(s.booking_closes_at) and s.booking_closes_at <= at)
            or (pd.notna(s.capacity) and s.capacity - taken["party_size"].sum() < 1)
        )
        if not refused:
            found.add(s.session_id)
    return found


def _plain_may(at: pd.Timestamp, user, own: pd.DataFrame, held: list, session, year: int, activity) -> bool:
    if session.session_id in set(own["session_id"]):
        return False
    age = year - user.birth_year - 1
    if pd.notna(activity.min_age) and (age < activity.min_age or (np.isnan(age) and activity.min_age >= 18)):
        return False
    if activity.audience in ADULTS and age < 18:
        return False
    if pd.notna(activity.max_age) and age > activity.max_age:
        children = [year - float(y) - 1 for years in own["attendee_birth_years"].dropna() for y in years.split(";")]
        low = 0 if np.isnan(activity.min_age) else activity.min_age
        if not any(low <= child <= activity.max_age or (child < 0 and low <= 0 and child >= low) for child in children):
            return False
    for h in held:
        if h.starts_at == session.starts_at and (h.ends_at if pd.notna(h.ends_at) else h.starts_at) >= at:
            return False
        both = pd.notna(h.ends_at) and pd.notna(session.ends_at)
        if both and h.starts_at < session.ends_at and session.starts_at < h.ends_at:
            return False
    return True


@pytest.mark.parametrize("seed", range(3))
def test_open_sessions_and_people_follow_the_plain_rules(seed):
    dataset = ranking_world(seed).known_at(AT)
    sessions = open_sessions(dataset, AT, 10)
    assert set(sessions.session_ids) == _plain_open(dataset, AT, 10)
    users = dataset.users
    allowed = may_be_offered(sessions, people_of(users, dataset.bookings, dataset.sessions, AT))
    by_id = dataset.sessions.set_index("session_id", drop=False)
    years = local_times(by_id["starts_at"], dataset.timezone).dt.year
    activities = dataset.activities.set_index("activity_id", drop=False)
    columns = [
        (by_id.loc[one], years[one], activities.loc[by_id.loc[one, "activity_id"]]) for one in sessions.session_ids
    ]
    known = dataset.bookings[dataset.bookings["booked_at"] < AT]
    for row, user in enumerate(users.itertuples()):
        own = known[known["user_id"] == user.user_id]
        is_held = own["status"].isin(["booked", "attended", "waitlisted"])
        held = own[is_held].merge(dataset.sessions, on="session_id")
        held = list(held[~(held["cancelled_at"] <= AT)].itertuples())
        for column, (session, year, activity) in enumerate(columns):
            expected = _plain_may(AT, user, own, held, session, year, activity)
            assert allowed[row, column] == expected, (user.user_id, session.session_id)


def test_an_instant_belongs_to_what_begins_then():
    """Published, opened for booking, called off, closed and started at the instant itself."""
    hour, later = pd.Timedelta(hours=1), AT + pd.Timedelta(days=3)
    offered = {
        "published": {"published_at": AT},
        "opened": {"booking_opens_at": AT},
        "closes later": {"booking_closes_at": AT + hour},
        "called off later": {"cancelled_at": AT + hour},
    }
    refused = {
        "starts": {"starts_at": AT},
        "closed": {"booking_closes_at": AT},
        "called off": {"cancelled_at": AT},
        "the window ends": {"starts_at": AT + pd.Timedelta(days=10)},
        "not published": {"published_at": AT + hour},
        "not opened": {"booking_opens_at": AT + hour},
    }
    rows = [
        {"session_id": name, "activity_id": "a", "starts_at": later} | times
        for name, times in (offered | refused).items()
    ]
    tables = {"sessions": pd.DataFrame(rows), "activities": pd.DataFrame([{"activity_id": "a", "category": "dance"}])}
    found = open_sessions(Dataset.from_tables(tables, AT + hour), AT, 10)
    assert set(found.session_ids) == set(offered)


def test_only_the_earliest_allowed_session_of_an_activity_stays():
    dataset = ranking_world(1).known_at(AT)
    sessions = open_sessions(dataset, AT)
    rng = np.random.default_rng(0)
    allowed = rng.random((50, len(sessions))) < 0.6
    kept = earliest_of_each_activity(sessions, allowed)
    for row in range(len(allowed)):
        frame = pd.DataFrame(
            {"activity": sessions.activity_ids, "start": sessions.starts, "column": np.arange(len(sessions))}
        )[allowed[row]]
        expected = frame.sort_values(["start", "column"]).drop_duplicates("activity")["column"]
        assert set(np.flatnonzero(kept[row])) == set(expected)


def test_no_session_and_no_person_are_no_trouble():
    empty = Dataset.from_tables({}, AT)
    sessions = open_sessions(empty, AT)
    assert len(sessions) == 0
    people = people_of(empty.users, empty.bookings, empty.sessions, AT)
    assert may_be_offered(sessions, people).shape == (0, 0)


def test_an_adult_is_offered_childrens_sessions_where_nobody_says_for_whom_they_book():
    tables = {
        "users": pd.DataFrame({"user_id": ["adult"], "birth_year": [1980]}),
        "activities": pd.DataFrame({"activity_id": ["a"], "category": ["reading"], "max_age": [10]}),
        "sessions": pd.DataFrame(
            {
                "session_id": ["s", "past"],
                "activity_id": ["a", "a"],
                "starts_at": [AT + pd.Timedelta(days=1), AT - pd.Timedelta(days=9)],
            }
        ),
    }
    booked = pd.DataFrame(
        {"booking_id": ["b"], "user_id": ["other"], "session_id": ["past"], "booked_at": [AT - pd.Timedelta(days=9)]}
    )
    for years, expected in ((None, True), ("2018", False)):
        dataset = Dataset.from_tables({**tables, "bookings": booked.assign(attendee_birth_years=years)}, AT)
        people = people_of(dataset.users, dataset.bookings, dataset.sessions, AT)
        allowed = may_be_offered(open_sessions(dataset, AT), people)
        assert allowed[dataset.users["user_id"] == "adult"].tolist() == [[expected]]


@pytest.mark.parametrize("status", ["booked", "attended", "waitlisted", "no_show", "cancelled"])
def test_what_a_person_has_booked_is_not_offered_again_whatever_became_of_it(status):
    sessions = {"session_id": ["s", "t"], "activity_id": ["a", "a"], "starts_at": [AT + pd.Timedelta(days=1)] * 2}
    before = AT - pd.Timedelta(days=1)
    booking = {"booking_id": "b", "user_id": "u", "session_id": "s", "booked_at": before, "status": status}
    tables = {
        "users": pd.DataFrame({"user_id": ["u", "other"]}),
        "activities": pd.DataFrame({"activity_id": ["a"], "category": ["dance"]}),
        "sessions": pd.DataFrame(sessions),
        "bookings": pd.DataFrame([booking | {"status_at": before}]),
    }
    dataset = Dataset.from_tables(tables, AT)
    people = people_of(dataset.users, dataset.bookings, dataset.sessions, AT)
    # Who does not hold it any more may go to another session at the same time.
    is_free = status in ("cancelled", "no_show")
    assert may_be_offered(open_sessions(dataset, AT), people).tolist() == [[False, is_free], [True, True]]


@pytest.mark.parametrize("status", ["booked", "waitlisted"])
@pytest.mark.parametrize(("called_off", "is_free"), [(-1, True), (0, True), (1, False), (None, False)])
def test_a_session_that_was_called_off_is_not_in_the_way(status, called_off, is_free):
    start, hour = AT + pd.Timedelta(days=1), pd.Timedelta(hours=1)
    sessions = pd.DataFrame(
        {
            "session_id": ["off", "at the same time"],
            "activity_id": ["a", "b"],
            "starts_at": [start, start + hour],
            "ends_at": [start + 2 * hour] * 2,
            "cancelled_at": [None if called_off is None else AT + called_off * hour, None],
        }
    )
    booking = {"booking_id": "b", "user_id": "u", "session_id": "off", "booked_at": AT - hour, "status": status}
    tables = {
        "users": pd.DataFrame({"user_id": ["u"]}),
        "activities": pd.DataFrame({"activity_id": ["a", "b"], "category": ["dance", "dance"]}),
        "sessions": sessions,
        "bookings": pd.DataFrame([booking]),
    }
    dataset = Dataset.from_tables(tables, AT + 2 * hour)
    offered = open_sessions(dataset, AT)
    allowed = may_be_offered(offered, people_of(dataset.users, dataset.bookings, dataset.sessions, AT))
    assert allowed[:, offered.session_ids == "at the same time"].tolist() == [[is_free]]


@pytest.mark.parametrize(
    ("audience", "is_for_grown_ups_alone"),
    [
        *((text, True) for text in ("adult", " Adults ", "adults only", "seniors", "成人", "仅限成人", "成年人专场")),
        *((text, True) for text in ("老年人", "中老年", "18+", "18岁以上", "18周岁及以上")),
        *(
            (text, False)
            for text in ("all", "child", "adults;children", "adults and children", "成人、少儿", "8岁以上", "亲子")
        ),
        (None, False),
    ],
)
def test_a_minor_is_not_offered_what_is_for_grown_ups_alone(audience, is_for_grown_ups_alone):
    tables = {
        "users": pd.DataFrame({"user_id": ["minor", "adult", "unknown"], "birth_year": [2012, 1980, None]}),
        "activities": pd.DataFrame({"activity_id": ["a"], "category": ["dance"], "audience": [audience]}),
        "sessions": pd.DataFrame({"session_id": ["s"], "activity_id": ["a"], "starts_at": [AT + pd.Timedelta(days=1)]}),
    }
    dataset = Dataset.from_tables(tables, AT)
    people = people_of(dataset.users, dataset.bookings, dataset.sessions, AT)
    allowed = may_be_offered(open_sessions(dataset, AT), people)
    assert allowed[:, 0].tolist() == [not is_for_grown_ups_alone, True, True]
