"""Distance decay by age: learned from bookings alone, against a decay that is known."""

import numpy as np
import pandas as pd
import pytest

from features.signals.candidates.reach import CENTRES_KM, Reach, booking_km, reach_of
from features.signals.catalogue import catalogue_of
from features.signals.known.events import events_of
from features.signals.known.lookup import lookup_of
from features.signals.known.place import areas, near_home, region_spots
from features.signals.own.nearness import place_signals
from features.signals.people import user_block
from recsys.dataset import Dataset
from recsys.regions import RegionTree

AT = pd.Timestamp("2026-03-02T00:00:00Z")
N_VENUES = 40
KM_PER_DEGREE = 111.195


def place(n_users: int, scales_km: tuple[float, float], seed: int = 0) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """People of two ages on a line of venues; who is of age a books in proportion to exp(-km / scale of a)."""
    rng = np.random.default_rng(seed)
    lat = 36.0 + np.linspace(0, 30, N_VENUES) / KM_PER_DEGREE
    home = 36.0 + rng.uniform(0, 30, n_users) / KM_PER_DEGREE
    age = np.arange(n_users) % 2
    km = np.abs(home[:, None] - lat[None, :]) * KM_PER_DEGREE
    chance = np.exp(-km / np.array(scales_km)[age][:, None])
    chance /= chance.sum(axis=1, keepdims=True)
    venue = np.array([rng.choice(N_VENUES, 6, p=row) for row in chance])
    starts = AT - pd.Timedelta(days=10)
    tables = {
        "venues": pd.DataFrame({"venue_id": [f"v{i}" for i in range(N_VENUES)], "name": "v", "lat": lat, "lon": 117.0}),
        "users": pd.DataFrame({"user_id": [f"u{i}" for i in range(n_users)], "lat": home, "lon": 117.0}),
        "activities": pd.DataFrame({"activity_id": ["a"], "category": ["dance"]}),
        "sessions": pd.DataFrame(
            {
                "session_id": [f"s{i}" for i in range(N_VENUES)],
                "activity_id": "a",
                "starts_at": starts,
                "venue_id": [f"v{i}" for i in range(N_VENUES)],
            }
        ),
        "bookings": pd.DataFrame(
            {
                "booking_id": [f"b{i}" for i in range(venue.size)],
                "user_id": np.repeat([f"u{i}" for i in range(n_users)], 6),
                "session_id": [f"s{i}" for i in venue.ravel()],
                "booked_at": starts - pd.Timedelta(days=2),
                "status": "attended",
            }
        ),
    }
    return Dataset.from_tables(tables, AT), age, np.column_stack([home, np.full(n_users, 117.0)])


def learned(dataset: Dataset, age: np.ndarray, homes: np.ndarray) -> Reach:
    lookup = lookup_of(dataset)
    users = dataset.users["user_id"].to_numpy(dtype=object)
    everybody = events_of(dataset.bookings, dataset.feedback, users, lookup, AT)
    venues = dataset.venues.set_index("venue_id").reindex(lookup.keys["venue"].ids)[["lat", "lon"]].to_numpy()
    return reach_of(age, homes, everybody, lookup, venues, 2)


def test_the_decay_of_each_age_comes_back():
    reach = learned(*place(3000, (3.0, 12.0)))
    km = np.array([1.5, 5.0, 9.0])
    for age, scale in ((0, 3.0), (1, 12.0)):
        found = reach.log_decay(np.full(3, age), km)
        np.testing.assert_allclose(found[1:] - found[0], -(km[1:] - km[0]) / scale, atol=0.3)


def test_an_unknown_age_has_the_decay_of_all_and_an_unknown_distance_none():
    reach = learned(*place(500, (3.0, 12.0)))
    far = np.array([6.0, 6.0, 6.0])
    young, old, unknown = reach.log_decay(np.array([0, 1, -1]), far)
    assert young < unknown < old
    assert np.isnan(reach.log_decay(np.array([0]), np.array([np.nan]))).all()


def test_nobody_who_booked_leaves_no_decay():
    dataset, age, homes = place(10, (3.0, 3.0))
    reach = learned(dataset, age, np.full_like(homes, np.nan))
    np.testing.assert_allclose(reach.decay, 0.0)
    assert np.isnan(reach.usual_of(np.array([0]), np.zeros(1), np.zeros(1))).all()
    assert reach.decay.shape == (3, len(CENTRES_KM))


def test_who_went_far_before_usually_goes_farther():
    reach = Reach(np.zeros((2, len(CENTRES_KM))), np.array([1.0, 1.0]))
    usual = reach.usual_of(np.zeros(2, dtype=np.int64), np.array([0.0, 30.0]), np.array([0.0, 10.0]))
    np.testing.assert_allclose(usual, [1.0, 33.0 / 13.0])


def test_distances_of_bookings_by_hand():
    dataset, _, homes = place(4, (3.0, 3.0))
    lookup = lookup_of(dataset)
    users = dataset.users["user_id"].to_numpy(dtype=object)
    events = events_of(dataset.bookings, dataset.feedback, users, lookup, AT)
    venues = dataset.venues.set_index("venue_id").reindex(lookup.keys["venue"].ids)[["lat", "lon"]].to_numpy()
    found = booking_km(events, lookup, homes, venues)
    at = dataset.venues.set_index("venue_id")["lat"]
    there = at[dataset.sessions["venue_id"].iloc[events.sessions]].to_numpy()
    np.testing.assert_allclose(found, np.abs(there - homes[events.rows, 0]) * KM_PER_DEGREE, rtol=1e-3)


def test_a_region_lies_where_it_says_else_where_its_people_and_venues_are_else_at_its_parent():
    regions = pd.DataFrame(
        {
            "region_id": ["c", "t0", "t1", "t2"],
            "name": "r",
            "level": ["county", "township", "township", "township"],
            "parent_id": [None, "c", "c", "c"],
            "lat": [None, 36.0, None, None],
            "lon": [None, 117.0, None, None],
        }
    )
    users = pd.DataFrame(
        {"user_id": ["a", "b", "n"], "region_id": ["t1", "t1", None], "lat": [36.2, None, None], "lon": 117.2}
    )
    venues = pd.DataFrame({"venue_id": ["v"], "name": ["v"], "region_id": ["t1"], "lat": [36.4], "lon": [117.4]})
    dataset = Dataset.from_tables({"regions": regions, "users": users, "venues": venues}, AT)
    tree = RegionTree.of(dataset)
    spots = region_spots(dataset, dataset.users, tree)
    of = dict(zip(tree.ids.ids, spots.tolist(), strict=True))
    assert of["t0"] == [36.0, 117.0]
    assert of["t1"] == pytest.approx([36.3, 117.3])
    assert of["t2"] == of["c"] == pytest.approx([36.3, 117.3])
    homes = dataset.users[["lat", "lon"]].to_numpy(dtype=float)
    near = near_home(homes, areas(dataset.users, tree, spots))
    np.testing.assert_allclose(near, [[36.2, 117.2], [36.3, 117.3], [np.nan, np.nan]])


def test_beyond_the_farthest_compares_with_the_longest_way_gone():
    dataset, _, _ = place(30, (2.0, 8.0))
    coming = dataset.sessions.assign(
        session_id="n" + dataset.sessions["session_id"], starts_at=AT + pd.Timedelta(days=3)
    )
    tables = {**dataset.tables(), "sessions": pd.concat([dataset.sessions, coming], ignore_index=True)}
    dataset = Dataset.from_tables(tables, AT)
    catalogue = catalogue_of(dataset, AT)
    block = user_block(catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions)
    user, session = np.divmod(np.arange(len(block) * len(catalogue)), len(catalogue))
    found = place_signals(catalogue, block, user, session)
    km = found["km_from_home"].reshape(len(block), -1)
    at = dataset.sessions.set_index("session_id")["venue_id"]
    venue = pd.Index(at[catalogue.sessions.session_ids])
    for row in range(len(block)):
        gone = at[dataset.bookings.loc[dataset.bookings["user_id"] == block.user_ids[row], "session_id"]]
        farthest = km[row, venue.isin(gone)].max()
        expected = np.log1p(km[row]) - np.log1p(farthest)
        np.testing.assert_allclose(found["reach_beyond_farthest"].reshape(len(block), -1)[row], expected)
