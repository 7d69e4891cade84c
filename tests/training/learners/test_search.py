"""Settings and blend chosen on a part of the training pairs."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recsys.errors import FitError
from tests.training.learners.worlds import checkerboard, random_interactions
from training.learners.ease import EaseConfig, fit_ease
from training.learners.families import FAMILIES, Family
from training.learners.inner_splits import inner_splits
from training.learners.search import blend_weights, climb, select


def test_the_inner_splits_hold_out_a_fifth_of_each_history() -> None:
    interactions = random_interactions(12, n_users=50, n_keys=40)
    splits = inner_splits(interactions, np.random.default_rng(0), 3)
    sizes = np.diff(interactions.indptr)
    expected = np.where(sizes >= 2, np.maximum(np.rint(0.2 * sizes), 1), 0)
    assert len(splits.kept) == 4
    for number, kept in enumerate(splits.kept):
        np.testing.assert_array_equal(sizes - np.diff(kept.indptr), expected)
        assert kept.multiply(interactions - kept).nnz == 0
        judged = np.flatnonzero(sizes >= 2)
        rows = slice(number * len(judged), (number + 1) * len(judged))
        np.testing.assert_array_equal(splits.users.histories[rows].toarray(), kept[judged].toarray())
        np.testing.assert_array_equal(splits.held[rows].toarray(), (interactions - kept)[judged].toarray())
    assert (splits.kept[0] != splits.kept[1]).nnz > 0


def test_each_judged_history_is_scored_by_the_learner_that_did_not_see_its_rest() -> None:
    interactions = random_interactions(13, n_users=50, n_keys=40)
    splits = inner_splits(interactions, np.random.default_rng(0), 3)
    family, config = Family("ease", fit_ease, EaseConfig(regularisation=2.0)), EaseConfig(regularisation=2.0)
    n_each = splits.users.n_users // 4
    for number, kept in enumerate(splits.kept):
        mine = splits.users.rows(number * n_each, (number + 1) * n_each)
        found = splits.scores(family, config)[number * n_each : (number + 1) * n_each]
        np.testing.assert_array_equal(found, fit_ease(kept, config).scores(mine))


def test_nobody_to_judge_is_no_trouble() -> None:
    lonely = sparse.csr_array(np.eye(4, dtype=np.float32))
    splits = inner_splits(lonely, np.random.default_rng(0), 3)
    scores = splits.scores(Family("ease", fit_ease, EaseConfig()), EaseConfig())
    assert scores.shape == (0, 4)
    assert splits.ndcg(scores) == 0
    assert select(lonely, np.random.default_rng(0)).weights


def test_a_learner_is_left_out_where_it_would_take_too_long() -> None:
    interactions, _ = checkerboard()
    family = Family("slow", fit_ease, EaseConfig(), max_pairs=interactions.nnz - 1)
    with pytest.raises(FitError, match="would take it too long"):
        family.check_size(interactions)
    with pytest.raises(FitError, match="none of slow can learn"):
        select(interactions, np.random.default_rng(0), (family,))


def test_a_search_that_knows_no_better_keeps_the_strongest() -> None:
    """Whatever learner is ahead on the held-out pairs, the blend is not behind it there."""
    interactions, _ = checkerboard(40, 30)
    families = tuple(family for family in FAMILIES if family.name in ("popularity", "item-knn", "hybrid"))
    selection = select(interactions, np.random.default_rng(0), families)
    assert selection.validation["blend"] >= max(selection.validation[family.name] for family in families)
    assert set(selection.configs) == {family.name for family in families}


def test_the_search_is_no_worse_than_where_it_starts_and_learns_the_blend() -> None:
    interactions, _ = checkerboard()
    splits = inner_splits(interactions, np.random.default_rng(0), 2)
    ease = next(family for family in FAMILIES if family.name == "ease")
    start = splits.ndcg(splits.scores(ease, ease.start))
    climbed = climb(ease, splits)
    config, value, scores = climbed.config, climbed.ndcg, climbed.scores
    assert not climbed.is_cut_short
    hurried = climb(ease, splits, until=0.0)
    assert (hurried.config, hurried.ndcg, hurried.n_fits, hurried.is_cut_short) == (ease.start, start, 1, True)
    assert value >= start
    assert value == splits.ndcg(scores)
    assert splits.ndcg(splits.scores(ease, config)) == value
    noise = np.random.default_rng(0).normal(size=scores.shape).astype(np.float32)
    weights, best = blend_weights({"ease": scores, "noise": noise}, {"ease": value, "noise": 0.1}, splits)
    assert best >= value
    assert weights["ease"] > 0
