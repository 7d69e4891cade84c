"""What a search of ranking's settings may try, and how it goes into the settings and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import optuna

from recsys.errors import DataError
from training.ranking.fit import RankingConfig


@dataclass(frozen=True)
class Range:
    """Values that a setting may take, both ends included; whole numbers when the ends are.

    Attributes:
        or_none: It may also be None: the learner then finds a value by itself.
    """

    low: float
    high: float
    is_log: bool = True
    or_none: bool = False

    def drawn(self, trial: optuna.Trial, name: str) -> float | None:
        """The trial's value."""
        if self.or_none and trial.suggest_categorical(name + _BY_ITSELF, (True, False)):
            return None
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.is_log)
        return trial.suggest_float(name, self.low, self.high, log=self.is_log)


SPACE: Mapping[str, Range] = {
    "ease.regularisation": Range(2.0, 500.0),
    "ease.key_power": Range(0.0, 0.5, is_log=False),
    "item_knn.n_neighbours": Range(10, 400),
    "item_knn.shrinkage": Range(0.5, 200.0),
    "als.n_factors": Range(8, 128),
    "als.regularisation": Range(0.05, 50.0),
    "als.alpha": Range(1.5, 60.0),
    "trees.n_trees": Range(40, 400),
    "trees.learning_rate": Range(0.02, 0.2),
    "trees.n_leaves": Range(7, 95, or_none=True),
    "trees.min_leaf_pairs": Range(10, 400),
    "trees.signal_share": Range(0.2, 1.0, is_log=False),
    "trees.l2": Range(0.1, 50.0),
}
"""Settings that are searched: path in `RankingConfig`, range."""

_BY_ITSELF = " by itself"
"""Ends the name of the draw whether a setting is None."""


def with_values(start: RankingConfig, values: Mapping[str, float | None]) -> RankingConfig:
    """The settings with the values at their paths (`learner.setting`).

    Raises:
        DataError: a path that the settings do not have.
    """
    parts: dict[str, dict[str, float | None]] = {}
    for path, value in values.items():
        part, setting = path.split(".")
        if part not in type(start).model_fields:
            raise DataError("settings to tune", [f"{path!r} is none of ranking's"])
        parts.setdefault(part, {})[setting] = value
    update = {}
    for part, changed in parts.items():
        now = getattr(start, part)
        update[part] = type(now).model_validate({**now.model_dump(), **changed})
    return start.model_copy(update=update)


def draws_of(start: RankingConfig, space: Mapping[str, Range]) -> dict[str, float | bool]:
    """What a trial of `start` itself would draw; a value outside its range is moved to the border."""
    draws: dict[str, float | bool] = {}
    for path, choice in space.items():
        part, setting = path.split(".")
        value = getattr(getattr(start, part), setting)
        if choice.or_none:
            draws[path + _BY_ITSELF] = value is None
        if value is not None:
            draws[path] = min(max(value, choice.low), choice.high)
    return draws
