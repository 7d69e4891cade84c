"""Settings and blend of learners chosen on a part of the training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy import sparse

from recsys.errors import FitError
from recsys.metrics import ndcg_at_k
from recsys.rankers.base import Ranker, Scores, UserBatch
from recsys.rankers.blend import BlendRanker, outside_history, standardised
from recsys.ranking import top_k
from training.learners.als import AlsConfig, fit_als
from training.learners.ease import EaseConfig, fit_ease
from training.learners.item_knn import ItemKnnConfig, fit_item_knn
from training.learners.kernel import KernelConfig, fit_kernel
from training.learners.popularity import PopularityConfig, fit_popularity
from training.learners.rp3beta import Rp3betaConfig, fit_rp3beta
from training.learners.slim import SlimConfig, fit_slim

CUT = 10
HELD_SHARE = 0.2
SCORES_KEPT = 40_000_000
SAMPLE = 2_000
LAST_RESORT = 1e-3
GAIN = 3e-4
WEIGHTS = (-0.3, -0.1, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5)


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
    """A learner, where the search for its settings starts, and the settings that are moved, in order."""

    name: str
    fit: Callable[[sparse.csr_array, Any], Ranker]
    start: BaseModel
    moves: tuple[Move, ...] = ()
    in_blend: bool = True


FAMILIES = (
    Family("popularity", fit_popularity, PopularityConfig()),
    Family(
        "item-knn", fit_item_knn, ItemKnnConfig(),
        (Move("n_neighbours", factor=2.0, low=5, high=400),),
    ),
    Family(
        "rp3beta", fit_rp3beta, Rp3betaConfig(),
        (Move("beta", step=0.1, high=1.0), Move("alpha", step=0.2, low=0.4, high=1.6)), in_blend=False,
    ),
    Family("slim", fit_slim, SlimConfig(n_neighbours=100, l1=1.5)),
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
        ),
    ),
    Family(
        "kernel", fit_kernel, KernelConfig(),
        (Move("regularisation", factor=1.8, low=0.01), Move("sharpness", factor=2.0, low=0.1, high=20)),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class InnerSplit:
    """A fifth of each history held out: learners fit on `kept`, and are judged on `held` of some users."""

    kept: sparse.csr_array
    users: UserBatch
    held: sparse.csr_array

    def score(self, ranker: Ranker) -> Scores:
        """Scores of the judged users."""
        return ranker.scores(self.users)

    def ndcg(self, scores: Scores) -> float:
        """Mean nDCG@10 over the judged users; 0 where nothing is judged."""
        lists = top_k(scores, outside_history(self.users), CUT)
        hits = (lists >= 0) & np.take_along_axis(self.held.toarray() > 0, np.maximum(lists, 0), axis=1)
        values = ndcg_at_k(hits, np.diff(self.held.indptr).astype(np.int64))
        return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0


def inner_split(interactions: sparse.csr_array, rng: np.random.Generator) -> InnerSplit:
    """The split; users of fewer than two keys keep all they have and are not judged."""
    matrix = sparse.csr_array(interactions)
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    order = np.lexsort((rng.random(matrix.nnz), rows))
    place = np.arange(matrix.nnz) - matrix.indptr[rows]
    sizes = np.diff(matrix.indptr)[rows]
    n_held = np.where(sizes >= 2, np.maximum(np.rint(HELD_SHARE * sizes), 1), 0)
    held = np.zeros(matrix.nnz, dtype=bool)
    held[order] = place < n_held
    coordinates = (rows, matrix.indices)
    kept_matrix, held_matrix = (
        sparse.csr_array((matrix.data[part], (coordinates[0][part], coordinates[1][part])), shape=matrix.shape)
        for part in (~held, held)
    )
    judged = np.flatnonzero(np.diff(held_matrix.indptr) > 0)
    n_judged = min(len(judged), SAMPLE, max(200, SCORES_KEPT // (len(FAMILIES) * matrix.shape[1])))
    judged = np.sort(rng.choice(judged, n_judged, replace=False))
    return InnerSplit(kept_matrix, UserBatch(kept_matrix[judged]), held_matrix[judged])


@dataclass(frozen=True)
class Selection:
    """What the inner split chose: settings, nDCG@10 there, and the parts' weights in the blend."""

    configs: dict[str, BaseModel]
    validation: dict[str, float]
    weights: dict[str, float]


def select(
    interactions: sparse.csr_array, rng: np.random.Generator, families: Sequence[Family] = FAMILIES
) -> Selection:
    """Settings of each family by hill climbing, then blend weights by coordinate ascent, all on one inner split.

    A family that cannot learn from these data is left out; popularity keeps a small weight for users without a history.

    Raises:
        FitError: no family can learn.
    """
    split = inner_split(interactions, rng)
    configs: dict[str, BaseModel] = {}
    validation: dict[str, float] = {}
    kept: dict[str, Scores] = {}
    for family in families:
        try:
            configs[family.name], validation[family.name], scores = climb(family, split)
        except FitError:
            continue
        if family.in_blend:
            kept[family.name] = standardised(scores, outside_history(split.users))
    if not configs:
        raise FitError(f"none of {', '.join(family.name for family in families)} can learn from these interactions")
    weights, validation["blend"] = blend_weights(kept, validation, split)
    if "popularity" in kept and not weights.get("popularity"):
        weights["popularity"] = LAST_RESORT
    return Selection(configs, validation, weights)


def climb(family: Family, split: InnerSplit) -> tuple[BaseModel, float, Scores]:
    """Best config found, its nDCG@10 and its scores: each setting is moved as long as it helps."""

    def tried(config: BaseModel) -> tuple[float, Scores]:
        scores = split.score(family.fit(split.kept, config))
        return split.ndcg(scores), scores

    best = family.start
    value, scores = tried(best)
    for move in family.moves:
        for direction in (1, -1):
            moved = False
            while (neighbour := move.of(best, direction)) is not None:
                found, found_scores = tried(neighbour)
                if found <= value + GAIN:
                    break
                best, value, scores, moved = neighbour, found, found_scores, True
            if moved:
                break
    return best, value, scores


def blend_weights(
    parts: dict[str, Scores], validation: dict[str, float], split: InnerSplit
) -> tuple[dict[str, float], float]:
    """Weights of the parts and the blend's nDCG@10: from the best part alone or the best three alike, by ascent.

    A weight moves only where it helps by more than `GAIN`: smaller differences are noise of the split.
    """
    scores = {name: np.nan_to_num(part) for name, part in parts.items()}
    order = sorted(parts, key=lambda name: -validation[name])
    starts = {n_best: sum((scores[name] for name in order[1:n_best]), scores[order[0]]) for n_best in (1, 3)}
    values = {n_best: split.ndcg(start) for n_best, start in starts.items()}
    n_best = max(values, key=lambda number: (values[number], number))
    best = values[n_best]
    weights = {name: float(number < n_best) for number, name in enumerate(order)}
    for _ in range(2):
        before = dict(weights)
        for name in order:
            rest = np.zeros_like(scores[name])
            for other in order:
                if other != name and weights[other]:
                    rest += np.float32(weights[other]) * scores[other]
            for weight in WEIGHTS:
                if weight == weights[name] or not (weight or rest.any()):
                    continue
                value = split.ndcg(rest + np.float32(weight) * scores[name])
                if value > best + GAIN:
                    best, weights[name] = value, weight
        if weights == before:
            break
    return {name: weight for name, weight in weights.items() if weight}, best


def fit_selected(
    interactions: sparse.csr_array, selection: Selection, families: Sequence[Family] = FAMILIES
) -> BlendRanker:
    """The chosen blend, learned from all interactions.

    Raises:
        FitError: a part cannot learn.
    """
    parts = {family.name: family for family in families if family.name in selection.weights}
    return BlendRanker(
        tuple(family.fit(interactions, selection.configs[name]) for name, family in parts.items()),
        np.array([selection.weights[name] for name in parts], dtype=np.float64),
    )


def scored_lists(ranker: Ranker, users: UserBatch, k: int, n_users: int = 1_000) -> NDArray[np.int64]:
    """(n_users, k) key numbers outside each user's history, best first, -1 where a list has ended."""
    lists = np.empty((users.n_users, k), dtype=np.int64)
    for place, block in users.blocks(n_users):
        lists[place] = top_k(ranker.scores(block), outside_history(block), k)
    return lists
