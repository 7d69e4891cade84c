import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from features.willingness.config import LatentConfig
from features.willingness.own_signals import SIGNALS, category_signals, own_signals
from recsys.dataset import Dataset

UNTIL = pd.Timestamp("2026-01-19T00:00:00Z")
CATEGORIES = np.array(["Chess", "Dance"], dtype=object)
TOWNS = np.repeat([0, 1], 40)


def _dataset(viewed, interests=None, booked=()):
    """Two towns of forty; `viewed` holds (user, category) rows of single views, `booked` users of the Dance class."""
    users = pd.DataFrame({"user_id": [f"u{n}" for n in range(80)], "registered_at": UNTIL - pd.Timedelta(weeks=20)})
    activities = pd.DataFrame({"activity_id": ["Chess", "Dance"], "category": ["Chess", "Dance"]})
    feedback = pd.DataFrame(viewed, columns=["user_id", "activity_id"]).assign(
        kind="view", occurred_at=UNTIL - pd.Timedelta(weeks=10)
    )
    feedback["feedback_id"] = [f"f{n}" for n in range(len(feedback))]
    feedback["user_id"] = "u" + feedback["user_id"].astype(str)
    sessions = pd.DataFrame({"session_id": ["s"], "activity_id": ["Dance"], "starts_at": [UNTIL]})
    bookings = pd.DataFrame({"user_id": [f"u{n}" for n in booked], "session_id": "s"}).assign(
        booked_at=UNTIL - pd.Timedelta(days=9), booking_id=[f"b{n}" for n in range(len(booked))]
    )
    tables = {
        "users": users.assign(interests=None if interests is None else interests),
        "activities": activities,
        "sessions": sessions,
        "bookings": bookings,
        "feedback": feedback,
    }
    return Dataset.from_tables(tables, UNTIL)


def _signals(*args, **kwargs):
    town = sparse.csr_array((np.ones(80, dtype=np.float32), (np.arange(80), TOWNS)), shape=(80, 2))
    found = own_signals(_dataset(*args, **kwargs), CATEGORIES, [town], LatentConfig())
    return {name: found[:, :, n] for n, name in enumerate(SIGNALS)}


def _views(per_town):
    """(user, category) rows: `per_town[town][category]` views, by the first users of the town in turn."""
    return [
        (40 * town + n % 20, category)
        for town, counts in enumerate(per_town)
        for category, count in zip(("Chess", "Dance"), counts, strict=True)
        for n in range(count)
    ]


def test_what_neighbours_look_at_tells_of_who_looked_at_nothing():
    found = _signals(_views([(200, 50), (50, 200)]))
    looks, often = found["looks at it"], found["looks often"]
    silent = np.flatnonzero(np.arange(80) % 40 >= 20)
    assert (looks[silent[TOWNS[silent] == 0], 0] > 0.2).all()
    assert (looks[silent[TOWNS[silent] == 1], 0] < -0.2).all()
    assert often[silent].max() < often[np.setdiff1d(np.arange(80), silent)].min()


def test_who_looks_at_something_likes_it_more_than_the_neighbours_do():
    found = _signals([*_views([(100, 100), (100, 100)]), *[(5, "Dance")] * 6])["looks at it"]
    assert found[5, 1] == found[:40, 1].max()
    assert found[5, 1] > np.median(found[:40, 1]) + 0.2


def test_who_looks_as_all_do_likes_nothing_more_than_others_do():
    as_all_do = _signals(_views([(40, 160), (40, 160)]))["looks at it"][np.arange(80) % 40 < 20]
    np.testing.assert_allclose(as_all_do, 0.0, atol=0.15)


def test_views_of_what_was_booked_would_tell_the_answer():
    views = [*_views([(20, 20), (20, 20)]), *[(7, "Dance")] * 9]
    assert _signals(views, booked=[7])["looks at it"][7, 1] < _signals(views)["looks at it"][7, 1] - 0.3


def test_listings_of_neighbours_tell_of_who_lists_nothing():
    interests = ["Chess" if n < 35 else None for n in range(40)] + ["Dance" if n < 35 else None for n in range(40)]
    found = _signals([(0, "Chess")], interests=interests)
    assert found["listed around"][39, 0] > 0.2 > -0.2 > found["listed around"][79, 0]
    assert found["listed"][0].tolist() == [1.0, 0.0]
    assert found["listed others"][0].tolist() == [0.0, 1.0]
    assert found["listed"][39].tolist() == found["listed others"][39].tolist() == [0.0, 0.0]


def test_categories_are_told_apart_by_listings_and_not_at_all_without_any():
    interests = ["Chess"] * 14 + ["Dance"] * 6 + [None] * 60
    signals = category_signals(_dataset([], interests=interests), CATEGORIES)
    np.testing.assert_allclose(signals, [[np.log(2) / 2, 0], [-np.log(2) / 2, 0]])
    many = np.array([f"category {n}" for n in range(30)], dtype=object)
    assert not category_signals(_dataset([]), many).any()


@pytest.mark.parametrize("name", SIGNALS)
def test_of_whom_nothing_is_known_every_signal_is_0(name):
    assert not _signals([]).pop(name).any()
