"""Training and serving know the same of a pair: signals of past windows are those of the requests of that time."""

import numpy as np
import pytest

from features.ranking.lists import rank_block
from features.ranking.model import RankingModel
from features.signals.catalogue import catalogue_of
from features.signals.people import user_block
from tests.ranking_world import AT, ranking_world
from training.ranking.fit import RankingConfig, fit_learners, fit_ranking
from training.ranking.reranker import TreeConfig
from training.ranking.windows import WindowConfig, hits_of, window_pairs

EVERY_PAIR = WindowConfig(n_windows=2, step_days=7, enough_hits=0, pairs_each=10**9)
CONFIG = RankingConfig(windows=EVERY_PAIR, trees=TreeConfig(n_trees=15, min_leaf_pairs=5))


@pytest.mark.parametrize(("days_before", "n_shortlisted"), [(14, 100), (21, 6)])
def test_signals_that_trees_learn_from_are_those_of_the_replayed_requests(days_before, n_shortlisted, monkeypatch):
    """Each person asks alone, with nothing but their own rows, at the window's cut-off: the same to the last bit."""
    for name in ("N_KNOWN", "N_NEW"):
        monkeypatch.setattr(f"features.ranking.two_stages.{name}", n_shortlisted)
    known = ranking_world(5, n_users=80, n_activities=60, n_bookings=2500).known_at(AT)
    cut = AT - np.timedelta64(days_before, "D")
    hits = hits_of(known, cut, EVERY_PAIR.window_days)
    then = known.known_at(cut)
    catalogue = catalogue_of(then, cut, EVERY_PAIR.window_days)
    learners = fit_learners(then, catalogue, CONFIG)
    learned = window_pairs(known, hits, cut, EVERY_PAIR, lambda *_: learners, seed=0)
    assert learned is not None
    served = RankingModel(learners, cut, fit_ranking(known, CONFIG).re_ranker)
    people = then.users[then.users["user_id"].isin(hits["user_id"])]
    assert len(people) == learned.person.max() + 1 > 30
    assert not people["personalised"].all()
    for num, user_id in enumerate(people["user_id"]):
        own = then.bookings[then.bookings["user_id"] == user_id]
        block = user_block(
            catalogue,
            people[people["user_id"] == user_id],
            own,
            then.feedback[then.feedback["user_id"] == user_id],
            then.sessions[then.sessions["session_id"].isin(own["session_id"])],
        )
        lists = rank_block(served, catalogue, block, 10)
        mine, found = learned.signals[learned.person == num], lists.found
        # Who opted out is ranked among all candidates: what may not be offered is left out of the list alone.
        asked = lists.allowed[0, found.cols]
        assert list(found.signals) == list(mine)
        for name, values in found.signals.items():
            np.testing.assert_array_equal(values[asked], mine[name].to_numpy(), err_msg=f"{user_id} {name}")
