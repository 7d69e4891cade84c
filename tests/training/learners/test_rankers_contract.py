"""What every learner's ranker must keep, whatever it learns by."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy import sparse

from recsys.bundle import BundleWriter, load_bundle
from recsys.errors import DataError, FitError
from recsys.rankers.base import Ranker, UserBatch
from recsys.rankers.store import load_ranker
from recsys.ranking.top_k import top_k
from tests.training.learners.worlds import checkerboard, every_learner, random_interactions
from training.learners.als import AlsConfig, fit_als
from training.learners.ease import EaseConfig, fit_ease
from training.learners.hybrid import HybridConfig, fit_hybrid
from training.learners.item_knn import ItemKnnConfig, fit_item_knn
from training.learners.kernel import KernelConfig, fit_kernel
from training.learners.popularity import PopularityConfig, fit_popularity
from training.learners.rp3beta import Rp3betaConfig, fit_rp3beta
from training.learners.search import Selection, fit_selected
from training.learners.slim import SlimConfig, fit_slim


class RankerContract:
    """A subclass names the learner and its config; `personal` is false for one list for all."""

    learner: ClassVar[Any]
    config: ClassVar[Any]
    personal: ClassVar[bool] = True

    def fit(self, interactions: sparse.csr_array) -> Ranker:
        return type(self).learner(interactions, self.config)

    def test_finds_the_taste(self) -> None:
        interactions, held_out = checkerboard()
        scores = self.fit(interactions).scores(UserBatch(interactions))
        lists = top_k(scores, interactions.toarray() == 0, 1)
        found = (lists[:, 0] == held_out).mean()
        assert found == 1 if self.personal else found < 1

    def test_scores_strangers_to_training_from_their_history(self) -> None:
        interactions, held_out = checkerboard()
        ranker = self.fit(interactions[4:])
        scores = ranker.scores(UserBatch(interactions[:4]))
        lists = top_k(scores, interactions[:4].toarray() == 0, 1)
        assert (lists[:, 0] == held_out[:4]).all() == self.personal

    def test_the_same_twice(self) -> None:
        interactions = random_interactions(1)
        first, second = (self.fit(interactions).scores(UserBatch(interactions)) for _ in range(2))
        np.testing.assert_array_equal(first, second)

    def test_some_keys_as_among_all(self) -> None:
        interactions = random_interactions(2)
        ranker = self.fit(interactions)
        nums = np.array([7, 0, 3])
        users = UserBatch(interactions)
        np.testing.assert_allclose(ranker.scores(users, nums), ranker.scores(users)[:, nums], rtol=1e-4, atol=1e-6)

    def test_users_one_by_one_as_together(self) -> None:
        interactions = random_interactions(3)
        ranker = self.fit(interactions)
        users = UserBatch(interactions)
        alone = np.vstack([ranker.scores(block) for _, block in users.blocks(1)])
        np.testing.assert_allclose(alone, ranker.scores(users), rtol=1e-4, atol=1e-5)

    def test_without_history_it_cannot_score(self) -> None:
        interactions = random_interactions(4)
        scores = self.fit(interactions).scores(UserBatch(interactions))
        assert np.isnan(scores[-1]).all() == self.personal
        assert np.isfinite(scores[0, :-1]).all() == bool(interactions[[0]].nnz or not self.personal)

    def test_back_from_a_bundle(self, tmp_path: Path) -> None:
        interactions = random_interactions(5)
        ranker = self.fit(interactions)
        with BundleWriter(tmp_path / "bundle", {}) as writer:
            ranker.save(writer, "ranking/part")
        again = load_ranker(load_bundle(tmp_path / "bundle"), "ranking/part")
        users = UserBatch(interactions)
        np.testing.assert_array_equal(again.scores(users), ranker.scores(users))

    def test_other_keys_are_refused(self) -> None:
        ranker = self.fit(random_interactions(6))
        with pytest.raises(DataError, match="ranker knows 12"):
            ranker.scores(UserBatch(random_interactions(6, n_keys=13)))

    def test_nothing_to_learn_from(self) -> None:
        with pytest.raises(FitError, match="no interaction among 3 users and 4 keys"):
            self.fit(sparse.csr_array((3, 4), dtype=np.float32))

    def test_one_pair(self) -> None:
        interactions = sparse.csr_array(np.array([[0, 1], [0, 0]], dtype=np.float32))
        scores = self.fit(interactions).scores(UserBatch(interactions))
        assert scores.shape == (2, 2)

    def test_bad_weights_are_refused(self) -> None:
        with pytest.raises(FitError, match="not finite"):
            self.fit(sparse.csr_array(np.array([[np.nan, 1.0]], dtype=np.float32)))

    def test_input_is_left_alone(self) -> None:
        interactions = random_interactions(7)
        before = interactions.copy()
        self.fit(interactions).scores(UserBatch(interactions))
        np.testing.assert_array_equal(interactions.toarray(), before.toarray())


class TestPopularity(RankerContract):
    learner, config, personal = fit_popularity, PopularityConfig(), False


class TestItemKnn(RankerContract):
    learner, config = fit_item_knn, ItemKnnConfig()


class TestRp3beta(RankerContract):
    learner, config = fit_rp3beta, Rp3betaConfig()


class TestSlim(RankerContract):
    learner, config = fit_slim, SlimConfig(l1=0.1, l2=1.0)


class TestEase(RankerContract):
    learner, config = fit_ease, EaseConfig(regularisation=1.0)


class TestRidge(RankerContract):
    learner, config = fit_ease, EaseConfig(regularisation=1.0, dropout=0.3, user_power=0.5, key_power=0.2)


class TestAls(RankerContract):
    learner, config = fit_als, AlsConfig(n_factors=4, regularisation=0.5, user_power=0.25)


class TestKernel(RankerContract):
    learner, config = fit_kernel, KernelConfig()


class TestKernelOfSomeAnchors(RankerContract):
    learner, config = fit_kernel, KernelConfig(max_anchors=12, regularisation=0.1)


class TestHybrid(RankerContract):
    learner, config = fit_hybrid, HybridConfig(n_factors=8, n_epochs=40)


SELECTION = Selection(
    {"ease": EaseConfig(regularisation=1), "item-knn": ItemKnnConfig()}, {}, {"ease": 1.0, "item-knn": 0.5}
)


class TestSelectedBlend(RankerContract):
    learner, config = fit_selected, SELECTION


def test_every_learner_keeps_the_contract() -> None:
    kept = {contract.__dict__["learner"] for contract in RankerContract.__subclasses__()}
    assert {name for name, learner in every_learner().items() if learner not in kept} == set()


def test_every_kind_of_ranker_is_read_back() -> None:
    kinds = {type(contract().fit(random_interactions(8))).kind for contract in RankerContract.__subclasses__()}
    assert kinds == {"blend", "factor", "hybrid", "item-item", "kernel", "popularity"}
