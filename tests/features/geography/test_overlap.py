"""Venues that share their people."""

import numpy as np
import pandas as pd

from features.geography.overlap import VenuePeople, venue_people
from recsys.dataset import Dataset
from recsys.regions import RegionTree

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
KM = 1 / 111.195
VENUES = np.array(["here", "next door", "far away", "nowhere"], dtype=object)


def near(users: pd.DataFrame | None) -> VenuePeople:
    venues = pd.DataFrame(
        {"venue_id": VENUES, "name": VENUES, "lat": [36.0, 36.0 + KM, 38.0, None], "lon": [117.0, 117.0, 117.0, None]}
    )
    tables = {"venues": venues} if users is None else {"venues": venues, "users": users}
    dataset = Dataset.from_tables(tables, NOW)
    return venue_people(dataset, RegionTree.of(dataset), VENUES)


def people(near: int, far: int) -> pd.DataFrame:
    lat = [36.0 + KM / 2] * near + [38.0] * far
    return pd.DataFrame({"user_id": [f"u{i}" for i in range(near + far)], "lat": lat, "lon": 117.0})


def test_venues_share_people_by_how_near_they_are_to_them() -> None:
    found = near(people(30, 10)).overlap.toarray()
    np.testing.assert_allclose(found, found.T)
    # All of three in four people, or of one in four, and none of the others.
    np.testing.assert_allclose(found[:3, :3], [[4 / 3, 4 / 3, 0], [4 / 3, 4 / 3, 0], [0, 0, 4]], rtol=1e-6)


def test_people_count_as_far_as_they_would_come() -> None:
    here, next_door, far, nowhere, anywhere = near(people(30, 10)).reached
    assert here == next_door
    assert 20 < here < 30
    assert far == 10
    assert 0 < nowhere < 40
    assert anywhere == 40


def test_what_has_no_place_is_open_to_all() -> None:
    found = near(people(30, 10)).overlap.toarray()
    np.testing.assert_allclose(found[3:], 1.0)
    assert found.shape == (len(VENUES) + 1, len(VENUES) + 1)


def test_a_venue_that_nobody_is_near_shares_nobody() -> None:
    found = near(people(30, 0))
    assert found.reached[2] == 0
    np.testing.assert_array_equal(found.overlap.toarray()[2], 0.0)


def test_without_homes_people_live_about_the_venues() -> None:
    found = near(None).overlap.toarray()
    assert found[0, 1] > 1
    assert found[0, 2] == 0


def test_where_no_place_is_known_all_share_all() -> None:
    dataset = Dataset.from_tables({}, NOW)
    found = venue_people(dataset, RegionTree.of(dataset), np.array(["a", "b"], dtype=object)).overlap
    np.testing.assert_allclose(found.toarray(), 1.0, rtol=1e-6)
