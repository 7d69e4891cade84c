"""Hours of venues in use, worked by hand."""

from typing import cast

import numpy as np
import pandas as pd
import pytest

from features.geography.positions import Positions
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from serving.planning.utilisation import ASSUMED_HOURS, Radius, by_hour, service_radius, utilisation
from serving.planning.visits import Activity, activity_of


def test_hours_go_over_midnight_over_the_week_and_to_their_own_venue():
    sessions = pd.DataFrame(
        {
            # Monday, Sunday, and a Wednesday whose end nobody states.
            "local_start": pd.to_datetime(["2026-01-19T23:30", "2026-01-25T23:00", "2026-01-21T10:15"]),
            "hours": [2.0, 2.0, np.nan],
        }
    )
    grid = by_hour(sessions, np.array([0, 1, 1]), 3, weeks=2.0) * 2
    assert grid[0, 0, 23] == 0.5
    assert grid[0, 1, :2].tolist() == [1.0, 0.5]
    assert grid[1, 6, 23] == grid[1, 0, 0] == 1.0
    assert grid[1, 2, 10:12].tolist() == [0.75, 0.75]
    assert grid.sum(axis=(1, 2)).tolist() == pytest.approx([2.0, 2.0 + ASSUMED_HOURS, 0.0])
    nothing = by_hour(sessions.iloc[:0], np.zeros(0, dtype=np.int64), 2, weeks=1.0)
    assert nothing.shape == (2, 7, 24)
    assert not nothing.any()


def radius(km: list[float]) -> Radius:
    """Of one place a person, each from so far away."""
    visits = pd.DataFrame({"user_id": np.arange(len(km)), "session_num": 0, "places": 1.0, "km": km})
    nothing = cast(Dataset, None), cast(RegionTree, None), cast(pd.DataFrame, None)
    return service_radius(Activity(*nothing, visits, cast(Positions, None)), np.ones(1, dtype=bool))


def test_shares_of_visits_come_from_within_the_distance_of_the_last_of_them():
    found = radius([float(n) for n in range(10, 0, -1)])
    assert found.quantiles == {"50%": 5.0, "80%": 8.0, "90%": 9.0}
    assert (found.people, found.visits) == (10, 10)


def test_nobodys_distance_is_told_to_the_metre():
    assert radius([1.234, 1.3, 2.061, 2.061, 2.061]).quantiles == {"50%": 2.1, "80%": 2.1, "90%": 2.1}
    assert radius([1.234] * 5).quantiles["50%"] == 1.3


def test_a_ring_holds_its_inner_edge_and_is_shown_for_five_people():
    rings = {low: share for low, _, share in radius([0.5] * 5 + [1.0] * 5).rings}
    assert (rings[0.0], rings[1.0], rings[1.5]) == (0.5, 0.5, 0.0)


def test_a_ring_of_four_is_hidden_and_the_smallest_other_with_it():
    rings = {low: share for low, _, share in radius([0.5] * 4 + [1.0] * 6 + [2.0] * 10).rings}
    assert (rings[0.0], rings[1.0], rings[1.5]) == (None, None, 0.5)


def test_use_of_venues_by_hand():
    """Two weeks: seats only where they are counted, hours where nobody states them, nothing of what is online."""
    monday = pd.Timestamp("2026-01-19T10:00:00+08:00")
    sessions = [
        {"session_id": "a", "venue_id": "hall", "capacity": 10, "ends_at": monday + pd.Timedelta(hours=2)},
        {"session_id": "b", "venue_id": "hall"},
        {"session_id": "c", "venue_id": "hall", "activity_id": "online", "capacity": 10},
        {"session_id": "d", "venue_id": "yard", "capacity": 0},
    ]
    statuses = {"a": ["attended", "attended", "attended", "no_show", "booked"], "b": ["booked"], "c": ["attended"]}
    bookings = [
        {"booking_id": f"{one}{n}", "user_id": f"u{n}", "session_id": one, "booked_at": monday, "status": status}
        for one, all_of in statuses.items()
        for n, status in enumerate(all_of)
    ]
    tables = {
        "venues": pd.DataFrame({"venue_id": ["hall", "yard"], "name": ["Hall", "Yard"], "weekly_slots": [4, None]}),
        "activities": pd.DataFrame({"activity_id": ["here", "online"], "category": "dance", "online": [False, True]}),
        "sessions": pd.DataFrame([{"activity_id": "here", "starts_at": monday} | one for one in sessions]),
        "bookings": pd.DataFrame(bookings),
    }
    dataset = Dataset.from_tables(tables, monday + pd.Timedelta(weeks=2))
    activity = activity_of(dataset, RegionTree.of(dataset))
    hall, yard = utilisation(activity, np.ones(4, dtype=bool), 2.0, ["hall", "yard"])
    assert (hall.sessions, hall.hours, hall.places, hall.capacity) == (2, 2 + ASSUMED_HOURS, 6, 10)
    assert (hall.seat_use, hall.slot_use, hall.attendance_rate) == (0.5, 0.25, 0.75)
    assert (yard.sessions, yard.capacity, yard.seat_use, yard.slot_use, yard.attendance_rate) == (1, *[None] * 4)
    assert (hall.region_id, hall.lat) == (None, None)
