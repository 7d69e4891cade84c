"""What ranking learned, as it lies in a bundle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count, takewhile

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.signals.candidates.crowd import Signals
from features.signals.known.lookup import LEARNER_LEVEL
from features.signals.learned.learners import Learners
from features.signals.learned.pull import load_pull
from features.signals.learned.taste import TASTE_FEATURES
from features.signals.learned.wishes import load_wishes
from recsys.bundle import BundleWriter, ModelBundle
from recsys.ids import IdMap
from recsys.rankers.store import load_ranker
from recsys.tree_dumps import bit_trees
from recsys.trees import BitTrees

MANY_PAIRS = 1500
"""From so many pairs on trees as bits are faster than LightGBM's walk from node to node."""


EXPECTED = "expected"
"""Signal that counts beside the trees: log of a pair's expected bookings, see `features.signals.learned.pulled`."""

ATTENDANCE = "own_organiser_expected"
"""Another: the attendance that is expected of a pair by all that its organiser held, see `features.signals.own`."""

_UNWANTED = -12.0
"""`EXPECTED` where it is not known: nobody is known to want the key."""

_LEAST_ATTENDANCE, _STRANGERS = 0.02, 0.1
"""What `ATTENDANCE` is at least; and for who never came to the organiser: trees set these against all others."""


def _log_bookings(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.nan_to_num(values, nan=_UNWANTED)


def _log_attendance(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.log(np.clip(np.nan_to_num(values, nan=_STRANGERS), _LEAST_ATTENDANCE, 1.0)))


BESIDE: Mapping[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    EXPECTED: _log_bookings,
    ATTENDANCE: _log_attendance,
}
"""Signals that count beside the trees by weights that are learned: each tells more than the trees can from few hits.

With each the logarithm of what it expects, a value where that is not known.
"""


@dataclass(frozen=True)
class ReRanker:
    """Tree models over signals of pairs, and what is expected of a pair; a score is brought between 0 and 1.

    Attributes:
        boosters: Models of several kinds and seeds: how each was drawn matters less in their mean.
        signal_names: Signals in the order of the trees' columns; one that a catalogue lacks is NaN.
        beside: What signals of `BESIDE` count beside the trees' mean.
    """

    boosters: tuple[lgb.Booster, ...]
    signal_names: tuple[str, ...]
    beside: Mapping[str, float] = field(default_factory=dict)

    def predict(self, signals: Signals, n_pairs: int) -> NDArray[np.float64]:
        """(n_pairs,) scores, the same to the last bit for few pairs and for many."""
        scores = self.tree_scores(signals, n_pairs)
        for name, weight in self.beside.items():
            if weight and name in signals:
                scores = scores + weight * log_expected(signals, name)
        return np.asarray(expit(scores), dtype=np.float64)

    def tree_scores(self, signals: Signals, n_pairs: int) -> NDArray[np.float64]:
        """(n_pairs,) mean of the trees, on the scale of log odds."""
        unknown = np.full(n_pairs, np.nan, dtype=np.float32)
        columns = [signals.get(name, unknown).astype(np.float32, copy=False) for name in self.signal_names]
        if n_pairs < MANY_PAIRS:
            values = np.column_stack(columns)
            scores = np.array([booster.predict(values, num_threads=1, raw_score=True) for booster in self.boosters])
        else:
            scores = self._bit_trees.scores(columns)
        return np.asarray(scores.mean(axis=0), dtype=np.float64)

    @cached_property
    def _bit_trees(self) -> BitTrees:
        return bit_trees([booster.dump_model() for booster in self.boosters])


def log_expected(signals: Signals, name: str) -> NDArray[np.float64]:
    """(n_pairs,) logarithm of what a signal of `BESIDE` expects."""
    return BESIDE[name](signals[name].astype(np.float64))


@dataclass(frozen=True)
class RankingModel:
    """What ranking learned.

    Attributes:
        learners: Candidate rankers.
        data_until: First instant not used in learning.
        re_ranker: The second stage; None where there was too little to learn from.
    """

    learners: Learners
    data_until: pd.Timestamp
    re_ranker: ReRanker | None = None

    def save(self, writer: BundleWriter) -> None:
        """Adds the model to a bundle under `ranking/`."""
        writer.json(
            "ranking/model",
            {
                "data_until": self.data_until.isoformat(),
                "rankers": sorted(self.learners.rankers),
                "has_pull": self.learners.pull is not None,
                "has_wishes": self.learners.wishes is not None,
                "keys": self.learners.keys.ids.tolist(),
                "tastes": {
                    level: dict(zip(TASTE_FEATURES, weights.tolist(), strict=True))
                    for level, weights in self.learners.tastes.items()
                },
            },
        )
        for name, ranker in self.learners.rankers.items():
            ranker.save(writer, f"ranking/{name}")
        if self.learners.wishes is not None:
            self.learners.wishes.save(writer, "ranking/wishes")
        if self.learners.pull is not None:
            self.learners.pull.save(writer, "ranking/pull")
        if self.re_ranker is not None:
            for num, booster in enumerate(self.re_ranker.boosters):
                writer.text(f"ranking/trees/{num}", booster.model_to_string(), ".txt")
            second = {"signals": self.re_ranker.signal_names, "beside": dict(self.re_ranker.beside)}
            writer.json("ranking/second", second)


def load_ranking(bundle: ModelBundle) -> RankingModel:
    """The model that `RankingModel.save` wrote."""
    model = bundle.json("ranking/model")
    rankers = {name: load_ranker(bundle, f"ranking/{name}") for name in model["rankers"]}
    trees = None
    texts = [bundle.text(name) for name in takewhile(bundle.__contains__, (f"ranking/trees/{i}" for i in count()))]
    if texts:
        boosters = tuple(lgb.Booster(model_str=text) for text in texts)
        second = bundle.json("ranking/second")
        trees = ReRanker(boosters, tuple(second["signals"]), second["beside"])
    keys = IdMap.of(model["keys"], LEARNER_LEVEL)
    tastes = {level: np.array([of[name] for name in TASTE_FEATURES]) for level, of in model["tastes"].items()}
    wishes = load_wishes(bundle, "ranking/wishes") if model["has_wishes"] else None
    pull = load_pull(bundle, "ranking/pull") if model["has_pull"] else None
    return RankingModel(Learners(keys, rankers, tastes, wishes, pull), pd.Timestamp(model["data_until"]), trees)
