"""A pooled count regression: level, trend, season and festivals, shrunk from all categories to each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import linalg

from features.demand.calendar import FESTIVALS, REACH_DAYS, week_table
from features.demand.panel import DemandPanel

_YEAR_WEEKS = 52
_LEAST_WEEKS = 4
_BANDS = ((-28, -11), (-11, -4), (-4, 4), (4, 11), (11, 18), (18, 28))
"""Days from a festival to the middle of the week, in bands within which it acts alike."""

_RIDGE = {"level": 0.0, "trend": 40.0, "season": 4.0, "holiday": 4.0}
_OWN_RIDGE = 30.0
_N_ROUNDS = 12
_TREND_HALF_LIFE_WEEKS = 26.0


@dataclass(frozen=True)
class PooledForecaster:
    """Log-linear means by category.

    Attributes:
        coefficients: (n_categories, n_columns).
        groups: (n_columns,) `level`, `trend`, `season` or `holiday`.
        last_week: Monday of the last week learned from.
        size: Negative binomial size; variance is mean + mean^2 / size.
    """

    coefficients: NDArray[np.float64]
    groups: NDArray[np.object_]
    last_week: pd.Timestamp
    size: float

    @property
    def has_season(self) -> bool:
        """Whether a season was learned."""
        return "season" in self.groups

    def factors(self, weeks: pd.DatetimeIndex) -> dict[str, NDArray[np.float64]]:
        """(n_categories, n_weeks) multiplicative parts by driver; their product is the mean."""
        design, groups = _design(weeks, self.last_week, has_season=self.has_season)
        parts = {}
        for group in ("level", "trend", "season", "holiday"):
            columns = groups == group
            parts[group] = np.exp(np.clip(self.coefficients[:, columns] @ design[:, columns].T, -12, 12))
        return parts

    def means(self, weeks: pd.DatetimeIndex) -> NDArray[np.float64]:
        """(n_categories, n_weeks) means."""
        parts = self.factors(weeks)
        return parts["level"] * parts["trend"] * parts["season"] * parts["holiday"]


def pooled_calendar(panel: DemandPanel, n_left_out: int = 0) -> PooledForecaster | None:
    """Learned from all weeks of a panel but the last ones; none from hardly any."""
    n_weeks = panel.n_weeks - n_left_out
    if n_weeks < _LEAST_WEEKS:
        return None
    return fit_pooled(panel.demand[..., :n_weeks].sum(axis=0), panel.weeks[:n_weeks])


def fit_pooled(counts: NDArray[np.float64], weeks: pd.DatetimeIndex) -> PooledForecaster:
    """Penalised negative binomial regression by iterated weighted least squares, older weeks counting less.

    First all categories together learn trend, season and festivals; then each learns its own deviation, the more
    drawn to the common ones the fewer places it has. A season is learned only from more than a year.

    Args:
        counts: (n_categories, n_weeks).
        weeks: (n_weeks,) Mondays.
    """
    has_season = len(weeks) > _YEAR_WEEKS + 8
    design, groups = _design(weeks, weeks[-1], has_season=has_season)
    age = np.arange(len(weeks))[::-1]
    weight = 0.5 ** (age / (4 * _TREND_HALF_LIFE_WEEKS)) if has_season else 0.5 ** (age / _TREND_HALF_LIFE_WEEKS)
    ridge = np.array([_RIDGE[group] for group in groups])
    clipped = _without_outliers(counts)
    total = _solve(clipped.sum(axis=0), design, np.zeros(design.shape[1]), ridge, weight, 20.0)
    size = 10.0
    own_ridge = np.where(groups == "level", 0.3, _OWN_RIDGE)
    coefficients = np.zeros((len(counts), design.shape[1]))
    for category, series in enumerate(clipped):
        centre = total.copy()
        share = (series @ weight + 0.05) / max(float(clipped.sum(axis=0) @ weight), 0.1)
        centre[groups == "level"] += np.log(min(share, 1.0))
        coefficients[category] = _solve(series, design, centre, own_ridge, weight, size)
    fitted = np.exp(np.clip(coefficients @ design.T, -12, 12))
    extra = float(((clipped - fitted) ** 2 - fitted).sum())
    size = float(np.clip((fitted**2).sum() / extra, 0.3, 200.0)) if extra > 0 else 200.0
    return PooledForecaster(coefficients, groups, weeks[-1], size)


def _without_outliers(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """A week beyond twenty times the usual of its category is cut to that: it teaches nothing of other weeks."""
    usual = np.median(counts, axis=1, keepdims=True) + counts.mean(axis=1, keepdims=True) / 10 + 5
    return np.minimum(counts, 20 * usual)


def _solve(
    counts: NDArray[np.float64],
    design: NDArray[np.float64],
    centre: NDArray[np.float64],
    ridge: NDArray[np.float64],
    weight: NDArray[np.float64],
    size: float,
) -> NDArray[np.float64]:
    """Maximises the quasi likelihood less `ridge` times squared distance from `centre`."""
    beta = centre.copy()
    if not centre.any():
        beta[0] = np.log(max(float(counts @ weight / weight.sum()), 0.05))
        centre = beta * (ridge == 0)
    for _ in range(_N_ROUNDS):
        eta = np.clip(design @ beta, -12, 12)
        mean = np.exp(eta)
        working = weight * mean / (1 + mean / size)
        target = eta + np.clip((counts - mean) / mean, -5, 5)
        left = design.T @ (design * working[:, None]) + np.diag(ridge + 1e-6)
        right = design.T @ (working * target) + (ridge + 1e-6) * centre
        step = linalg.solve(left, right, assume_a="pos") - beta
        beta = beta + np.clip(step, -1.0, 1.0)
    return beta


def _design(
    weeks: pd.DatetimeIndex, last_week: pd.Timestamp, *, has_season: bool
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    table = week_table(weeks)
    years = ((weeks - last_week) / pd.Timedelta(weeks=_YEAR_WEEKS)).to_numpy(dtype=float)
    # A trend goes on at half its pace for half a year and then stays: nothing grows for ever.
    ahead = np.where(years > 0, 0.5 * (1 - np.exp(-2 * np.maximum(years, 0))), years)
    columns = [np.ones(len(weeks)), ahead]
    groups = ["level", "trend"]
    if has_season:
        columns += [table[name].to_numpy() for name in ("sin_1", "cos_1", "sin_2", "cos_2")]
        groups += ["season"] * 4
    columns += [table["days_off"].to_numpy() / 3, table["makeup_days"].to_numpy()]
    groups += ["holiday"] * 2
    for name in FESTIVALS:
        distance = table[f"to_{name}"].to_numpy()
        for low, high in _BANDS if name == "spring_festival" else ((-4, 4),):
            columns.append(((distance >= low) & (distance < high) & (np.abs(distance) < REACH_DAYS)).astype(float))
            groups.append("holiday")
    return np.column_stack(columns), np.array(groups, dtype=object)
