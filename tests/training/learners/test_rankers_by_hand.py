"""Each learner against a second library, or a plain loop that says the same in the formula's own words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import ElasticNet, Ridge
from sklearn.neighbors import NearestNeighbors

from recsys.rankers.base import UserBatch
from recsys.rankers.blend import BlendRanker
from recsys.rankers.factor import FactorRanker
from recsys.rankers.hybrid import user_features
from tests.training.learners.worlds import checkerboard, every_learner, random_interactions
from training.learners.als import AlsConfig, fit_als
from training.learners.ease import EaseConfig, fit_ease
from training.learners.hybrid import HybridConfig, drawn_histories, fit_hybrid
from training.learners.item_knn import ItemKnnConfig, fit_item_knn
from training.learners.kernel import KernelConfig, fit_kernel
from training.learners.popularity import PopularityConfig, fit_popularity
from training.learners.rp3beta import Rp3betaConfig, fit_rp3beta
from training.learners.search import fit_selected
from training.learners.slim import SlimConfig, fit_slim


def test_ease_is_a_ridge_of_each_key_on_the_others() -> None:
    interactions = random_interactions(1)
    weights = fit_ease(interactions, EaseConfig(regularisation=2.0)).weights
    dense = interactions.toarray().astype(float)
    for key in range(dense.shape[1] - 1):
        others = [other for other in range(dense.shape[1] - 1) if other != key]
        gram = dense[:, others].T @ dense[:, others] + 2.0 * np.eye(len(others))
        expected = np.linalg.solve(gram, dense[:, others].T @ dense[:, key])
        np.testing.assert_allclose(weights[others, key], expected, atol=1e-5)
        assert weights[key, key] == 0


def test_ease_is_sklearns_ridge() -> None:
    interactions = random_interactions(21, n_users=40)
    weights = fit_ease(interactions, EaseConfig(regularisation=3.0)).weights
    dense = interactions.toarray().astype(float)
    for key in range(dense.shape[1] - 1):
        others = np.delete(np.arange(dense.shape[1]), key)
        ridge = Ridge(alpha=3.0, fit_intercept=False, solver="cholesky").fit(dense[:, others], dense[:, key])
        np.testing.assert_allclose(weights[others, key], ridge.coef_, atol=1e-5)


def test_ease_scores_by_rows_of_the_history_not_of_the_key() -> None:
    interactions = random_interactions(2)
    ranker = fit_ease(interactions, EaseConfig(regularisation=2.0))
    dense = interactions.toarray()
    expected = [[sum(dense[0, i] * ranker.weights[i, j] for i in range(12)) for j in range(11)]]
    np.testing.assert_allclose(ranker.scores(UserBatch(interactions[[0]]))[:, :11], expected, rtol=1e-5)
    assert np.abs(ranker.weights - ranker.weights.T).max() > 0.01


def test_ease_of_the_most_common_keys_alone() -> None:
    interactions = random_interactions(3)
    ranker = fit_ease(interactions, EaseConfig(regularisation=2.0, max_keys=5))
    assert ranker.known.sum() == 5
    n_users = (interactions.toarray() > 0).sum(axis=0)
    assert n_users[ranker.known].min() >= n_users[~ranker.known].max()


def test_ridge_with_everything_turned_on() -> None:
    interactions = random_interactions(4)
    config = EaseConfig(regularisation=2.0, dropout=0.25, user_power=0.5, key_power=0.3)
    weights = fit_ease(interactions, config).weights[:-1, :-1]
    dense = interactions.toarray().astype(float)[:-1, :-1]
    n_users, sizes = (dense > 0).sum(axis=0), np.maximum((dense > 0).sum(axis=1), 1)
    scaled = dense * n_users**-0.3
    gram = scaled.T @ (scaled / sizes[:, None] ** 0.5)
    inverse = np.linalg.inv(gram + np.diag(2.0 + np.diag(gram) / 3))
    expected = np.eye(11) - inverse / np.diag(inverse)
    np.testing.assert_allclose(weights, expected * n_users[:, None] ** -0.3 * n_users[None, :] ** 0.3, atol=1e-5)


def test_neighbours_by_shrunk_cosine() -> None:
    interactions = random_interactions(5)
    weights = fit_item_knn(interactions, ItemKnnConfig(n_neighbours=3, shrinkage=2.0)).weights.toarray()
    dense = interactions.toarray().astype(float)
    for key in range(dense.shape[1]):
        similar = []
        for other in range(dense.shape[1]):
            lengths = np.linalg.norm(dense[:, key]) * np.linalg.norm(dense[:, other])
            similar.append(0.0 if other == key else dense[:, key] @ dense[:, other] / (lengths + 2.0))
        nearest = np.argsort(-np.array(similar), kind="stable")[:3]
        expected = [similar[other] if other in nearest else 0.0 for other in range(dense.shape[1])]
        np.testing.assert_allclose(weights[:, key], expected, atol=1e-6)


def test_neighbours_are_sklearns() -> None:
    interactions = random_interactions(22, n_users=80)
    weights = fit_item_knn(interactions, ItemKnnConfig(n_neighbours=4, shrinkage=0.0)).weights.toarray()
    dense = interactions.toarray().astype(float)
    booked = np.flatnonzero(dense.any(axis=0))
    # One more than wanted: each key is its own nearest.
    model = NearestNeighbors(n_neighbors=5, metric="cosine", algorithm="brute").fit(dense.T[booked])
    distances, nearest = model.kneighbors(dense.T[booked])
    for place, key in enumerate(booked):
        expected = np.zeros(dense.shape[1])
        expected[booked[nearest[place, 1:]]] = 1 - distances[place, 1:]
        np.testing.assert_allclose(weights[:, key], expected, atol=1e-6)


def test_slim_is_at_the_elastic_nets_minimum() -> None:
    interactions = random_interactions(6, n_users=60)
    config = SlimConfig(l1=0.5, l2=1.0, n_neighbours=12, max_sweeps=500, tolerance=1e-9)
    weights = fit_slim(interactions, config).weights.toarray().astype(float)
    dense = interactions.toarray().astype(float)
    slope = -dense.T @ (dense - dense @ weights) + 1.0 * weights + 0.5
    off = ~np.eye(len(weights), dtype=bool)
    np.testing.assert_allclose(slope[(weights > 0) & off], 0.0, atol=1e-4)
    assert slope[(weights == 0) & off].min() > -1e-4
    assert (np.diag(weights) == 0).all()
    assert (weights > 0).any()


def test_slim_of_all_keys_is_sklearns_elastic_net() -> None:
    interactions = random_interactions(6, n_users=60)
    config = SlimConfig(l1=0.5, l2=1.0, n_neighbours=12, max_sweeps=500, tolerance=1e-9)
    weights = fit_slim(interactions, config).weights.toarray()
    dense = interactions.toarray().astype(float)
    penalties = config.l1 + config.l2
    net = ElasticNet(
        alpha=penalties / len(dense),
        l1_ratio=config.l1 / penalties,
        fit_intercept=False,
        positive=True,
        tol=1e-10,
        max_iter=10_000,
    )
    for key in np.flatnonzero(dense.any(axis=0)):
        others = np.delete(np.arange(dense.shape[1]), key)
        net.fit(dense[:, others], dense[:, key])
        np.testing.assert_allclose(weights[others, key], net.coef_, atol=1e-5)


def test_als_folds_in_as_implicit_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    fit = AlternatingLeastSquares.fit
    monkeypatch.setattr(
        AlternatingLeastSquares, "fit", lambda self, *args, **kw: (models.append(self), fit(self, *args, **kw))[1]
    )
    interactions = random_interactions(7)
    ranker = fit_als(interactions, AlsConfig(n_factors=4, regularisation=0.7, alpha=5))
    rows = np.arange(interactions.shape[0])
    expected = models[0].recalculate_user(rows, sparse.csr_matrix(interactions))
    np.testing.assert_allclose(ranker.user_factors(UserBatch(interactions)), expected, rtol=1e-3, atol=1e-4)


def test_als_folds_in_by_the_normal_equations() -> None:
    interactions = random_interactions(7)
    ranker = fit_als(interactions, AlsConfig(n_factors=3, regularisation=0.7, alpha=5, user_power=0.5))
    dense = interactions.toarray().astype(float)
    factors = ranker.factors.astype(float)
    vectors = ranker.user_factors(UserBatch(interactions))
    for user in range(len(dense) - 1):
        size = max((dense[user] > 0).sum(), 1) / ranker.typical_size
        confidence = np.where(dense[user] > 0, 5 * dense[user] * size**-0.5, 1.0)
        liked = (dense[user] > 0).astype(float)
        left = factors.T @ np.diag(confidence) @ factors + 0.7 * np.eye(3)
        expected = np.linalg.solve(left, factors.T @ (confidence * liked))
        np.testing.assert_allclose(vectors[user], expected, rtol=1e-4, atol=1e-5)


def test_als_is_near_a_plain_loops_loss() -> None:
    interactions, _ = checkerboard()
    dense = interactions.toarray().astype(float)
    confidence = np.where(dense > 0, 4.0, 1.0)

    def loss(users: np.ndarray, keys: np.ndarray) -> float:
        return float((confidence * (dense - users @ keys.T) ** 2).sum() + (users**2).sum() + (keys**2).sum())

    def half(fixed: np.ndarray, weights: np.ndarray, liked: np.ndarray) -> np.ndarray:
        return np.array([
            np.linalg.solve(fixed.T @ np.diag(c) @ fixed + np.eye(2), fixed.T @ (c * p))
            for c, p in zip(weights, liked, strict=True)
        ])  # fmt: skip

    keys = np.random.default_rng(0).normal(0, 0.1, (24, 2))
    for _ in range(30):
        users = half(keys, confidence, dense)
        keys = half(users, confidence.T, dense.T)
    ranker = fit_als(interactions, AlsConfig(n_factors=2, regularisation=1.0, alpha=4, n_iterations=30))
    ours = loss(ranker.user_factors(UserBatch(interactions)).astype(float), ranker.factors.astype(float))
    assert ours == pytest.approx(loss(half(keys, confidence, dense), keys), rel=0.02)


def test_rp3beta_counts_walks() -> None:
    interactions = random_interactions(8, n_users=8, n_keys=5)
    weights = fit_rp3beta(interactions, Rp3betaConfig(alpha=0.9, beta=0.3)).weights.toarray()
    dense = interactions.toarray().astype(float)
    for key in range(4):
        for other in range(4):
            walks = sum(
                (dense[user, key] / dense[:, key].sum()) ** 0.9 * (dense[user, other] / dense[user].sum()) ** 0.9
                for user in range(7)
                if dense[user, key] and dense[user, other]
            )
            expected = 0.0 if key == other or not dense[:, other].any() else walks / dense[:, other].sum() ** 0.3
            assert weights[key, other] == pytest.approx(expected, rel=1e-5)


def test_kernel_ridge_by_its_definition() -> None:
    interactions = random_interactions(9)
    interactions = interactions[np.diff(interactions.indptr) > 0]
    ranker = fit_kernel(interactions, KernelConfig(sharpness=2.0, regularisation=0.5))
    dense = interactions.toarray().astype(float)
    units = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    similar = np.exp(2.0 * (units @ units.T - 1))
    expected = similar @ np.linalg.inv(similar + 0.5 * np.eye(len(dense))) @ dense
    np.testing.assert_allclose(ranker.scores(UserBatch(interactions))[:, :-1], expected[:, :-1], atol=1e-4)


def test_kernel_ridge_is_sklearns() -> None:
    interactions = random_interactions(23)
    interactions = interactions[np.diff(interactions.indptr) > 0]
    ranker = fit_kernel(interactions[5:], KernelConfig(sharpness=1.5, regularisation=0.7))
    dense = interactions.toarray().astype(float)
    units = dense / np.linalg.norm(dense, axis=1, keepdims=True)
    similar = np.exp(1.5 * (units @ units[5:].T - 1))
    model = KernelRidge(alpha=0.7, kernel="precomputed").fit(similar[5:], dense[5:])
    known = ranker.known
    found = ranker.scores(UserBatch(interactions))
    np.testing.assert_allclose(found[:, known], model.predict(similar)[:, known], atol=1e-4)


def test_hybrid_scores_as_lightfm_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    from lightfm import LightFM

    models = []
    fit = LightFM.fit
    monkeypatch.setattr(LightFM, "fit", lambda self, *args, **kw: (models.append(self), fit(self, *args, **kw))[1])
    interactions = random_interactions(10)
    key_features = sparse.csr_array(np.random.default_rng(0).random((12, 4)).astype(np.float32))
    profiles = sparse.csr_array(np.random.default_rng(1).random((30, 3)).astype(np.float32))
    ranker = fit_hybrid(interactions, HybridConfig(n_factors=4, n_epochs=3), key_features, profiles)
    users = UserBatch(interactions, profiles)
    narrow = sparse.csr_matrix(user_features(users, key_features, 3))
    narrow.indices, narrow.indptr = narrow.indices.astype(np.int32), narrow.indptr.astype(np.int32)
    wide = sparse.csr_matrix(key_features)
    wide.indices, wide.indptr = wide.indices.astype(np.int32), wide.indptr.astype(np.int32)
    rows, columns = (part.ravel().astype(np.int32) for part in np.meshgrid(range(30), range(12), indexing="ij"))
    expected = models[0].predict(rows, columns, item_features=wide, user_features=narrow).reshape(30, 12)
    np.testing.assert_allclose(ranker.scores(users), expected, rtol=1e-4, atol=1e-5)


def test_hybrid_ranks_keys_and_users_it_never_saw_by_features() -> None:
    interactions, _ = checkerboard()
    taste = sparse.csr_array(np.eye(2, dtype=np.float32)[np.arange(24) % 2])
    ranker = fit_hybrid(interactions, HybridConfig(n_factors=8, n_epochs=60), taste, taste)
    unseen = replace(ranker, key_features=taste[:2])
    newcomers = UserBatch(sparse.csr_array((2, 2), dtype=np.float32), taste[:2])
    assert unseen.scores(newcomers).argmax(axis=1).tolist() == [0, 1]


def test_a_drawn_part_of_long_histories_speaks_for_users_in_training() -> None:
    interactions = random_interactions(24)
    drawn = drawn_histories(interactions, 2, seed=3)
    assert np.diff(drawn.indptr).tolist() == np.minimum(np.diff(interactions.indptr), 2).tolist()
    assert drawn.multiply(interactions).nnz == drawn.nnz
    np.testing.assert_array_equal(drawn.toarray()[drawn.toarray() > 0], interactions.toarray()[drawn.toarray() > 0])
    whole = fit_hybrid(interactions, HybridConfig(n_factors=4, n_epochs=2))
    same = fit_hybrid(interactions, HybridConfig(n_factors=4, n_epochs=2, max_history=12))
    part = fit_hybrid(interactions, HybridConfig(n_factors=4, n_epochs=2, max_history=1))
    np.testing.assert_array_equal(same.key_embeddings, whole.key_embeddings)
    assert np.abs(part.key_embeddings - whole.key_embeddings).max() > 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_popularity_by_a_plain_loop_over_a_tree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    interactions = random_interactions(seed)
    parents = np.array([-1, 0, 0, 1, 1, 2])
    groups = rng.integers(-1, 6, interactions.shape[0])
    ranker = fit_popularity(interactions, PopularityConfig(prior_weight=3.0), groups, parents)
    dense = interactions.toarray().astype(float)

    def is_under(group: int, ancestor: int) -> bool:
        while group not in (-1, ancestor):
            group = parents[group]
        return group == ancestor

    def shares(group: int) -> np.ndarray:
        if group == -1:
            return dense.sum(axis=0) / dense.sum()
        counts = dense[[is_under(g, group) for g in groups]].sum(axis=0)
        return (counts + 3.0 * shares(parents[group])) / (counts.sum() + 3.0)

    expected = np.array([shares(group) for group in groups])
    np.testing.assert_allclose(ranker.scores(UserBatch(interactions, groups=groups)), expected, rtol=1e-5)


def test_popularity_backs_off_up_the_tree() -> None:
    interactions = sparse.csr_array(np.array([[4, 0, 0], [0, 2, 0], [0, 0, 2]], dtype=np.float32))
    groups, parents = np.array([0, 1, -1]), np.array([2, 2, -1])
    ranker = fit_popularity(interactions, PopularityConfig(prior_weight=2.0), groups, parents)
    overall = np.array([0.5, 0.25, 0.25])
    county = (np.array([4, 2, 0]) + 2 * overall) / 8
    np.testing.assert_allclose(ranker.shares, [
        (np.array([4, 0, 0]) + 2 * county) / 6, (np.array([0, 2, 0]) + 2 * county) / 4, county, overall,
    ], rtol=1e-6)  # fmt: skip
    users = UserBatch(interactions, groups=np.array([1, -1, 2]))
    np.testing.assert_allclose(ranker.scores(users), ranker.shares[[1, 3, 2]])


def test_a_blend_weighs_standardised_scores_and_survives_a_part_that_cannot_score() -> None:
    interactions = random_interactions(11)
    popular = fit_popularity(interactions, PopularityConfig())
    factors = fit_als(interactions, AlsConfig(n_factors=2))
    blend = BlendRanker((popular, factors), np.array([1.0, 3.0]))
    scores = blend.scores(UserBatch(interactions))
    outside = interactions[[0]].toarray()[0] == 0
    outside[-1] = False
    expected = np.zeros(12)
    for part, weight in ((popular, 0.25), (factors, 0.75)):
        own = part.scores(UserBatch(interactions[[0]]))[0].astype(float)
        counted = np.flatnonzero(interactions[[0]].toarray()[0] == 0) if part is popular else outside
        expected += weight * (own - own[counted].mean()) / own[counted].std()
    np.testing.assert_allclose(scores[0, :-1], expected[:-1], rtol=1e-3, atol=1e-4)
    assert isinstance(factors, FactorRanker)
    assert np.isfinite(scores[-1]).all()


@given(st.integers(0, 1_000))
@settings(max_examples=15, deadline=None)
def test_shuffled_users_change_nothing(seed: int) -> None:
    interactions = random_interactions(seed)
    order = np.random.default_rng(seed).permutation(interactions.shape[0])
    for fit, config in (
        (fit_ease, EaseConfig()),
        (fit_item_knn, ItemKnnConfig()),
        (fit_popularity, PopularityConfig()),
    ):
        first = fit(interactions, config).scores(UserBatch(interactions))
        second = fit(interactions[order], config).scores(UserBatch(interactions))
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


ORACLES = {
    fit_ease: (test_ease_is_a_ridge_of_each_key_on_the_others, test_ease_is_sklearns_ridge),
    fit_item_knn: (test_neighbours_by_shrunk_cosine, test_neighbours_are_sklearns),
    fit_slim: (test_slim_of_all_keys_is_sklearns_elastic_net, test_slim_is_at_the_elastic_nets_minimum),
    fit_als: (test_als_folds_in_as_implicit_itself, test_als_is_near_a_plain_loops_loss),
    fit_rp3beta: (test_rp3beta_counts_walks,),
    fit_kernel: (test_kernel_ridge_is_sklearns, test_kernel_ridge_by_its_definition),
    fit_hybrid: (test_hybrid_scores_as_lightfm_itself,),
    fit_popularity: (test_popularity_by_a_plain_loop_over_a_tree,),
    fit_selected: (test_a_blend_weighs_standardised_scores_and_survives_a_part_that_cannot_score,),
}
"""What each learner is held against; affinity: `tests/features/signals/learned/test_stage_one.py`."""


def test_no_learner_is_without_an_oracle() -> None:
    assert {name for name, learner in every_learner().items() if learner not in ORACLES} == set()
