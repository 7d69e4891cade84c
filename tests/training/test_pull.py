"""Learning the pull: from bookings that are drawn by the model itself, and where there is little to learn from."""

import numpy as np
import pandas as pd
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.people import user_block
from features.signals.place import distance_km
from features.signals.pull import Pull, expected_of
from features.signals.reach import CENTRES_KM
from recsys.dataset import Dataset
from training.pull import PullConfig, fit_pull
from training.wishes import WishConfig, fit_wishes

AT = pd.Timestamp("2026-03-02T00:00:00Z")
N_USERS, N_WEEKS = 1500, 40
DECAY_KM = 4.0
LATE = {"young": 0.0, "old": -1.5}
"""Log of what an evening leaves for people of 30 and of 70; of a morning all."""
N_VENUES, N_ACTIVITIES = 8, 32


def drawn_county(seed: int = 0) -> tuple[Dataset, dict[str, float]]:
    """Three in five live in a town, the others anywhere; mornings and evenings; and what each activity draws, in logs.

    Everybody wants both categories alike.
    """
    rng = np.random.default_rng(seed)
    is_old = rng.random(N_USERS) < 0.5
    spread = rng.uniform(0, 0.2, (N_USERS, 2))
    homes = np.array([36.7, 117.0]) + np.where(
        rng.random((N_USERS, 1)) < 0.6, rng.normal(0.05, 0.03, (N_USERS, 2)), spread
    )
    venues = np.array([36.7, 117.0]) + rng.uniform(0, 0.2, (N_VENUES, 2))
    activities, sessions, bookings = [], [], []
    draws = {f"a{num}": float(rng.normal(0, 0.7)) for num in range(N_ACTIVITIES)}
    for num, (activity, draw) in enumerate(draws.items()):
        hour, venue = (2, 11)[num // N_VENUES % 2], num % N_VENUES
        activities.append({"activity_id": activity, "category": "music" if num % 3 else "craft", "kind": "training"})
        km = distance_km(homes[:, 0], homes[:, 1], *venues[venue])
        left = np.where(is_old, LATE["old"], LATE["young"]) if hour == 11 else 0.0
        rate = 0.03 * np.exp(-km / DECAY_KM + left + draw)
        for week in range(N_WEEKS):
            name, start = f"s{num}-{week}", AT - pd.Timedelta(days=7 * week + 1) + pd.Timedelta(hours=hour)
            sessions.append((name, activity, start, f"v{venue}"))
            bookings += [(f"u{u}", name, start) for u in np.flatnonzero(rng.random(N_USERS) < rate)]
    booked = pd.DataFrame(bookings, columns=["user_id", "session_id", "booked_at"])
    tables = {
        "users": pd.DataFrame(
            {
                "user_id": [f"u{num}" for num in range(N_USERS)],
                "birth_year": np.where(is_old, 1956, 1996),
                "lat": homes[:, 0],
                "lon": homes[:, 1],
            }
        ),
        "venues": pd.DataFrame(
            {"venue_id": [f"v{num}" for num in range(N_VENUES)], "name": "", "lat": venues[:, 0], "lon": venues[:, 1]}
        ),
        "activities": pd.DataFrame(activities),
        "sessions": pd.DataFrame(sessions, columns=["session_id", "activity_id", "starts_at", "venue_id"]),
        "bookings": booked.assign(
            booking_id=[f"b{num}" for num in range(len(booked))],
            booked_at=booked["booked_at"] - pd.Timedelta(hours=30),
        ),
    }
    return Dataset.from_tables(tables, AT), draws


@pytest.fixture(scope="module")
def county():
    dataset, draws = drawn_county()
    catalogue = catalogue_of(dataset, AT)
    block = user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)
    wishes = fit_wishes(block, catalogue, WishConfig())
    assert wishes is not None
    return dataset, draws, catalogue, block, wishes


@pytest.fixture(scope="module")
def pull(county) -> Pull:
    _, _, catalogue, block, wishes = county
    found = fit_pull(block, catalogue, wishes, PullConfig())
    assert found is not None
    return found


def test_the_decay_is_the_one_bookings_were_drawn_by(pull):
    found = pull.decay[8, 2:11] - pull.decay[8, 4]
    np.testing.assert_allclose(found, -(CENTRES_KM[2:11] - CENTRES_KM[4]) / DECAY_KM, atol=0.4)


def test_ages_differ_by_what_the_hour_leaves_them(pull):
    young, old = 4, 8
    late, early = 14, 11
    gap = (pull.hours[old] - pull.hours[young])[[early, late]]
    assert gap[1] - gap[0] == pytest.approx(LATE["old"] - LATE["young"], abs=0.2)


def test_what_is_expected_of_sessions_leaves_what_each_draws(county, pull):
    _, draws, catalogue, _, _ = county
    expected = expected_of(pull, catalogue, np.arange(len(catalogue.lookup.sessions)))
    of_activity = catalogue.lookup.session_activity
    total = np.bincount(of_activity, catalogue.filling.so_far) / np.bincount(of_activity, expected)
    found = np.log(total)
    true = np.array([draws[activity] for activity in catalogue.lookup.activities.ids])
    assert np.corrcoef(found, true)[0, 1] > 0.93
    counts = np.log(np.bincount(of_activity, catalogue.filling.so_far))
    assert np.corrcoef(counts, true)[0, 1] < 0.85, "where many live there are many bookings, whatever is on offer"


def test_without_wishes_or_with_few_bookings_there_is_none(county):
    _, _, catalogue, block, wishes = county
    assert fit_pull(block, catalogue, None, PullConfig()) is None
    assert fit_pull(block, catalogue, wishes, PullConfig(least_bookings=10**6)) is None
