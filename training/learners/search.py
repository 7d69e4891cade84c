"""Settings and blend of learners chosen on a part of the training data."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from scipy import sparse

from recsys.errors import FitError
from recsys.rankers.base import Ranker, Scores, UserBatch
from recsys.rankers.blend import BlendRanker, outside_history, standardised
from recsys.ranking.top_k import top_k
from training.learners.families import FAMILIES, Family
from training.learners.inner_splits import InnerSplits, inner_splits

LAST_RESORT = 1e-3
GAIN = 3e-4
WEIGHTS = (-0.3, -0.1, 0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5)


@dataclass(frozen=True)
class Selection:
    """What the inner splits chose: settings, nDCG@10 there, and the parts' weights in the blend.

    Attributes:
        cut_short: Families whose settings would have been moved further, had there been time.
    """

    configs: dict[str, BaseModel]
    validation: dict[str, float]
    weights: dict[str, float]
    cut_short: tuple[str, ...] = ()


def nobody_hears(_: str) -> None:
    """For a search that tells nobody how far it is."""


@dataclass(frozen=True)
class Budget:
    """How long a search may move settings, and who is told how far it is.

    Attributes:
        seconds: Of the clock. Each family is tried where it starts, whatever that takes.
        tell: Called with a line for every family.
    """

    seconds: float = float("inf")
    tell: Callable[[str], None] = nobody_hears


def select(
    interactions: sparse.csr_array,
    rng: np.random.Generator,
    families: Sequence[Family] = FAMILIES,
    budget: Budget | None = None,
) -> Selection:
    """Settings of each family by hill climbing, then blend weights by coordinate ascent, all on the same inner splits.

    A family that cannot learn from these data is left out; popularity keeps a small weight for users without a history.

    Args:
        interactions: Weights >= 0 of shape (n_users, n_keys).
        rng: Draws the splits.
        families: What is tried.
        budget: Its seconds are divided evenly among the families that are left, so what one does not use is the next's.

    Raises:
        FitError: no family can learn.
    """
    budget = budget or Budget()
    started = time.monotonic()
    splits = inner_splits(interactions, rng, sum(family.in_blend for family in families))
    configs: dict[str, BaseModel] = {}
    validation: dict[str, float] = {}
    kept: dict[str, Scores] = {}
    cut_short: list[str] = []
    for number, family in enumerate(families):
        now = time.monotonic()
        left = max(budget.seconds - (now - started), 0.0)
        try:
            family.check_size(interactions)
            found = climb(family, splits, now + left / (len(families) - number))
        except FitError as error:
            budget.tell(f"{family.name}: {error}")
            continue
        configs[family.name], validation[family.name] = found.config, found.ndcg
        cut_short += [family.name] * found.is_cut_short
        budget.tell(f"{family.name}: {found.told()}")
        if family.in_blend:
            kept[family.name] = standardised(found.scores, splits.outside)
    if not configs:
        raise FitError(f"none of {', '.join(family.name for family in families)} can learn from these interactions")
    weights, validation["blend"] = blend_weights(kept, validation, splits)
    if "popularity" in kept and not weights.get("popularity"):
        weights["popularity"] = LAST_RESORT
    budget.tell(f"blend: {validation['blend']:.4f} on held-out pairs")
    return Selection(configs, validation, weights, tuple(cut_short))


@dataclass(frozen=True)
class Climbed:
    """Where a climb ended: the config, its nDCG@10 and scores, and whether it ended for want of time."""

    config: BaseModel
    ndcg: float
    scores: Scores
    n_fits: int
    is_cut_short: bool

    def told(self) -> str:
        """For people."""
        end = ", cut short: no time to move its settings further" if self.is_cut_short else ""
        return f"{self.ndcg:.4f} on held-out pairs, {self.n_fits} fits{end}"


def climb(family: Family, splits: InnerSplits, until: float = float("inf")) -> Climbed:
    """Moves each setting as long as it helps, and no further than time allows.

    Args:
        family: The learner and its moves.
        splits: What configs are judged on.
        until: Reading of the monotonic clock; a fit that would likely end later is not begun.
    """
    n_fits, longest = 0, 0.0

    def tried(config: BaseModel) -> tuple[float, Scores]:
        nonlocal n_fits, longest
        started = time.monotonic()
        scores = splits.scores(family, config)
        value = splits.ndcg(scores)
        n_fits, longest = n_fits + 1, max(longest, time.monotonic() - started)
        return value, scores

    best = family.start
    value, scores = tried(best)
    for move in family.moves:
        for direction in (1, -1):
            moved = False
            while (neighbour := move.of(best, direction)) is not None:
                if time.monotonic() + longest > until:
                    return Climbed(best, value, scores, n_fits, is_cut_short=True)
                found, found_scores = tried(neighbour)
                if found <= value + GAIN:
                    break
                best, value, scores, moved = neighbour, found, found_scores, True
            if moved:
                break
    return Climbed(best, value, scores, n_fits, is_cut_short=False)


def blend_weights(
    parts: dict[str, Scores], validation: dict[str, float], splits: InnerSplits
) -> tuple[dict[str, float], float]:
    """Weights of the parts and the blend's nDCG@10: from the best part alone or the best two or three alike, by ascent.

    A weight moves only where it helps by more than `GAIN`: smaller differences are noise of the split.
    """
    scores = {name: np.nan_to_num(part) for name, part in parts.items()}
    order = sorted(parts, key=lambda name: -validation[name])
    starts = {n_best: sum((scores[name] for name in order[1:n_best]), scores[order[0]]) for n_best in (1, 2, 3)}
    values = {n_best: splits.ndcg(start) for n_best, start in starts.items()}
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
                value = splits.ndcg(rest + np.float32(weight) * scores[name])
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
