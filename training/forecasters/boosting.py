"""Gradient boosting of counts around a given mean, repeatable to the bit."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys.closed import Closed


class BoostingConfig(Closed):
    """How far trees may move a forecast from its baseline."""

    n_rounds: int = Field(default=100, ge=1, description="trees; fewer where there are few rows")
    learning_rate: float = Field(default=0.06, gt=0, le=1, description="share of each tree that counts")
    n_leaves: int = Field(default=15, ge=2, description="leaves of a tree")
    min_rows_in_leaf: int = Field(default=150, ge=1, description="rows that a leaf needs")
    l2: float = Field(default=10.0, ge=0, description="shrinkage of each leaf towards the baseline, in places")
    max_rows: int = Field(default=250_000, ge=1_000, description="rows learned from; more are sampled")
    seed: int = Field(default=0, ge=0, description="of column and row sampling")


@dataclass(frozen=True)
class CountBooster:
    """Multiplies a baseline by the exponential of a sum of trees; no trees: by one.

    Attributes:
        booster: The trees.
        share: How much of their sum counts.
    """

    booster: lgb.Booster | None
    share: float = 1.0

    def means(self, features: NDArray[np.float32], baseline: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) means of the rows of (n, n_features) around (n,) positive baselines."""
        if self.booster is None or len(features) == 0:
            return baseline
        raw = np.asarray(self.booster.predict(features, raw_score=True, num_threads=1))
        return baseline * np.exp(self.share * np.clip(raw, -3, 3))


def fit_boosting(
    features: NDArray[np.float32],
    counts: NDArray[np.float64],
    baseline: NDArray[np.float64],
    config: BoostingConfig,
    rng: np.random.Generator,
) -> CountBooster:
    """Poisson boosting that starts from `baseline` (positive); a baseline alone when there is too little to learn."""
    if len(counts) < 4 * config.min_rows_in_leaf or counts.sum() < 50:
        return CountBooster(None)
    if len(counts) > config.max_rows:
        kept = np.sort(rng.choice(len(counts), config.max_rows, replace=False))
        features, counts, baseline = features[kept], counts[kept], baseline[kept]
    data = lgb.Dataset(features, counts, init_score=np.log(baseline), params={"verbose": -1}, free_raw_data=True)
    parameters = {
        "objective": "poisson",
        "learning_rate": config.learning_rate,
        "num_leaves": config.n_leaves,
        "min_data_in_leaf": config.min_rows_in_leaf,
        "lambda_l2": config.l2,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbose": -1,
    }
    n_rounds = int(min(config.n_rounds, max(20, len(counts) // 40)))
    return CountBooster(lgb.train(parameters, data, num_boost_round=n_rounds))
