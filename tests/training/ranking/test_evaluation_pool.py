"""What evaluation lists and counts as candidates is what may be offered, by rules of its own."""

from __future__ import annotations

import pandas as pd
import pytest

import training.ranking.evaluation as evaluation
from recsys.ranking.top_k import top_k
from tests.ranking_rules import assert_none_broken, n_answers
from tests.ranking_world import AT, ranking_world
from training.ranking.evaluation import judge_lists
from training.ranking.fit import RankingConfig, fit_ranking
from training.ranking.windows import WindowConfig

SMALL = 10_000
N_WORLDS = 5


@pytest.mark.parametrize("seed", range(N_WORLDS))
def test_the_candidate_pool_holds_nothing_that_may_not_be_offered(seed, monkeypatch, record_property):
    """Every pair that any ranker may list, and every list that one gave."""
    wanted, n_judged = n_answers(SMALL) // N_WORLDS, 0
    while n_judged < wanted:
        with monkeypatch.context() as patched:
            n_judged += n_judged_of_a_world(seed, min(2500, max(60, wanted // 25)), patched)
        seed += N_WORLDS
    record_property("answers", n_judged)


def n_judged_of_a_world(seed, n_users, monkeypatch):
    dataset = ranking_world(seed, n_users=n_users, n_activities=240, n_bookings=900 + 2 * n_users)
    known = dataset.known_at(AT)
    pools, masks, n_lists = [], [], 0

    def recorded(catalogue, block, among=None):
        allowed = offered(catalogue, block, among)
        rows, columns = allowed.nonzero()
        sessions = catalogue.sessions
        ids = {"session_id": sessions.session_ids[columns], "activity_id": sessions.activity_ids[columns]}
        pools.append(pd.DataFrame({"user_id": block.user_ids[rows], **ids}))
        masks.append(allowed)
        return allowed

    def within(scores, allowed, k):
        nonlocal n_lists
        columns = top_k(scores, allowed, k)
        for row, listed in enumerate(columns):
            assert masks[-1][row, listed[listed >= 0]].all()
        n_lists += len(columns)
        return columns

    offered = evaluation.offered
    monkeypatch.setattr(evaluation, "offered", recorded)
    monkeypatch.setattr(evaluation, "top_k", within)
    model = fit_ranking(known, RankingConfig(windows=WindowConfig(n_windows=0)))
    judged = judge_lists(model, dataset, known, AT, 14, 10)
    pool = pd.concat(pools, ignore_index=True)
    assert len(judged.user_ids) >= pool["user_id"].nunique() > 0
    assert n_lists >= 9 * len(judged.user_ids)
    assert_none_broken(known, pool, AT)
    return len(pool)
