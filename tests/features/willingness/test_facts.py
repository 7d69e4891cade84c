"""People taken together by what is known of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.geography.positions import positions
from features.profiles import PROFILE
from features.willingness.config import LatentConfig
from features.willingness.facts import Facts
from features.willingness.fit import fit_willingness
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
