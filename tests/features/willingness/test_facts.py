"""People taken together by what is known of them."""

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from features.geography.positions import positions
from features.profiles import PROFILE
from features.willingness.config import LatentConfig
from features.willingness.exposure import Exposure
from features.willingness.facts import Facts, home_strengths
from features.willingness.fit import fit_willingness
from features.willingness.people import segment_rates
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from tests.opening_world import world

N_USERS = 2000
SHY = np.arange(N_USERS) % 20 == 0


def _county(n_followers: int) -> Dataset:
    """One in twenty tells neither age nor gender; followers tell nothing and never book."""
    dataset = world(2, n_users=N_USERS, weeks=26).dataset
    hidden = {name: dataset.users[name].mask(SHY) for name in ("birth_year", "gender")}
    users = dataset.users.assign(**hidden, registered_at=dataset.data_until - pd.Timedelta(weeks=30))
    followers = (
        users.iloc[:0]
        .reindex(range(n_followers))
        .assign(user_id=[f"g{n}" for n in range(n_followers)], personalised=True)
    )
    both = pd.concat([users, followers.astype(users.dtypes)], ignore_index=True)
    return replace(dataset, users=both, feedback=_views(dataset, both["user_id"]))


def _views(dataset: Dataset, users: pd.Series) -> pd.DataFrame:
    """People look at something twenty times, followers once."""
    rng = np.random.default_rng(3)
    who = np.concatenate([np.repeat(users[:N_USERS], 20), users[N_USERS:]])
    views = pd.DataFrame(
        {
            "feedback_id": [f"f{n}" for n in range(len(who))],
            "user_id": who,
            "activity_id": rng.choice(dataset.activities["activity_id"], len(who)),
            "kind": "view",
            "occurred_at": dataset.data_until - pd.to_timedelta(rng.uniform(1, 180, len(who)), unit="D"),
        }
    )
    return views.reindex(columns=dataset.feedback.columns).astype(dataset.feedback.dtypes)


def _rates(dataset: Dataset) -> np.ndarray:
    tree = RegionTree.of(dataset)
    config = LatentConfig(curvatures=(0.5,))
    return fit_willingness(dataset, tree, positions(dataset, tree), config).rate.sum(axis=1)


def test_accounts_that_never_book_do_not_make_those_look_unwilling_who_leave_fields_empty():
    without, among = _rates(_county(0)), _rates(_county(450))
    assert among[:N_USERS][SHY].sum() == pytest.approx(without[SHY].sum(), rel=0.15)
    assert among[N_USERS:].mean() < 0.3 * among[:N_USERS].mean()


def test_who_tells_nothing_has_a_segment_of_their_own_and_only_where_others_tell_something():
    dataset = _county(30)
    nothing = dataset.users.assign(**{name: None for name in PROFILE}).astype(dataset.users.dtypes)
    for users, is_split in ((dataset.users, True), (dataset.users[:N_USERS], False), (nothing, False)):
        one = replace(dataset, users=users.reset_index(drop=True))
        tree = RegionTree.of(one)
        facts = Facts.of(one, tree, positions(one, tree), LatentConfig())
        if is_split:
            np.testing.assert_array_equal(facts.segments[0].sum(axis=0), [30, N_USERS])
        else:
            np.testing.assert_array_equal(facts.segments[0].indices, facts.offered.age_group)


def _towns() -> tuple[sparse.csr_array, Exposure]:
    """Towns of 200, 200 and 1,600 people with 100 bookings each: the first of one course, the others of 50."""
    home = sparse.csr_array(np.repeat(np.eye(3, dtype=np.float32), [200, 200, 1600], axis=0))
    spread = 1 + np.arange(100) % 50
    offered = SimpleNamespace(
        booking_user=np.concatenate([np.arange(100), 200 + np.arange(100), 400 + np.arange(100)]),
        booking_session=np.concatenate([np.zeros(100, dtype=np.int64), spread, 50 + spread]),
        course=np.arange(101),
        category=np.zeros(101, dtype=np.int64),
        categories=np.array(["one", "other"]),
        people=np.ones(300),
    )
    return home, cast("Exposure", offered)


def test_a_crowd_at_one_course_says_less_of_where_it_lives_than_one_spread_over_many():
    home, offered = _towns()
    strengths = home_strengths(home, offered, LatentConfig(place_strength=20.0, course_luck=0.5))
    # A course has 100 or 2 bookings beside a booking, none where nobody booked.
    np.testing.assert_allclose(strengths, [[1020, 1020, 20], [40, 40, 20], [40, 40, 20]])
    seen, exposed = np.zeros((2000, 2), dtype=np.float32), np.ones((2000, 2), dtype=np.float32)
    seen[offered.booking_user, 0] = 1.0
    rate = segment_rates(seen, exposed, [home], np.zeros((2000, 2, 0), dtype=np.float32), [strengths])[:, 0]
    lucky, sure, others = rate[0], rate[200], rate[-1]
    assert others < lucky < 0.7 * sure
