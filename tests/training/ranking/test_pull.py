"""Learning the pull: from bookings that are drawn by the model itself, and where there is little to learn from."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.signals.candidates.reach import CENTRES_KM
from features.signals.catalogue import catalogue_of
from features.signals.known.place import distance_km
from features.signals.learned.pull import Pull, expected_of
from features.signals.learned.pulled import booked_by_hour, expected_by_hour
from features.signals.learned.wishes import seen_of, wish_rates
from features.signals.people import user_block
from recsys.dataset import Dataset
from training.ranking.pull import PullConfig, fit_pull
from training.ranking.wishes import WishConfig, fit_wishes

AT = pd.Timestamp("2026-03-02T00:00:00Z")
N_USERS, N_WEEKS = 1500, 40
DECAY_KM = 4.0
LATE = {"young": 0.0, "old": -1.5}
"""Log of what an evening leaves for people of 30 and of 70; of a morning all."""
SHOW = -0.8
"""Log of what a show leaves, to which nobody below 60 may come."""
N_VENUES, N_ACTIVITIES = 8, 32


def is_show(num: int) -> bool:
    return num % 4 == 3


def drawn_county(seed: int = 0, with_shows: bool = False, hit: str | None = None) -> tuple[Dataset, dict[str, float]]:
    """Three in five live in a town, the others anywhere; mornings and evenings; and what each activity draws, in logs.

    Everybody wants both categories alike. With shows, a quarter of the activities are some; a hit draws far more.
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
    if hit is not None:
        draws[hit] = 3.0
    for num, (activity, draw) in enumerate(draws.items()):
        hour, venue = (2, 11)[num // N_VENUES % 2], num % N_VENUES
        for_elders = with_shows and is_show(num)
        activities.append(
            {
                "activity_id": activity,
                "category": "music" if num % 3 else "craft",
                "kind": "show" if for_elders else "training",
                "min_age": 60 if for_elders else None,
            }
        )
        km = distance_km(homes[:, 0], homes[:, 1], *venues[venue])
        left = np.where(is_old, LATE["old"], LATE["young"]) if hour == 11 else 0.0
        if for_elders:
            left = left + np.where(is_old, SHOW, -np.inf)
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


def learned_from(dataset: Dataset):
    """Catalogue, everybody and wishes."""
    catalogue = catalogue_of(dataset, AT)
    block = user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)
    wishes = fit_wishes(block, catalogue, WishConfig())
    assert wishes is not None
    return catalogue, block, wishes


def found_draws(pull: Pull, catalogue):
    """(n_activities,) logarithm of bookings over those expected."""
    expected = expected_of(pull, catalogue, np.arange(len(catalogue.lookup.sessions)))
    of_activity = catalogue.lookup.session_activity
    return np.log(np.bincount(of_activity, catalogue.filling.so_far) / np.bincount(of_activity, expected))


@pytest.fixture(scope="module")
def county():
    dataset, draws = drawn_county()
    return dataset, draws, *learned_from(dataset)


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


def test_a_kind_is_judged_by_those_who_may_come():
    dataset, draws = drawn_county(with_shows=True)
    catalogue, block, wishes = learned_from(dataset)
    pull = fit_pull(block, catalogue, wishes, PullConfig())
    assert pull is not None
    young, old = 4, 8
    logs = np.array(list(draws.values()))
    shows = np.array([is_show(num) for num in range(N_ACTIVITIES)])
    gap = pull.of_kinds[:, pull.kinds.nums(["show"])[0]] - pull.of_kinds[:, pull.kinds.nums(["training"])[0]]
    assert gap[old] == pytest.approx(SHOW + logs[shows].mean() - logs[~shows].mean(), abs=0.3)
    assert gap[young] == pytest.approx(gap[old], abs=0.3), "not theirs to choose: what all ages have"
    assert np.corrcoef(found_draws(pull, catalogue), logs)[0, 1] > 0.87, "who may not come was not expected"


def test_a_kind_is_told_by_its_activities_not_by_the_bookings_of_one():
    dataset, _ = drawn_county(with_shows=True, hit="a3")
    catalogue, block, wishes = learned_from(dataset)

    def gap(draw_variance: float) -> float:
        pull = fit_pull(block, catalogue, wishes, PullConfig(draw_variance=draw_variance))
        assert pull is not None
        show, training = pull.kinds.nums(["show", "training"])
        return float(pull.of_kinds[8, show] - pull.of_kinds[8, training])

    assert gap(0.5) < gap(0.0) - 0.3


def test_hours_are_scaled_to_what_was_booked_in_all(county, pull):
    _, _, catalogue, block, wishes = county
    seen = seen_of(catalogue, block)
    due = expected_by_hour(catalogue, seen, wish_rates(wishes, catalogue, block, seen))
    due *= np.exp(pull.hours)[block.profiles.groups["age"]] * pull.hour_scale
    booked = booked_by_hour(block.events, catalogue, len(block)).sum(axis=0)
    many = booked > 300
    assert many.sum() > 1
    np.testing.assert_allclose(due.sum(axis=0)[many], booked[many], rtol=0.002)


def test_what_is_expected_of_sessions_leaves_what_each_draws(county, pull):
    _, draws, catalogue, _, _ = county
    true = np.array([draws[activity] for activity in catalogue.lookup.activities.ids])
    assert np.corrcoef(found_draws(pull, catalogue), true)[0, 1] > 0.93
    counts = np.log(np.bincount(catalogue.lookup.session_activity, catalogue.filling.so_far))
    assert np.corrcoef(counts, true)[0, 1] < 0.85, "where many live there are many bookings, whatever is on offer"


def test_without_wishes_or_with_few_bookings_there_is_none(county):
    _, _, catalogue, block, wishes = county
    assert fit_pull(block, catalogue, None, PullConfig()) is None
    assert fit_pull(block, catalogue, wishes, PullConfig(least_bookings=10**6)) is None


def test_where_nothing_tells_how_far_people_came_there_is_none():
    dataset, _ = drawn_county()
    nowhere = replace(dataset, users=dataset.users.assign(lat=np.nan, lon=np.nan))
    catalogue, block, wishes = learned_from(nowhere)
    assert fit_pull(block, catalogue, wishes, PullConfig()) is None


def test_guests_who_look_at_anything_change_nothing(county, pull):
    dataset = county[0]
    guests = pd.DataFrame({"user_id": [f"g{num}" for num in range(500)]})
    looked = pd.DataFrame(
        {
            "feedback_id": [f"f{num}" for num in range(4000)],
            "user_id": [f"g{num % 500}" for num in range(4000)],
            "activity_id": [f"a{num % N_ACTIVITIES}" for num in range(4000)],
            "kind": "view",
            "occurred_at": [AT - pd.Timedelta(days=1 + num % 90) for num in range(4000)],
        }
    )
    tables = {**dataset.tables(), "users": pd.concat([dataset.users, guests]), "feedback": looked}
    catalogue, block, wishes = learned_from(Dataset.from_tables(tables, AT))
    found = fit_pull(block, catalogue, wishes, PullConfig())
    assert found is not None
    for name in ("wanted", "decay", "hours", "of_kinds"):
        np.testing.assert_array_equal(getattr(found, name), getattr(pull, name))
