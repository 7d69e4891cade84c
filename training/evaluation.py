"""Every ranker and forecaster on several windows, which processes judge side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import pandas as pd

from recsys.cores import n_cores
from recsys.dataset import Dataset
from training.demand.config import DemandConfig
from training.demand.evaluate import demand_table, judged_forecasts
from training.ranking.evaluation_table import ranking_table
from training.ranking.fit import RankingConfig, judged_windows
from training.ranking.windows import WindowMemory

T = TypeVar("T")
Say = Callable[[str], None]
Table = Callable[[], pd.DataFrame]
"""Waits for the windows and gives the evaluation table."""


class Progress:
    """Says which of so many pieces of work is done."""

    def __init__(self, say: Say, n_pieces: int) -> None:
        self._say, self._n_pieces, self._n_done = say, n_pieces, 0
        self._counting = threading.Lock()  # Of two pieces that end at once each has its number.

    def follow(self, what: str, future: Future[T]) -> Future[T]:
        """Says it when the piece is done; nothing when it failed."""
        future.add_done_callback(partial(self._done, what))
        return future

    def _done(self, what: str, future: Future[T]) -> None:
        if not future.cancelled() and future.exception() is None:
            with self._counting:
                self._n_done += 1
                self._say(f"{self._n_done} of {self._n_pieces}: {what}")


@dataclass(frozen=True)
class Windows:
    """Windows of `window_days` after each cut-off, oldest first, and who judges them."""

    dataset: Dataset
    cut_offs: tuple[pd.Timestamp, ...]
    window_days: float
    executor: Executor
    progress: Progress

    def rankings(self, config: RankingConfig, k: int, memory: WindowMemory) -> Table:
        """Has every ranker judged, learned before each cut-off."""
        windows = judged_windows(self.dataset, self.cut_offs, self.window_days, k, config, memory, self.executor)
        judged = self._followed("ranking", windows)
        return lambda: ranking_table([one.result() for one in judged], k, config.seed)

    def forecasts(self, config: DemandConfig) -> Table:
        """Has every forecaster judged, learned before each cut-off."""
        windows = judged_forecasts(self.dataset, self.cut_offs, self.window_days, config, self.executor)
        judged = self._followed("demand", windows)
        return lambda: demand_table([one.result() for one in judged], config)

    def _followed(self, task: str, windows: Iterable[Future[T]]) -> list[Future[T]]:
        """Each followed before the next is asked for: an executor may be done with one when it is submitted."""
        what = f"{task} judged on the window from"
        days = [f"{cut_off.tz_convert(self.dataset.timezone):%Y-%m-%d %H:%M}" for cut_off in self.cut_offs]
        return [self.progress.follow(f"{what} {day}", future) for day, future in zip(days, windows, strict=True)]


def evaluation_table(*tables: pd.DataFrame) -> pd.DataFrame:
    """One table of several; with several windows the rows that pool them have `all` as their window."""
    # Empty parts have no types of their own.
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def one_share(config: RankingConfig, n_processes: int) -> RankingConfig:
    """The settings with a process's share of the cores; the result does not depend on it."""
    trees = config.trees
    n_threads = trees.n_threads if n_processes == 1 else min(trees.n_threads, max(n_cores() // n_processes, 1))
    return config.model_copy(update={"trees": trees.model_copy(update={"n_threads": n_threads})})


def count_of(windows: Sequence[object], name: str) -> str:
    """`1 window`, `3 windows`."""
    return f"{len(windows)} {name}{'s' * (len(windows) > 1)}"
