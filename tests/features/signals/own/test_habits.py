"""What starts within hours of a candidate: against a plain loop, whoever else is in the block."""

import numpy as np
import pandas as pd

from features.signals.catalogue import catalogue_of
from features.signals.learned.learners import Learners
from features.signals.learned.stage_one import stage_one
from features.signals.own import habits
from features.signals.people import user_block
from recsys.availability import may_be_offered
from recsys.ids import IdMap
from tests.ranking_world import AT, ranking_world


def test_rivals_are_those_of_a_plain_loop(monkeypatch):
    world = ranking_world(3, n_users=30, n_activities=80, n_bookings=300).known_at(AT)
    catalogue = catalogue_of(world, AT)
    block = user_block(catalogue, world.users, world.bookings, world.feedback, world.sessions)
    allowed = may_be_offered(catalogue.sessions, block.people)
    own = stage_one(catalogue, block, Learners(IdMap.of([]), {})).own
    rows, cols = np.nonzero(np.ones(allowed.shape, dtype=bool))
    found = habits.day_signals(catalogue, own, allowed, rows, cols)["rival_near_share"]
    affinity = np.where(allowed, np.nan_to_num(own.of_keys["affinity"])[:, own.of_candidate], 0.0)
    starts = catalogue.sessions.starts
    is_near = np.abs(starts[:, None] - starts[None, :]) <= habits.RIVAL_HOURS * pd.Timedelta(hours=1).value
    sums = affinity.astype(np.float64) @ is_near
    expected = np.divide(affinity, sums, out=np.zeros(sums.shape), where=sums > 1e-9)
    np.testing.assert_allclose(found, expected.ravel(), rtol=1e-4, atol=1e-6)
    assert 0 < (found > 0).mean() < 1
    # People are added up some at a time: how many changes nothing.
    monkeypatch.setattr(habits, "PEOPLE_AT_ONCE", 7)
    again = habits.day_signals(catalogue, own, allowed, rows, cols)["rival_near_share"]
    np.testing.assert_array_equal(again, found)
