"""What matrix learners are told of people's pasts, against plain loops."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.signals.catalogue import catalogue_of
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.learned.learners import HISTORY_HALF_LIFE_DAYS, learner_histories, learner_scores
from features.signals.people import user_block
from recsys.ids import IdMap
from tests.ranking_world import AT, ranking_world
from training.ranking.fit import RankingConfig, fit_learners


def test_histories_by_a_plain_loop() -> None:
    world = ranking_world()
    catalogue = catalogue_of(world, AT)
    block = user_block(catalogue, world.users, world.bookings, world.feedback, world.sessions)
    keys = IdMap(catalogue.lookup.keys[LEARNER_LEVEL].ids, LEARNER_LEVEL)
    decayed, weights = np.zeros((len(block), len(keys))), np.zeros((len(block), len(keys)))
    events = block.events
    of_events = events.keys(catalogue.lookup, LEARNER_LEVEL)
    for row, key, days, weight in zip(events.rows, of_events, events.days, events.weights, strict=True):
        if key >= 0:
            decayed[row, key] += weight * 0.5 ** (days / HISTORY_HALF_LIFE_DAYS)
            weights[row, key] += weight
    told = learner_histories(catalogue, block, keys)
    np.testing.assert_allclose(told.of("als").toarray(), decayed, rtol=1e-12)
    for name in ("ease", "item-knn"):
        np.testing.assert_allclose(told.of(name).toarray(), np.minimum(weights, 1.0), rtol=1e-12)
    assert (weights > 1.0).any()
    assert ((weights > 0.0) & (weights < 1.0)).any()


def test_who_comes_again_moves_factors_and_not_item_weights() -> None:
    world = ranking_world(3, n_bookings=600).known_at(AT)
    catalogue = catalogue_of(world, AT)
    learners = fit_learners(world, catalogue, RankingConfig())
    whole = world.bookings.assign(status="attended")
    again = whole.assign(booking_id=whole["booking_id"] + "-again")
    scores = []
    for bookings in (whole, pd.concat([whole, again], ignore_index=True)):
        block = user_block(catalogue, world.users, bookings, world.feedback.iloc[:0], world.sessions)
        scores.append(learner_scores(catalogue, block, learners, np.arange(len(learners.keys))))
    once, twice = scores
    for name in ("ease", "item-knn"):
        np.testing.assert_array_equal(once[name], twice[name])
        assert np.nanstd(once[name]) > 0
    assert np.nanmax(np.abs(once["als"] - twice["als"])) > 1e-3
