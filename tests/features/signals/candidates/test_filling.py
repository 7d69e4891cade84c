"""How sessions fill: what is expected of a session by now and in all, against bookings whose law is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.signals.candidates.filling import expected_total
from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import lookup_of
from recsys.dataset import Dataset

AT = pd.Timestamp("2026-03-02T00:00:00Z")
DAY = pd.Timedelta(days=1)
N_HELD = 40
OPEN_DAYS = 10
LAST_DAYS = 5
"""Sessions can be booked for ten days; all their bookings come evenly in the last five."""


def place(open_sessions: pd.DataFrame, open_bookings: dict[str, int], with_times: bool = True) -> Dataset:
    """Held sessions of a big and a small organiser (20 and 4 bookings each), and others that can be booked at `AT`."""
    held = pd.DataFrame(
        {
            "session_id": [f"h{i}" for i in range(N_HELD)],
            "activity_id": np.where(np.arange(N_HELD) % 2 == 0, "big-past", "small-past"),
            "starts_at": AT - (1 + np.arange(N_HELD) % 20) * DAY,
        }
    )
    sessions = pd.concat([held.assign(booking_opens_at=held["starts_at"] - OPEN_DAYS * DAY), open_sessions])
    rows = []
    for session in held.itertuples():
        n = 20 if session.activity_id == "big-past" else 4
        rows += [(session.session_id, session.starts_at - LAST_DAYS * DAY * (i + 0.5) / n) for i in range(n)]
    for session_id, n in open_bookings.items():
        rows += [(session_id, AT - 0.01 * DAY)] * n
    bookings = pd.DataFrame(rows, columns=["session_id", "booked_at"])
    tables = {
        "activities": pd.DataFrame(
            {
                "activity_id": ["big-past", "small-past", "big", "small", "new"],
                "category": "dance",
                "title": ["a", "b", "c", "d", "e"],
                "organiser_id": ["big", "small", "big", "small", "new"],
            }
        ),
        "sessions": sessions if with_times else sessions.drop(columns="booking_opens_at"),
        "users": pd.DataFrame({"user_id": [f"u{i}" for i in range(len(bookings))]}),
        "bookings": bookings.assign(
            booking_id=[f"b{i}" for i in range(len(bookings))], user_id=[f"u{i}" for i in range(len(bookings))]
        ),
    }
    return Dataset.from_tables(tables, AT)


def coming(days_open: dict[str, float]) -> pd.DataFrame:
    """Sessions by activity, each opened so many days ago."""
    opened = np.array(list(days_open.values()))
    starts = AT + (OPEN_DAYS - opened) * DAY
    return pd.DataFrame(
        {
            "session_id": [f"open-{name}" for name in days_open],
            "activity_id": list(days_open),
            "starts_at": starts,
            "booking_opens_at": starts - OPEN_DAYS * DAY,
        }
    )


def facts_of(dataset: Dataset) -> pd.DataFrame:
    catalogue = catalogue_of(dataset, AT)
    return pd.DataFrame(catalogue.facts, index=pd.Index(catalogue.sessions.activity_ids))


def test_who_stayed_away_or_found_no_place_had_booked_all_the_same():
    dataset = place(coming({"big": 2.0, "small": 2.0, "new": 2.0}), {"big": 6})
    statuses = np.resize(["attended", "no_show", "waitlisted", "cancelled"], len(dataset.bookings))
    other = replace(dataset, bookings=dataset.bookings.assign(status=statuses))
    pd.testing.assert_frame_equal(facts_of(other), facts_of(dataset)[facts_of(other).columns], check_exact=True)


def test_a_session_is_expected_to_draw_what_its_organiser_draws():
    facts = facts_of(place(coming({"big": 2.0, "small": 2.0, "new": 2.0}), {}))
    assert facts.loc["big", "expected_total"] == pytest.approx(20, rel=0.15)
    assert facts.loc["small", "expected_total"] == pytest.approx(4, rel=0.3)
    assert (
        facts.loc["small", "expected_total"] < facts.loc["new", "expected_total"] < facts.loc["big", "expected_total"]
    )


def test_no_booking_means_nothing_until_bookings_are_due():
    early, late = (facts_of(place(coming({"big": days}), {})).loc["big"] for days in (1.0, 9.0))
    assert early["booked_so_far"] == late["booked_so_far"] == 0
    assert early["filled_lift"] == pytest.approx(0.0, abs=0.1)
    # After nine of ten days four of five in twenty are due.
    assert late["expected_by_now"] == pytest.approx(16, rel=0.15)
    assert late["filled_lift"] == pytest.approx(np.log(2 / 18), abs=0.2)
    assert late["expected_rest"] < early["expected_rest"]


def test_what_fills_faster_than_usual_is_expected_to_draw_more():
    facts = facts_of(place(coming({"big": 7.5, "small": 7.5}), {"open-small": 12, "open-big": 10}))
    assert facts.loc["small", "filled_lift"] > 0.8
    assert facts.loc["big", "filled_lift"] == pytest.approx(0.0, abs=0.2)


def test_without_times_of_booking_the_days_to_the_start_tell():
    facts = facts_of(place(coming({"big": 7.5}), {}, with_times=False)).loc["big"]
    assert np.isnan(facts["days_bookable"])
    assert np.isnan(facts["share_bookable"])
    # Half of all bookings come in the last two and a half days.
    assert facts["expected_by_now"] == pytest.approx(10, rel=0.2)


def test_effects_of_crossed_keys_are_told_apart():
    """Sessions of two kinds at two hours: what each draws is a product, and one pair was never held."""
    rng = np.random.default_rng(0)
    kind, hour = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    never = (kind == 1) & (hour == 1)
    tables = {
        "activities": pd.DataFrame(
            {
                "activity_id": [f"a{i}" for i in range(400)],
                "category": "dance",
                "kind": np.array(["lecture", "training"])[kind],
                "title": [chr(0x4E00 + i) for i in range(400)],
                "organiser_id": [f"o{i % 7}" for i in range(400)],
            }
        ),
        "sessions": pd.DataFrame(
            {
                "session_id": [f"s{i:03d}" for i in range(400)],
                "activity_id": [f"a{i}" for i in range(400)],
                "starts_at": pd.Timestamp("2026-01-05T01:00:00Z") + pd.to_timedelta(hour * 9, unit="h"),
            }
        ),
    }
    lookup = lookup_of(Dataset.from_tables(tables, AT))
    booked = 10.0 * np.where(kind == 1, 2.0, 1.0) * np.where(hour == 1, 0.5, 1.0)
    expected = expected_total(booked, ~never, lookup)
    np.testing.assert_allclose(expected[never], 10.0, rtol=0.1)
    np.testing.assert_allclose(expected[~never], booked[~never], rtol=0.1)


def test_nothing_at_all_expects_next_to_nothing():
    dataset = place(coming({"new": 3.0}), {})
    empty = Dataset.from_tables(
        {"activities": dataset.activities, "sessions": dataset.sessions[dataset.sessions["starts_at"] > AT]}, AT
    )
    facts = facts_of(empty).loc["new"]
    assert np.isfinite(facts[["expected_total", "expected_by_now", "expected_rest", "filled_lift"]]).all()
