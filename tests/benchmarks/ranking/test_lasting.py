"""Learners that feed no list stand on past windows beside those that do."""

import numpy as np

from benchmarks.ranking.lasting import LEARNERS, learn_lasting
from benchmarks.ranking.windows import all_of
from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.people import user_block
from tests.ranking_world import AT, ranking_world
from training.learners.families import FAMILIES


def test_every_learner_scores_candidates_by_their_lasting_key():
    known = ranking_world(5, n_users=80, n_activities=60, n_bookings=2500).known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    twice = all_of(learn_lasting, lambda *_: lambda at, people: {"none": np.zeros((len(people), len(at)))})
    found = twice(known, catalogue)(catalogue, block)
    assert set(found) == {*LEARNERS, "none"}
    key = catalogue.levels[LEARNER_LEVEL].of_candidate
    for name in LEARNERS:
        assert found[name].shape == (len(block), len(catalogue))
        assert np.isfinite(found[name]).any()
        for one in np.unique(key[key >= 0]):
            same = found[name][:, key == one]
            np.testing.assert_array_equal(same, np.repeat(same[:, :1], same.shape[1], axis=1))


def test_no_learner_of_the_classic_protocol_is_missing():
    in_lists = {"popularity", "item-knn", "ease", "als", "hybrid"}
    assert {family.name for family in FAMILIES} == in_lists | set(LEARNERS)
