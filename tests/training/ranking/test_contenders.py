"""Rankers that are only compared: features of programmes, and who gets a score."""

import numpy as np
import pandas as pd
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.learned.learners import Learners
from features.signals.learned.stage_one import stage_one
from features.signals.people import user_block
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.regions import RegionTree
from tests.ranking_world import AT, ranking_world
from training.ranking.contenders import (
    BACKED_OFF,
    HYBRID,
    REGIONAL,
    ContenderConfig,
    fit_contenders,
    key_features,
    wide_regions,
)


@pytest.fixture(scope="module")
def world():
    known = ranking_world(3, n_users=80, n_bookings=1200).known_at(AT)
    return known, catalogue_of(known, AT, 14)


def scores_of(known: Dataset, catalogue, users: pd.DataFrame) -> dict[str, np.ndarray]:
    block = user_block(catalogue, users, known.bookings, known.feedback, known.sessions)
    affinity = stage_one(catalogue, block, Learners(IdMap([]), {}))["affinity"]
    return fit_contenders(known, catalogue, ContenderConfig()).scores(catalogue, block, affinity)


def test_a_programme_has_weight_one_of_each_feature(world):
    matrix = key_features(world[1].lookup)
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    assert np.allclose(sums, np.round(sums), atol=1e-5)
    assert (sums >= 4).all()


def test_who_came_today_and_what_was_published_today_get_a_score(world):
    known, catalogue = world
    day_old = Dataset.from_tables(
        {"users": pd.DataFrame({"user_id": ["new"], "birth_year": [1990], "region_id": ["t0"]})}, AT
    ).users
    scores = scores_of(known, catalogue, day_old)
    booked = known.sessions.set_index("session_id").loc[known.bookings["session_id"], "activity_id"]
    unbooked = ~np.isin(catalogue.sessions.activity_ids, booked.to_numpy())
    assert np.isfinite(scores[HYBRID]).all()
    assert np.isfinite(scores[HYBRID][:, unbooked]).all()
    assert np.isfinite(scores[REGIONAL]).all()
    assert (scores[BACKED_OFF] == scores[REGIONAL]).all()


def test_a_home_is_profile_enough(world):
    known, catalogue = world
    homes = pd.DataFrame({"user_id": ["north", "south"], "lat": [36.69, 36.82], "lon": [117.01, 117.12]})
    scores = scores_of(known, catalogue, Dataset.from_tables({"users": homes}, AT).users)[HYBRID]
    assert np.isfinite(scores).all()
    assert (scores[0] != scores[1]).any()


def test_nobody_is_scored_by_a_profile_that_is_empty(world):
    known, catalogue = world
    stranger = Dataset.from_tables({"users": pd.DataFrame({"user_id": ["?"]})}, AT).users
    assert np.isnan(scores_of(known, catalogue, stranger)[HYBRID]).all()


def test_a_region_ranks_by_what_it_books(world):
    known, catalogue = world
    people = pd.DataFrame({"user_id": ["a", "b"], "region_id": ["t0", "t1"]})
    scores = scores_of(known, catalogue, Dataset.from_tables({"users": people}, AT).users)[REGIONAL]
    assert (scores[0] != scores[1]).any()


def test_no_bookings_leave_no_contender():
    empty = Dataset.from_tables({}, AT)
    assert fit_contenders(empty, catalogue_of(empty, AT, 14), ContenderConfig()).hybrid is None


def test_villages_are_no_groups_and_what_lies_above_a_township_is():
    regions = pd.DataFrame(
        {
            "region_id": ["p", "c", "t", "w1", "w2", "odd"],
            "name": list("abcdef"),
            "level": ["province", "county", "township", "village", "village", "city"],
            "parent_id": [None, "p", "c", "t", "t", "p"],
        }
    )
    tree = RegionTree.of(Dataset.from_tables({"regions": regions}, AT))
    number, parents = wide_regions(tree)
    found = {region: num for region, num in zip(tree.ids.ids, number.tolist(), strict=True) if num >= 0}
    assert set(found) == {"p", "c", "t"}
    assert parents[[found["p"], found["c"], found["t"]]].tolist() == [-1, found["p"], found["c"]]
    no_regions = RegionTree.of(Dataset.from_tables({"users": pd.DataFrame({"user_id": ["u"]})}, AT))
    assert [len(one) for one in wide_regions(no_regions)] == [len(no_regions), 0]
