"""When sessions filled, beside the usual course of bookings."""

import numpy as np
import pandas as pd

from features.panel_sessions import session_book
from recsys.dataset import Dataset
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree
from recsys.speed import Speed

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
OPEN = pd.Timedelta(days=10)
PLACES, N_USUAL = 20, 12


def speed(shares: dict[str, list[float]], party: float = 1.0, status: str = "attended") -> Speed:
    """Of sessions named in order of start, of `PLACES` places, by the shares of their time at which each was booked."""
    starts = {name: NOW - pd.Timedelta(days=60 - place) for place, name in enumerate(shares)}
    sessions = pd.DataFrame(
        {
            "session_id": list(shares),
            "activity_id": "a",
            "starts_at": list(starts.values()),
            "booking_opens_at": [start - OPEN for start in starts.values()],
            "capacity": float(PLACES),
        }
    )
    rows = [(name, starts[name] - OPEN * (1 - share)) for name, booked in shares.items() for share in booked]
    bookings = pd.DataFrame(
        {
            "booking_id": [f"b{place}" for place in range(len(rows))],
            "user_id": [f"u{place}" for place in range(len(rows))],
            "session_id": [name for name, _ in rows],
            "booked_at": [at for _, at in rows],
            "status": status,
            "party_size": party,
        }
    )
    activities = pd.DataFrame({"activity_id": ["a"], "category": "guitar"})
    dataset = Dataset.from_tables({"activities": activities, "sessions": sessions, "bookings": bookings}, NOW)
    tree = RegionTree.of(dataset)
    return session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160).speed


def usual() -> dict[str, list[float]]:
    """Sessions with room, booked evenly over their time."""
    return {f"u{place:02}": list((np.arange(12) + (place + 0.5) / N_USUAL) / 12) for place in range(N_USUAL)}


def test_a_session_is_beside_the_usual_course() -> None:
    found = speed(usual() | {"quick": list(np.linspace(0.01, 0.2, PLACES))})
    assert found.reached[-1] == 18
    np.testing.assert_allclose(found.due[-1], 0.18, atol=0.03)
    np.testing.assert_allclose(found.last_due[-1], 0.2, atol=0.03)
    np.testing.assert_array_equal(found.party, 1.0)


def test_parties_are_counted_by_their_places() -> None:
    found = speed(usual() | {"quick": list(np.linspace(0.01, 0.2, PLACES // 2))}, party=2.0)
    assert found.reached[-1] == 18
    assert found.party[-1] == 2


def test_times_that_were_not_kept_tell_nothing() -> None:
    at_start = {name: [1.0] * len(booked) for name, booked in usual().items()}
    assert np.isnan(speed(at_start | {"full": [1.0] * PLACES}).due).all()


def test_nobody_is_asked_where_nothing_was_booked_or_kept() -> None:
    nothing: dict[str, list[float]] = {name: [] for name in usual()}
    for found in (speed(nothing), speed(usual(), status="cancelled")):
        assert np.isnan(found.due).all()
        np.testing.assert_array_equal(found.reached, 0.0)
