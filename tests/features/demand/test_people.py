"""People beside the sessions of a forecaster."""

from typing import Any

import numpy as np
import pandas as pd

from features.demand.people import N_AGES, N_BANDS, PeopleBook, people_book
from recsys.dataset import Dataset
from recsys.regions import RegionTree

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
KM = 1 / 111.195
VENUES = np.array(["here", "far away", "nowhere"], dtype=object)
CATEGORIES = pd.Index(["chess", "guitar"])


def book_of(users: list[dict[str, Any]], **more: list[dict[str, Any]]) -> PeopleBook:
    venues = pd.DataFrame({"venue_id": VENUES, "name": VENUES, "lat": [36.0, 38.0, None], "lon": [117.0, 117.0, None]})
    activities = pd.DataFrame({"activity_id": ["a", "b"], "category": ["chess", "guitar"]})
    sessions = pd.DataFrame(
        {"session_id": ["s", "t", "u"], "activity_id": ["a", "a", "b"], "starts_at": NOW - pd.Timedelta(days=9)}
    )
    tables = {"venues": venues, "activities": activities, "sessions": sessions}
    tables |= {name: pd.DataFrame(rows) for name, rows in {"users": users, **more}.items()}
    for name in set(more):
        tables[name] = tables[name].assign(**{f"{name.removesuffix('s')}_id": range(len(tables[name]))})
    dataset = Dataset.from_tables(tables, NOW)
    return people_book(dataset, RegionTree.of(dataset), dataset.sessions, VENUES, CATEGORIES)


def at_home(name: str, km: float = 0.0, **more: object) -> dict[str, Any]:
    return {"user_id": name, "lat": 36.0 + km * KM, "lon": 117.0, **more}


def test_who_lives_far_away_is_not_near_and_who_lives_nowhere_may_be() -> None:
    found = book_of([at_home("a"), at_home("b", 10.0), {"user_id": "c"}])
    people = np.arange(3)
    here, far, nowhere = (found.bands(np.full(3, place), people) for place in range(3))
    assert 0 <= here[0] < here[1] < N_BANDS - 1
    assert here[2] == N_BANDS - 1
    np.testing.assert_array_equal(far, [-1, -1, N_BANDS - 1])
    np.testing.assert_array_equal(nowhere, N_BANDS - 1)
    np.testing.assert_array_equal(found.bands(np.full(3, 3), people), N_BANDS - 1)


def test_groups_of_people() -> None:
    users = [
        at_home("a", birth_year=1950, interests="chess", registered_at=NOW - pd.Timedelta(weeks=3)),
        at_home("b", birth_year=None, interests=None, registered_at=None),
    ]
    found = book_of(users)
    np.testing.assert_array_equal(found.age, [N_AGES - 2, N_AGES - 1])
    np.testing.assert_array_equal(found.stance, [[1, 2], [0, 0]])
    np.testing.assert_allclose(found.known_age, [3, np.inf])


def test_who_opted_out_is_not_among_them() -> None:
    bookings = [
        {"user_id": name, "session_id": "s", "booked_at": NOW - pd.Timedelta(days=12), "status": "attended"}
        for name in ("a", "b")
    ]
    found = book_of([at_home("a", personalised=False), at_home("b", personalised=True)], bookings=bookings)
    assert len(found) == 1
    np.testing.assert_array_equal(found.came, [0])


def test_bookings_that_were_given_up_did_not_come() -> None:
    bookings = [
        {"user_id": "a", "session_id": session, "booked_at": NOW - pd.Timedelta(days=12), "status": status}
        for session, status in (("s", "cancelled"), ("t", "waitlisted"), ("u", "no_show"))
    ]
    np.testing.assert_array_equal(book_of([at_home("a")], bookings=bookings).came_to, [1, 2])


def test_a_look_is_a_day_on_which_somebody_looked_at_what_was_never_booked() -> None:
    def look(activity: str, days: float, kind: str = "view") -> dict[str, Any]:
        return {"user_id": "a", "activity_id": activity, "kind": kind, "occurred_at": NOW - pd.Timedelta(days=days)}

    bookings = [{"user_id": "a", "session_id": "t", "booked_at": NOW - pd.Timedelta(days=12), "status": "attended"}]
    feedback = [
        look("a", 13),
        look("b", 13.2),
        look("b", 13.4, "share"),
        look("b", 20.2),
        look("b", 21.2, "impression"),
    ]
    found = book_of([at_home("a")], bookings=bookings, feedback=feedback)
    np.testing.assert_array_equal(found.looked_at, [2, 2])
    np.testing.assert_allclose(np.sort(np.floor(7 * found.looked_age)), [13, 20])
