"""The second stage: trees that learn, from past windows, in which order people booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize

from features.ranking.model import ATTENDANCE, BESIDE, EXPECTED, ReRanker, log_expected
from recsys.closed import Closed
from recsys.ranking.metrics import ndcg_at_k
from training.ranking.windows import WindowPairs

MIN_HITS = 50
"""Fewest hits from which trees are learned."""

MANY_HITS = 20_000
FEW_LEAVES, MANY_LEAVES = 15, 31
"""Leaves of a tree that fewer hits bear, and so many or more."""

_LEAST_WEIGHT, _MOST_WEIGHT = 0.05, 4.0
"""Of the trees where they say nothing beside what is expected; and of what is expected beside the trees."""

_ATTENDANCE_WEIGHTS = (0.0, 0.15, 0.3)
"""What the logarithm of expected attendance may count beside the trees."""

Kind = Literal["lambdamart", "drawn-odds"]

_KINDS: Mapping[Kind, Mapping[str, object]] = {
    "lambdamart": {"objective": "lambdarank"},
    "drawn-odds": {"objective": "binary", "extra_trees": True},
}
"""What sets a kind of model apart. In drawn ones a split is the best of cuts drawn at random (Geurts et al. 2006)."""


class TreeConfig(Closed):
    """Settings of the trees."""

    n_trees: int = Field(default=150, gt=0, description="trees; more fits closer and scores slower")
    learning_rate: float = Field(default=0.08, gt=0, le=1, description="share of a tree's step that is taken")
    kinds: tuple[Kind, ...] = Field(
        default=("lambdamart", "drawn-odds", "lambdamart"),
        min_length=1,
        description="models whose mean counts, each from a seed of its own; more are steadier",
    )
    n_leaves: int | None = Field(
        default=None, gt=1, description="leaves of a tree; more fits closer; none: as many as the hits bear"
    )
    min_leaf_pairs: int = Field(default=100, gt=0, description="pairs in a leaf at least; more means smoother")
    signal_share: float = Field(default=0.4, gt=0, le=1, description="share of the signals that a tree may use")
    pair_share: float = Field(default=0.7, gt=0, le=1, description="share of the pairs that a tree sees")
    l2: float = Field(default=20.0, ge=0, description="ridge on the leaves; more means smoother")
    n_bins: int = Field(default=63, gt=1, le=255, description="values that a signal is cut into")
    n_threads: int = Field(default=2, gt=0, description="processor cores; the result does not depend on it")


def fit_re_ranker(windows: Sequence[WindowPairs], config: TreeConfig, seed: int) -> ReRanker | None:
    """Trees of several kinds over the windows' pairs, and how much what is expected of a pair counts beside them.

    None where there are too few hits to learn from.

    Source: Burges 2010, MSR-TR-2010-82; Ke et al. 2017, NeurIPS (LightGBM).

    Args:
        windows: Pairs of past windows, newest first.
        config: Settings.
        seed: Seed of the draws of signals and pairs.
    """
    picked = [_with_hits(window) for window in windows]
    if sum(int(window.is_hit.sum()) for window in picked) < MIN_HITS:
        return None
    return replace(_trees(picked, config, seed), beside=stacked_weights(picked, config, seed))


def _trees(picked: Sequence[WindowPairs], config: TreeConfig, seed: int) -> ReRanker:
    """Trees over pairs of people with a hit."""
    n_hits = sum(int(window.is_hit.sum()) for window in picked)
    signals = pd.concat([window.signals for window in picked], ignore_index=True)
    names = distinct_signals(signals)
    data = lgb.Dataset(
        signals[names].to_numpy(dtype=np.float32),
        np.concatenate([window.is_hit for window in picked]).astype(np.int32),
        group=np.concatenate([_group_sizes(window.person) for window in picked]),
        params={"max_bin": config.n_bins, "verbose": -1},
    )
    leaves = config.n_leaves or (MANY_LEAVES if n_hits >= MANY_HITS else FEW_LEAVES)
    boosters = [
        lgb.train({**_parameters(config, kind, seed + i), "num_leaves": leaves}, data, config.n_trees)
        for i, kind in enumerate(config.kinds)
    ]
    return ReRanker(tuple(boosters), tuple(names))


def stacked_weights(picked: Sequence[WindowPairs], config: TreeConfig, seed: int) -> dict[str, float]:
    """What signals of `BESIDE` count beside the trees, at least 0 each: told on windows kept from them.

    The newest quarter of the windows is judged by trees of every other one of the older ones. Scores and expected
    bookings share in a conditional logit of what people booked (stacking: Wolpert 1992, Neural Networks 5(2)).
    Expected attendance counts as much as makes the lists best: it orders what a person's organisers hold, and says
    nothing of others, with which a likelihood over all would be taken up.

    Args:
        picked: Pairs of people with a hit by window, newest first.
        config: Settings.
        seed: As for the trees.
    """
    n_judged = max(len(picked) // 4, 1)
    # Windows may overlap their neighbour: one between is left out.
    judged, learned = picked[:n_judged], picked[n_judged + 1 :: 2]
    names = [name for name in BESIDE if all(name in window.signals for window in judged)]
    if not names or min(sum(int(window.is_hit.sum()) for window in part) for part in (judged, learned)) < MIN_HITS:
        return {}
    trees = _trees(learned, config, seed)
    columns = [{str(name): window.signals[name].to_numpy() for name in window.signals} for window in judged]
    return _beside(
        np.concatenate(
            [trees.tree_scores(told, len(window.person)) for told, window in zip(columns, judged, strict=True)]
        ),
        {name: np.concatenate([log_expected(told, name) for told in columns]) for name in names},
        np.concatenate([window.is_hit for window in judged]),
        np.concatenate([_group_sizes(window.person) for window in judged]),
    )


def _beside(
    scores: NDArray[np.float64],
    logs: Mapping[str, NDArray[np.float64]],
    is_hit: NDArray[np.bool_],
    sizes: NDArray[np.int64],
) -> dict[str, float]:
    """Weights of what is expected, by signal, beside scores of trees that have not seen these pairs."""
    beside: dict[str, float] = {}
    if EXPECTED in logs:
        of_trees, of_expected = _logit_weights(np.column_stack([scores, logs[EXPECTED]]), is_hit, sizes)
        beside[EXPECTED] = float(np.clip(of_expected / max(of_trees, _LEAST_WEIGHT), 0.0, _MOST_WEIGHT))
        scores = scores + beside[EXPECTED] * logs[EXPECTED]
    if ATTENDANCE in logs:
        worth = [_mean_ndcg(scores + weight * logs[ATTENDANCE], is_hit, sizes) for weight in _ATTENDANCE_WEIGHTS]
        beside[ATTENDANCE] = _ATTENDANCE_WEIGHTS[int(np.argmax(worth))]
    return beside


def _mean_ndcg(scores: NDArray[np.float64], is_hit: NDArray[np.bool_], sizes: NDArray[np.int64], k: int = 10) -> float:
    """NDCG of the first k pairs of each person, who all have a hit; ideal = min(k, hits), mean over people."""
    person = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-scores, person))
    place = np.arange(len(scores)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    listed = np.zeros((len(sizes), k), dtype=bool)
    first = place < k
    listed[person[first], place[first]] = is_hit[order[first]]
    return float(ndcg_at_k(listed, np.bincount(person[is_hit], minlength=len(sizes))).mean())


def _logit_weights(
    values: NDArray[np.float64], is_hit: NDArray[np.bool_], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Weights of greatest likelihood of a conditional logit, each hit against all pairs of its person.

    Args:
        values: (n_pairs, n_values), ordered by person.
        is_hit: (n_pairs,).
        sizes: (n_people,) pairs of each.
    """
    first = np.cumsum(sizes) - sizes
    person = np.repeat(np.arange(len(sizes)), sizes)
    n_hits = np.add.reduceat(is_hit.astype(np.float64), first)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = values @ weights
        scores -= np.maximum.reduceat(scores, first)[person]
        chance = np.exp(scores)
        below = np.add.reduceat(chance, first)
        value = (n_hits * np.log(below)).sum() - scores[is_hit].sum()
        gap = (n_hits / below)[person] * chance - is_hit
        return float(value), values.T @ gap

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B")
    return np.asarray(found.x, dtype=np.float64)


def distinct_signals(signals: pd.DataFrame) -> list[str]:
    """Names of the signals that vary and repeat no earlier one."""
    names: list[str] = []
    seen: set[bytes] = set()
    for name in signals.columns:
        values = np.ascontiguousarray(signals[name].to_numpy())
        key = values.tobytes()
        known = values[~np.isnan(values)]
        if (len(known) == 0 or (len(known) == len(values) and (known == known[0]).all())) or key in seen:
            continue
        seen.add(key)
        names.append(str(name))
    return names


def _with_hits(window: WindowPairs) -> WindowPairs:
    hits = np.bincount(window.person[window.is_hit], minlength=int(window.person.max(initial=0)) + 1)
    keep = hits[window.person] > 0
    return WindowPairs(window.signals[keep], window.is_hit[keep], window.person[keep])


def _group_sizes(person: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(person, return_counts=True)[1]


def _parameters(config: TreeConfig, kind: Kind, seed: int) -> dict[str, object]:
    return {
        "learning_rate": config.learning_rate,
        "min_data_in_leaf": config.min_leaf_pairs,
        "feature_fraction": config.signal_share,
        "bagging_fraction": config.pair_share,
        "bagging_freq": 1,
        "lambda_l2": config.l2,
        "lambdarank_truncation_level": 20,
        "max_bin": config.n_bins,
        "num_threads": config.n_threads,
        "deterministic": True,
        "force_col_wise": True,
        "seed": seed,
        "verbose": -1,
        **_KINDS[kind],
    }
