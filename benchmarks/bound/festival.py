"""What past festivals tell of the next one, to who knows the days that are alike and the family of the effects."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.setting.catalogue import CATEGORIES
from recsys.simulation.setting.season import days_from_spring_festival, festival
from recsys.simulation.truth.oracle import Truth

Floats = NDArray[np.float64]

_EFFECT_SPREAD = 1.0
"""A priori, of an effect's logarithm; the true ones lie between -1.8 and +0.7."""
_TASTE_SPREAD = float(np.std([one.festive for one in CATEGORIES]))
_LANTERN_DAYS = {"logit": 13, "gravity": 7}
"""Days after Spring Festival from which its effect is Lantern's, see `recsys.simulation.setting.season.festival`."""
_ROUNDS = 30


def festival_scale(
    truth: Truth, past: pd.DataFrame, future: pd.DataFrame, n_paths: int, rng: np.random.Generator
) -> Floats:
    """(n_future, n_paths) factor on the means: effects drawn from what past sessions leave open, over the true ones.

    Unknown are the effects before the festival, after it and about Lantern, of classes and of events, and each
    category's own; the course over the days is known. Told besides: the rest of each session's mean, and its noise.
    Normal about the likeliest effects, with normal priors about none.
    """
    basis, effects = _basis(truth.shape, past)
    ahead, _ = _basis(truth.shape, future)
    n_common = len(effects) - len(CATEGORIES)
    precision = np.repeat([_EFFECT_SPREAD**-2, _TASTE_SPREAD**-2], [n_common, len(CATEGORIES)])
    near = np.abs(basis).sum(axis=1) > 0
    basis = basis[near]
    expected = (past[["mean_1", "mean_2", "mean_3"]].sum(axis=1) * past["noise"]).to_numpy()[near]
    count = past["n_early"].to_numpy()[near]
    guess = np.zeros(len(effects))
    for _ in range(_ROUNDS):
        mean = expected * np.exp(basis @ (guess - effects))
        slope = basis.T @ (count - mean) - precision * guess
        curvature = (basis.T * mean) @ basis + np.diag(precision)
        step = np.linalg.solve(curvature, slope)
        guess = guess + step * min(1.0, 1.0 / max(float(np.abs(step).max()), 1e-9))
    drawn = rng.multivariate_normal(guess, np.linalg.inv(curvature), n_paths, method="cholesky")
    return np.exp(ahead @ (drawn - effects).T)


def _basis(shape: str, sessions: pd.DataFrame) -> tuple[Floats, Floats]:
    """(n_sessions, n_effects) course of each effect, and the (n_effects,) true ones."""
    days = sessions["starts_at"].to_numpy().astype("datetime64[D]")
    category = sessions["category_num"].to_numpy()
    is_class = sessions["kind_num"].to_numpy() == 0
    gap = days_from_spring_festival(days)
    none, one = (festival(gap, is_class, np.full(len(days), taste), shape) for taste in (0.0, 1.0))
    part = (gap >= 0).astype(np.int64) + (gap >= _LANTERN_DAYS[shape])
    columns, effects = [], []
    peaks = np.arange(-60, 61)
    for of_classes in (True, False):
        usual = festival(peaks, np.full(len(peaks), of_classes), np.zeros(len(peaks)), shape)
        peak_part = (peaks >= 0).astype(np.int64) + (peaks >= _LANTERN_DAYS[shape])
        for number in range(3):
            highest = usual[peak_part == number]
            effect = float(highest[np.argmax(np.abs(highest))])
            effects.append(effect)
            columns.append(np.where((part == number) & (is_class == of_classes), none / effect, 0.0))
    own = (one - none)[:, None] * (category[:, None] == np.arange(len(CATEGORIES)))
    tastes = [one.festive for one in CATEGORIES]
    return np.column_stack([*columns, own]), np.array([*effects, *tastes])
