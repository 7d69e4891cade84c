"""What every search for a plan has that may be ended at any time: the best so far, a bound on all, the time left."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.greedy import assign


class AnytimeSearch:
    """A search for the best plan of an instance, as far as it has come.

    Attributes:
        instance: What to choose from.
        began: When the search began, by `time.perf_counter`.
        seconds: Time after which it ends.
        gap: Relative distance of plan and bound at which it ends.
        pool: Where blocks are solved side by side.
        most: (n_categories, n_venues) most classes of an opening.
        bound: No plan is worth more.
        best: What the best plan so far is worth, and its classes.
    """

    def __init__(self, instance: PlacementInstance, seconds: float, gap: float, pool: ThreadPoolExecutor) -> None:
        self.instance = instance
        self.began = time.perf_counter()
        self.seconds = seconds
        self.gap = gap
        self.pool = pool
        self.most = instance.most_classes()
        self.bound = np.inf
        self.best: tuple[float, NDArray[np.int64]] = (-np.inf, np.zeros_like(self.most))

    def left(self) -> float:
        """Seconds left."""
        return self.seconds - (time.perf_counter() - self.began)

    def _try(self, classes: NDArray[np.int64]) -> None:
        """Keeps a plan that is better than the best so far; what it falls short of floors counts against it."""
        _, value, short = assign(self.instance, classes)
        if value - short > self.best[0]:
            self.best = (value - short, classes.copy())
