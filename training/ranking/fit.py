"""Learning to rank: candidate rankers now, and the re-ranker on past windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import TypeVar

import pandas as pd
from pydantic import BaseModel, Field

from features.ranking.lists import RankingModel
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.learned.learners import Learners, learner_histories
from features.signals.people import user_block
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.errors import FitError
from recsys.ids import IdMap
from recsys.rankers.base import Ranker
from training.learners.als import AlsConfig, fit_als
from training.learners.ease import EaseConfig, fit_ease
from training.learners.item_knn import ItemKnnConfig, fit_item_knn
from training.ranking.contenders import ContenderConfig
from training.ranking.evaluation import JudgedLists, OutsideLearner, judge_lists
from training.ranking.evaluation_table import ranking_table
from training.ranking.pull import PullConfig, fit_pull
from training.ranking.reranker import TreeConfig, fit_re_ranker
from training.ranking.taste import TasteConfig, fit_tastes
from training.ranking.windows import WindowConfig, WindowMemory, WindowPairs, cut_offs
from training.ranking.wishes import WishConfig, fit_wishes
from training.workers import Here

T = TypeVar("T")


class RankingConfig(Closed):
    """Settings of ranking."""

    ease: EaseConfig = EaseConfig(regularisation=20.0)
    item_knn: ItemKnnConfig = ItemKnnConfig()
    als: AlsConfig = AlsConfig(n_factors=32, n_iterations=8)
    taste: TasteConfig = TasteConfig()
    wishes: WishConfig = WishConfig()
    pull: PullConfig = PullConfig()
    windows: WindowConfig = WindowConfig()
    trees: TreeConfig = TreeConfig()
    contenders: ContenderConfig = ContenderConfig()
    seed: int = Field(default=0, ge=0, description="seed of every random draw in learning and evaluation")

    @property
    def of_learners(self) -> tuple[BaseModel, ...]:
        """What `fit_learners` goes by besides the seed."""
        return (self.ease, self.item_knn, self.als, self.taste, self.wishes, self.pull)


def fit_ranking(
    dataset: Dataset, config: RankingConfig | None = None, memory: WindowMemory | None = None
) -> RankingModel:
    """Learns from everything the data set knows.

    Args:
        dataset: What is known.
        config: Settings.
        memory: Past windows that other fits have computed; what this one computes is added.
    """
    config = config or RankingConfig()
    memory = WindowMemory() if memory is None else memory
    return ranking_of_windows(dataset, config, _results(windows_before(dataset, config, memory, Here())))


def windows_before(
    dataset: Dataset, config: RankingConfig, memory: WindowMemory, executor: Executor
) -> list[Future[WindowPairs | None]]:
    """Pairs of the past windows that the re-ranker learns from, newest first."""
    learn = partial(fit_learners, config=config)
    return [
        memory.submit(executor, dataset, time, config.windows, learn, config.of_learners, config.seed)
        for time in cut_offs(dataset, config.windows)
    ]


def ranking_of_windows(dataset: Dataset, config: RankingConfig, windows: Sequence[WindowPairs | None]) -> RankingModel:
    """Learns from everything the data set knows, and from these past windows in which order people booked."""
    learners = fit_learners(dataset, catalogue_of(dataset, dataset.data_until), config)
    found = [window for window in windows if window is not None]
    return RankingModel(learners, dataset.data_until, fit_re_ranker(found, config.trees, config.seed))


def fit_learners(dataset: Dataset, catalogue: Catalogue, config: RankingConfig, only: str | None = None) -> Learners:
    """Matrix learners, tastes and wishes on what the data set knows; none where there is too little to learn from.

    Args:
        dataset: What is known.
        catalogue: At the same instant.
        config: Settings.
        only: Name of the one matrix learner that is wanted; None for all, tastes and wishes.
    """
    keys = IdMap(catalogue.lookup.keys[LEARNER_LEVEL].ids, LEARNER_LEVEL)
    block = user_block(
        catalogue, dataset.users, dataset.bookings, dataset.feedback, dataset.sessions, dataset.removed_tags
    )
    histories = learner_histories(catalogue, block, keys)
    makers: dict[str, Callable[[], Ranker]] = {
        "ease": lambda: fit_ease(histories.of("ease"), config.ease),
        "item-knn": lambda: fit_item_knn(histories.of("item-knn"), config.item_knn),
        "als": lambda: fit_als(histories.of("als"), config.als),
    }
    rankers: dict[str, Ranker] = {}
    for name, make in makers.items():
        if only not in (None, name):
            continue
        try:
            rankers[name] = make()
        except FitError:
            continue
    if only is not None:
        return Learners(keys, rankers)
    tastes = fit_tastes(block, catalogue, config.taste, config.seed)
    wishes = fit_wishes(block, catalogue, config.wishes, config.seed)
    return Learners(keys, rankers, tastes, wishes, fit_pull(block, catalogue, wishes, config.pull))


def evaluate_ranking(
    dataset: Dataset,
    cut_off: pd.Timestamp | Sequence[pd.Timestamp],
    window_days: float,
    k: int = 10,
    config: RankingConfig | None = None,
    memory: WindowMemory | None = None,
    outside: OutsideLearner | None = None,
) -> pd.DataFrame:
    """Every ranker, learned before each cut-off, on the window [cut_off, cut_off + window_days).

    A ranker that cannot score a user gives no list and counts 0 there; the metric `share listed` says how many it lists
    for.

    Returns:
        The evaluation table: `task, model, role, segment, metric, window, mean, low, high, n`.
    """
    config = config or RankingConfig()
    memory = WindowMemory() if memory is None else memory
    times = [cut_off] if isinstance(cut_off, pd.Timestamp) else cut_off
    windows = judged_windows(dataset, times, window_days, k, config, memory, Here(), outside)
    return ranking_table(_results(windows), k, config.seed)


def judged_windows(
    dataset: Dataset,
    cut_offs: Sequence[pd.Timestamp],
    window_days: float,
    k: int,
    config: RankingConfig,
    memory: WindowMemory,
    executor: Executor,
    outside: OutsideLearner | None = None,
) -> Iterator[Future[JudgedLists]]:
    """Every ranker's lists on the window after each cut-off, each submitted when it is asked for."""
    before = [windows_before(dataset.known_at(one), config, memory, executor) for one in cut_offs]
    for one, windows in zip(cut_offs, before, strict=True):
        yield executor.submit(_judged_window, dataset, one, window_days, k, config, _results(windows), outside)


def _judged_window(
    dataset: Dataset,
    cut_off: pd.Timestamp,
    window_days: float,
    k: int,
    config: RankingConfig,
    windows: Sequence[WindowPairs | None],
    outside: OutsideLearner | None,
) -> JudgedLists:
    known = dataset.known_at(cut_off)
    model = ranking_of_windows(known, config, windows)
    return judge_lists(model, dataset, known, cut_off, window_days, k, config.contenders, outside)


def _results(futures: Iterable[Future[T]]) -> list[T]:
    return [future.result() for future in futures]
