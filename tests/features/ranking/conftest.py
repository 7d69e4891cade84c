"""One small place, its candidates and its fitted model, for all tests of ranking."""

import pytest

from features.signals.catalogue import Catalogue, catalogue_of
from recsys.dataset import Dataset
from tests.ranking_world import AT, ranking_world
from training.ranking.fit import RankingConfig, fit_ranking
from training.ranking.reranker import TreeConfig
from training.ranking.windows import WindowConfig


@pytest.fixture(scope="package")
def config() -> RankingConfig:
    return RankingConfig(
        windows=WindowConfig(n_windows=3, step_days=7),
        trees=TreeConfig(n_trees=15, min_leaf_pairs=5),
    )


@pytest.fixture(scope="package")
def whole() -> Dataset:
    """The place with what comes after `AT`."""
    return ranking_world(7, n_users=150, n_activities=60, n_bookings=2500)


@pytest.fixture(scope="package")
def known(whole) -> Dataset:
    return whole.known_at(AT)


@pytest.fixture(scope="package")
def catalogue(known) -> Catalogue:
    return catalogue_of(known, AT)


@pytest.fixture(scope="package")
def model(known, config):
    return fit_ranking(known, config)
