"""Learners whose settings are searched, where each search starts and what it moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from scipy import sparse

from recsys.errors import FitError
from recsys.rankers.base import Ranker
from training.learners.als import AlsConfig, fit_als
from training.learners.ease import EaseConfig, fit_ease
from training.learners.hybrid import HybridConfig, fit_hybrid
from training.learners.item_knn import ItemKnnConfig, fit_item_knn
from training.learners.kernel import KernelConfig, fit_kernel
from training.learners.popularity import PopularityConfig, fit_popularity
from training.learners.rp3beta import Rp3betaConfig, fit_rp3beta
from training.learners.slim import SlimConfig, fit_slim


@dataclass(frozen=True)
class Move:
    """A setting to climb on: multiplied by `factor`, or moved by `step`, within [low, high]."""

    field: str
    factor: float = 1.0
    step: float = 0.0
    low: float = 0.0
    high: float = float("inf")

    def of(self, config: BaseModel, direction: int) -> BaseModel | None:
        """The neighbouring config, or None at the border."""
        now = getattr(config, self.field)
        moved = now * self.factor**direction + self.step * direction
        if not self.low <= moved <= self.high:
            return None
        return config.model_copy(update={self.field: round(moved) if isinstance(now, int) else round(moved, 6)})


@dataclass(frozen=True)
class Family:
    """A learner, where the search for its settings starts, and the settings that are moved, in order.

    Attributes:
        max_pairs: Interactions above which it is left out for the time it would take; None for any number.
    """

    name: str
    fit: Callable[[sparse.csr_array, Any], Ranker]
    start: BaseModel
    moves: tuple[Move, ...] = ()
    in_blend: bool = True
    max_pairs: int | None = None

    def check_size(self, interactions: sparse.csr_array) -> None:
        """Refuses more interactions than `max_pairs`.

        Raises:
            FitError: it would take too long.
        """
        if self.max_pairs is not None and interactions.nnz > self.max_pairs:
            raise FitError(f"left out: {interactions.nnz} pairs, more than {self.max_pairs}, would take it too long")


FAMILIES = (
    Family("popularity", fit_popularity, PopularityConfig()),
    Family(
        "item-knn", fit_item_knn, ItemKnnConfig(),
        (Move("n_neighbours", factor=2.0, low=5, high=400),),
    ),
    Family(
        "rp3beta", fit_rp3beta, Rp3betaConfig(),
        (Move("beta", step=0.1, high=1.0), Move("alpha", step=0.2, low=0.4, high=1.6)),
    ),
    Family(
        "slim", fit_slim, SlimConfig(n_neighbours=100, l1=1.5),
        (
            Move("l2", factor=3.0, low=0.5, high=3_000), Move("l1", factor=2.0, low=0.05, high=50),
            Move("n_neighbours", factor=2.0, low=25, high=400),
        ),
    ),
    Family(
        "ease", fit_ease, EaseConfig(regularisation=400), (Move("regularisation", factor=1.5, low=1),), in_blend=False
    ),
    Family(
        "ridge", fit_ease, EaseConfig(regularisation=45, key_power=0.2),
        (
            Move("regularisation", factor=1.5, low=0.01), Move("user_power", step=0.2, high=0.8),
            Move("dropout", step=0.2, high=0.8), Move("regularisation", factor=1.5, low=0.01),
        ),
    ),
    Family(
        "als", fit_als, AlsConfig(n_factors=128, regularisation=30, alpha=4, user_power=0.25),
        (
            Move("regularisation", factor=1.5, low=0.01), Move("alpha", factor=1.5, low=1.01),
            Move("user_power", step=0.25, high=1.0), Move("regularisation", factor=1.25, low=0.01),
            Move("n_factors", factor=2.0, low=32, high=512),
        ),
    ),
    Family(
        "kernel", fit_kernel, KernelConfig(),
        (Move("regularisation", factor=1.8, low=0.01), Move("sharpness", factor=2.0, low=0.1, high=20)),
    ),
    Family(
        "hybrid", fit_hybrid, HybridConfig(n_factors=32, n_epochs=20, max_sampled=30, max_history=32),
        (Move("n_epochs", factor=2.0, low=5, high=160),), max_pairs=3_000_000,
    ),
)  # fmt: skip
