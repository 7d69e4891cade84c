"""Which effects a session can have."""

import numpy as np
import pandas as pd

from features.demand.calendar import festival_distance
from features.demand.session_book import session_book
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.forecasters.effects import effect_means
from training.forecasters.session_design import is_serial

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")


def test_a_course_that_is_not_published_whole_is_one_as_those_of_its_series_were() -> None:
    n_dates = {"whole": 6, "begun": 2, "single": 1}
    weeks = [-6, -5, -4, -3, -2, -1, 1, 2, -1]
    names = [name for name, count in n_dates.items() for _ in range(count)]
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{place}" for place in range(len(names))],
            "activity_id": names,
            "starts_at": [NOW + pd.Timedelta(weeks=week, hours=10) for week in weeks],
        }
    )
    activities = pd.DataFrame({"activity_id": list(n_dates), "category": "guitar", "series_id": ["line", "line", None]})
    dataset = Dataset.from_tables({"activities": activities, "sessions": sessions}, NOW)
    tree = RegionTree.of(dataset)
    book = session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160)
    by_start = np.argsort(weeks, kind="stable")
    expected = np.array([{"whole": 1, "begun": 1, "single": 0}[names[place]] for place in by_start])
    assert is_serial(book).tolist() == expected.tolist()


def test_a_new_venue_is_expected_to_draw_by_who_lives_near() -> None:
    n_near = [400, 200, 100, 50, 25, 12, 6]
    venues = pd.DataFrame({"venue_id": [f"v{i}" for i in range(7)], "lat": [30.0 + 2 * i for i in range(7)]})
    venues = venues.assign(name=venues["venue_id"], lon=117.0)
    users = pd.DataFrame({"lat": np.repeat(venues["lat"].to_numpy(), n_near), "lon": 117.0})
    # The first and the last have had no session yet.
    held = [(place, -week) for place in range(1, 6) for week in range(40, 0, -1)]
    rows = sorted([*held, (0, 1), (6, 1)], key=lambda row: row[1])
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{i:03}" for i in range(len(rows))],
            "activity_id": [f"a{i:03}" for i in range(len(rows))],
            "venue_id": [f"v{place}" for place, _ in rows],
            "starts_at": [NOW + pd.Timedelta(weeks=week, hours=10) for _, week in rows],
        }
    )
    homes, came = np.repeat(np.arange(7), n_near), []
    rng = np.random.default_rng(3)
    for place, week in rows:
        near = np.flatnonzero(homes == place)
        came.append(near[rng.random(len(near)) < 0.1] if week < 0 else near[:0])
    session = np.repeat(np.arange(len(rows)), [len(one) for one in came])
    bookings = pd.DataFrame(
        {
            "booking_id": [f"b{i}" for i in range(len(session))],
            "user_id": [f"u{i}" for i in np.concatenate(came)],
            "session_id": sessions["session_id"].to_numpy()[session],
            "booked_at": sessions["starts_at"].to_numpy()[session] - pd.Timedelta(hours=1),
            "status": "attended",
        }
    )
    tables = {
        "venues": venues,
        "users": users.assign(user_id=[f"u{i}" for i in range(len(users))]),
        "bookings": bookings,
        "activities": pd.DataFrame({"activity_id": sessions["activity_id"], "category": "guitar"}),
        "sessions": sessions,
    }
    dataset = Dataset.from_tables(tables, NOW)
    tree = RegionTree.of(dataset)
    book = session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160)
    place = np.array([place for place, _ in rows])
    found = effect_means(book, book.places, 1)[0][:, 0]
    ahead = {place[row]: found[row] for row in range(len(rows)) if book.age[row] < 1}
    assert ahead[0] > 10 * ahead[6]


def festive_events(seed: int, n_categories: int = 8, n_loved: int = 2) -> float:
    """Means told of events about the next festival over the true ones, in categories that then draw threefold.

    Every category has an event a week, of eight places and a spread of its own; two festivals are known.
    """
    rng = np.random.default_rng(seed)
    week = np.repeat(np.arange(-104, 10), n_categories)
    category = np.tile(np.arange(n_categories), 114)
    starts = NOW + pd.to_timedelta(7 * week + rng.integers(0, 7, len(week)), unit="D") + pd.Timedelta(hours=10)
    order = np.argsort(starts, kind="stable")
    starts, category = starts[order], category[order]
    gap = festival_distance(starts.tz_localize(None).to_numpy(), "spring_festival")
    is_loved = (gap >= -7) & (gap <= 15) & (category < n_loved)
    mean = np.where(is_loved, 24.0, 8.0)
    drew = rng.poisson(mean * rng.gamma(4, 1 / 4, len(mean))).astype(np.float64)
    ids = [f"s{place:04}" for place in range(len(mean))]
    sessions = pd.DataFrame({"session_id": ids, "activity_id": ids, "starts_at": starts})
    activities = pd.DataFrame({"activity_id": ids, "category": [f"c{code}" for code in category]})
    dataset = Dataset.from_tables({"activities": activities, "sessions": sessions}, NOW)
    tree = RegionTree.of(dataset)
    book = session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160)
    told = effect_means(book, drew, 1)[0][:, 0]
    ahead = is_loved & (book.age < 1)
    return float(told[ahead].sum() / mean[ahead].sum())


def test_a_category_that_lives_on_the_festival_is_expected_to_again() -> None:
    assert np.mean([festive_events(seed) for seed in range(4)]) > 0.86
