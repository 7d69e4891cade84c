"""Ranks of candidates among those that go on: against a plain loop, whoever else is asked for."""

from __future__ import annotations

import numpy as np

from features.ranking.two_stages import offered, shortlisted
from features.signals.catalogue import catalogue_of
from features.signals.learned.shortlist import Shortlist, rank_signals
from features.signals.learned.stage_one import booked_organisers, stage_one
from features.signals.people import user_block
from recsys.ranking.top_k import MISSING
from tests.ranking_world import AT, ranking_world
from training.ranking.fit import RankingConfig, fit_learners


def test_every_rankers_rank_is_that_of_a_plain_loop_for_any_pairs(monkeypatch) -> None:
    monkeypatch.setattr("features.ranking.two_stages.N_KNOWN", 6)
    monkeypatch.setattr("features.ranking.two_stages.N_NEW", 9)
    known = ranking_world(11, n_users=80, n_activities=60, n_bookings=2500).known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    first = stage_one(catalogue, block, fit_learners(known, catalogue, RankingConfig()))
    listed = shortlisted(first, offered(catalogue, block), ~booked_organisers(catalogue, block))
    found = rank_signals(first, listed, listed.rows, listed.cols)
    assert {"rank_affinity", "rank_als", "rank_ease", "rank_item-knn", "rank_popularity"} < set(found)
    assert len(found) == len(first)
    own = {f"rank_{name}" for name in first.own.of_keys}
    assert own == {"rank_affinity", "rank_als", "rank_ease", "rank_item-knn"}
    for name, ranks in found.items():
        scores = first[name.removeprefix("rank_")][listed.rows, listed.cols]
        for pair in range(0, len(ranks), 5):
            row = listed.rows[pair]
            others = scores[listed.rows == row] if name in own else first[name.removeprefix("rank_")][row]
            expected = np.nan if np.isnan(scores[pair]) else 1 + (others > scores[pair]).sum()
            np.testing.assert_array_equal(ranks[pair], expected, err_msg=name)
    some = np.arange(len(listed.rows))[::-3]
    of_some = rank_signals(first, listed, listed.rows[some], listed.cols[some])
    outside = np.setdiff1d(np.arange(len(catalogue)), listed.cols[listed.rows == 0])
    of_others = rank_signals(first, listed, np.zeros_like(outside), outside)
    for name, ranks in found.items():
        np.testing.assert_array_equal(of_some[name], ranks[some], err_msg=name)
        assert np.isnan(of_others[name]).all() == (name in own)


def test_nobodys_shortlist_has_no_places() -> None:
    nobody = Shortlist.empty(5)
    assert nobody.places(np.array([0, 3]), np.array([1, 4])).tolist() == [MISSING, MISSING]
    few = Shortlist(np.array([0, 0, 2]), np.array([1, 3, 0]), 4)
    assert few.places(np.array([2, 0, 1, 0]), np.array([0, 3, 3, 2])).tolist() == [2, 1, MISSING, MISSING]
