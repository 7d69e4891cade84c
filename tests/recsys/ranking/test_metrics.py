import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import ndcg_score

from recsys.ranking.metrics import bootstrap_interval, coverage, ndcg_at_k, novelty, recall_at_k


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 12), st.data())
def test_ndcg_of_a_whole_ranking_is_scikit_learns(n, data):
    relevant = data.draw(hnp.arrays(np.bool_, (1, n)))
    if not relevant.any():
        assert np.isnan(ndcg_at_k(relevant, np.array([0]))[0])
        return
    expected = ndcg_score(relevant.astype(float), -np.arange(n, dtype=float)[None, :])
    np.testing.assert_allclose(ndcg_at_k(relevant, relevant.sum(axis=1)), [expected])


def test_ndcg_reaches_one_with_more_relevant_than_places():
    np.testing.assert_allclose(ndcg_at_k(np.ones((1, 3), dtype=bool), np.array([9])), [1.0])


def test_recall_divides_by_all_that_is_relevant():
    hits = np.array([[True, False], [False, False]])
    np.testing.assert_allclose(recall_at_k(hits, np.array([4, 0])), [0.25, np.nan])


def test_coverage_and_novelty_skip_the_ends_of_short_lists():
    lists = np.array([[0, 2], [2, -1], [-1, -1]])
    assert coverage(lists, 4) == 0.5
    np.testing.assert_allclose(novelty(lists, np.array([0.5, 1.0, 0.25, 1.0])), [1.5, 2.0, np.nan])


def test_interval_holds_the_mean_and_leaves_out_missing_users():
    values = np.array([0.0, 1.0, np.nan, 0.5, 0.5])
    mean, low, high = bootstrap_interval(values, np.random.default_rng(0))
    assert mean == 0.5
    assert 0.0 <= low < mean < high <= 1.0
    assert np.isnan(bootstrap_interval(np.array([np.nan]), np.random.default_rng(0))).all()


def test_the_interval_of_several_windows_is_of_the_mean_of_their_means():
    values, windows = np.array([1.0, 1.0, 1.0, 0.0]), np.array([3, 3, 3, 7])
    mean, low, high = bootstrap_interval(values, np.random.default_rng(0), windows=windows)
    assert mean == 0.5
    assert 0.0 <= low <= mean <= high <= 1.0


def test_a_user_s_windows_are_drawn_together():
    rng = np.random.default_rng(0)
    taste = rng.random(40)
    values, users = np.tile(taste, 4), np.tile(np.arange(40), 4)
    windows = np.repeat(np.arange(4), 40)
    alone = bootstrap_interval(taste, np.random.default_rng(1))
    together = bootstrap_interval(values, np.random.default_rng(1), users=users, windows=windows)
    np.testing.assert_allclose(together, alone, rtol=1e-12)
    apart = bootstrap_interval(values, np.random.default_rng(1), windows=windows)
    assert apart[2] - apart[1] < 0.7 * (alone[2] - alone[1])


def test_the_interval_of_very_many_users_is_as_wide_as_theory_says():
    rng = np.random.default_rng(0)
    taste = rng.normal(size=(30_000, 1)) + 0.5 * rng.normal(size=(30_000, 2))
    users, windows = np.indices(taste.shape).reshape(2, -1)
    mean, low, high = bootstrap_interval(taste.ravel(), np.random.default_rng(1), users=users, windows=windows)
    assert mean == pytest.approx(taste.mean())
    wide = 2 * 1.96 * taste.mean(axis=1).std() / np.sqrt(len(taste))
    assert high - low == pytest.approx(wide, rel=0.15)


def test_novelty_without_candidates() -> None:
    assert np.isnan(novelty(np.full((2, 3), -1), np.zeros(0))).all()
