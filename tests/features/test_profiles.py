"""Who has a profile, and that all rooms mean the same by it."""

import numpy as np
import pandas as pd
import pytest

from features.profiles import PROFILE, has_profile
from features.signals.catalogue import catalogue_of
from features.signals.people import user_block
from features.willingness.facts import segments
from recsys.dataset import Dataset
from tests.ranking_world import AT, ranking_world

TOLD = {"birth_year": 1990, "gender": "x", "region_id": "a city", "lat": 36.7, "lon": 117.0, "interests": "never held"}


@pytest.fixture(scope="module")
def known() -> Dataset:
    """One person for each thing that may be told and nothing else, then who has but an account, and who not even that.

    The thing told is of no use to some: a gender that is neither, a region above the counties, an unknown category.
    """
    world = ranking_world(5, n_users=20).known_at(AT)
    one_each = [{"user_id": f"tells {name}", name: value} for name, value in TOLD.items()]
    account = {"user_id": "account", "registered_at": AT - pd.Timedelta(days=9)}
    tables = world.tables()
    regions = pd.concat([tables["regions"], pd.DataFrame([{"region_id": "a city", "name": "A", "level": "city"}])])
    users = pd.DataFrame([*one_each, account, {"user_id": "only looks"}])
    return Dataset.from_tables({**tables, "regions": regions, "users": users, "bookings": None, "feedback": None}, AT)


def test_anything_told_is_a_profile_and_the_date_of_the_account_is_none(known):
    assert set(TOLD) == set(PROFILE)
    np.testing.assert_array_equal(has_profile(known.users), [True] * len(TOLD) + [False] * 2)


def test_lists_and_openings_mean_the_same(known):
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    np.testing.assert_array_equal(block.has_profile, has_profile(known.users))
    first = segments(known, np.zeros(len(known.users), dtype=np.int64))[0]
    np.testing.assert_array_equal(first.toarray()[:, 1] > 0, has_profile(known.users))


def test_a_profile_that_may_not_be_used_is_none(known):
    catalogue = catalogue_of(known, AT)
    out = known.users.assign(personalised=False)
    assert not user_block(catalogue, out, known.bookings, known.feedback, known.sessions).has_profile.any()
    tags = [{"user_id": f"tells {name}", "tag": tag} for name, tag in (("birth_year", "age"), ("gender", "gender"))]
    removed = pd.DataFrame(tags).astype(known.removed_tags.dtypes)
    less = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions, removed)
    is_gone = known.users["user_id"].isin(removed["user_id"]).to_numpy()
    np.testing.assert_array_equal(less.has_profile, has_profile(known.users) & ~is_gone)
