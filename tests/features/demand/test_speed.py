"""When sessions filled, beside the usual course of bookings."""

import numpy as np
import pandas as pd

from features.demand.session_book import session_book
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.speed import Speed
from recsys.regions import RegionTree

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
OPEN = pd.Timedelta(days=10)
PLACES, N_USUAL = 20, 12


def speed(
    shares: dict[str, list[float]],
    party: float = 1.0,
    status: str = "attended",
    cancelled: frozenset[str] = frozenset(),
    unstated: str = "none",
) -> Speed:
    """Of sessions of `PLACES` places, in order of start, by the shares of their time at which each was booked.

    Those whose name says that they are ahead start in two days; those that begin with `unstated` state no places.
    """
    starts = {name: NOW - pd.Timedelta(days=60 - place) for place, name in enumerate(shares)}
    starts |= {name: NOW + pd.Timedelta(days=2) for name in shares if name.startswith("ahead")}
    sessions = pd.DataFrame(
        {
            "session_id": list(shares),
            "activity_id": "a",
            "starts_at": list(starts.values()),
            "booking_opens_at": [start - OPEN for start in starts.values()],
            "capacity": [None if name.startswith(unstated) else float(PLACES) for name in shares],
            "cancelled_at": [start - OPEN / 1000 if name in cancelled else None for name, start in starts.items()],
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


def half_time(found: Speed) -> float:
    """The usual course at half of the time: that of the only full session, all of which was booked then."""
    return float(found.due[np.argmax(found.reached)])


FULL_HALF_WAY = {"full": [0.505] * PLACES}
LATE = [0.955] * 2


def test_a_session_is_beside_the_usual_course() -> None:
    found = speed(usual() | {"quick": list(np.linspace(0.01, 0.2, PLACES))})
    assert found.reached[-1] == 18
    np.testing.assert_allclose(found.due[-1], 0.18, atol=0.03)
    np.testing.assert_allclose(found.last_due[-1], 0.2, atol=0.03)
    np.testing.assert_array_equal(found.party, 1.0)


def test_a_session_of_unknown_size_is_not_taken_to_be_half_full() -> None:
    late = {f"late{place:02}": list(np.linspace(0.9, 0.99, 12)) for place in range(N_USUAL)}
    quick = {"quick": list(np.linspace(0.01, 0.2, PLACES))}
    stated, unstated = (speed(usual() | late | quick, unstated=name).due[-1] for name in ("none", "late"))
    assert stated < 0.12
    assert unstated > 0.14


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


def test_the_usual_course_is_that_of_sessions_half_full_drawn_to_that_of_all_with_room() -> None:
    np.testing.assert_allclose(half_time(speed(usual() | FULL_HALF_WAY)), 0.5, atol=0.01)
    # Twelve sessions that hardly anybody wanted were booked late: all with room have 72 of 168 places by then, those
    # half full 72 of 144, and these count beside 50 places of all.
    empty = {f"v{place}": LATE for place in range(N_USUAL)}
    drawn = (72 + 50 * 72 / 168) / (144 + 50)
    np.testing.assert_allclose(half_time(speed(usual() | empty | FULL_HALF_WAY)), drawn, atol=0.006)
    half_full = {f"v{place}": LATE * 5 for place in range(N_USUAL)}
    np.testing.assert_allclose(half_time(speed(usual() | half_full | FULL_HALF_WAY)), 72 / 264, atol=0.006)


def test_only_sessions_that_were_held_say_what_is_usual() -> None:
    early = {f"v{place}": list(np.linspace(0.05, 0.25, 12)) for place in range(N_USUAL)}
    held = half_time(speed(usual() | early | FULL_HALF_WAY))
    called_off = half_time(speed(usual() | early | FULL_HALF_WAY, cancelled=frozenset(early)))
    ahead = half_time(speed(usual() | {f"ahead {name}": booked for name, booked in early.items()} | FULL_HALF_WAY))
    np.testing.assert_allclose([held, called_off, ahead], [0.75, 0.5, 0.5], atol=0.01)


def test_bookings_come_in_any_order() -> None:
    booked = usual() | {"quick": list(np.linspace(0.01, 0.2, PLACES))}
    shuffled = {name: list(np.random.default_rng(1).permutation(at)) for name, at in booked.items()}
    np.testing.assert_array_equal(speed(shuffled).due, speed(booked).due)
    np.testing.assert_array_equal(speed(shuffled).last_due, speed(booked).last_due)
