"""How far outcomes fall from their forecasts, by level and week ahead, and the quantiles that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from recsys.demand import QUANTILES
from recsys.hierarchy import Hierarchy

_PRIOR_POINTS = 30.0


@dataclass(frozen=True)
class Spread:
    """Variance of a forecast of mean m: `linear` m + `quadratic` m^2, by node and week ahead.

    Attributes:
        linear: (n_nodes, horizon).
        quadratic: (n_nodes, horizon).
    """

    linear: NDArray[np.float64]
    quadratic: NDArray[np.float64]

    def quantiles(self, begun: NDArray[np.float64], means: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_quantiles, n_nodes, n_categories, horizon), in order and >= 0; `begun` is certain already."""
        open_mean = np.maximum(means - begun, 0.0)
        variance = self.linear[:, None, :] * open_mean + self.quadratic[:, None, :] * open_mean**2
        return np.stack([begun + count_quantile(level, open_mean, variance) for level in QUANTILES])


def count_quantile(level: float, mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantile of a count: negative binomial, or a rounded gamma where it varies less than Poisson."""
    mean = np.maximum(mean, 1e-9)
    is_wide = variance > 1.001 * mean
    size = mean**2 / np.where(is_wide, variance - mean, 1.0)
    wide = stats.nbinom.ppf(level, np.maximum(size, 1e-9), np.clip(size / (size + mean), 1e-12, 1 - 1e-12))
    narrow_variance = np.maximum(variance, 1e-9)
    narrow = np.round(stats.gamma.ppf(level, mean**2 / narrow_variance, scale=narrow_variance / mean))
    return np.where(is_wide, wide, narrow)


def fit_spread(hierarchy: Hierarchy, actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> Spread:
    """From back-tests (n_tests, n_bottoms, n_categories, horizon): pooled by level; NaN outcomes are left out."""
    horizon = actual.shape[3]
    linear = np.ones((hierarchy.n_nodes, horizon))
    quadratic = np.full((hierarchy.n_nodes, horizon), 0.2)
    for level in np.unique(hierarchy.node_levels.astype(str)):
        members = np.flatnonzero(hierarchy.node_levels.astype(str) == level)
        sums = [np.stack([hierarchy.sums(one)[members] for one in what]) for what in (actual, predicted) if len(what)]
        for ahead in range(horizon):
            if not sums:
                continue
            # Weeks far ahead have few outcomes: the latest ones that have some speak for them.
            near = slice(max(ahead - 1, 0), ahead + 2)
            linear[members, ahead], quadratic[members, ahead] = _moments(
                sums[0][..., near].ravel(),
                sums[1][..., near].ravel(),
                (linear[members[0], ahead - 1], quadratic[members[0], ahead - 1]) if ahead else (1.5, 0.2),
            )
    return Spread(linear, quadratic)


def _moments(
    actual: NDArray[np.float64], predicted: NDArray[np.float64], prior: tuple[float, float]
) -> tuple[float, float]:
    known = np.isfinite(actual) & (predicted > 0.05)
    mean, squared = predicted[known], (actual[known] - predicted[known]) ** 2
    if len(mean) < 8:
        return prior
    # Least squares of (y - m)^2 / m on 1 and m, the way a variance function of counts is fitted.
    design = np.column_stack([np.ones(len(mean)), mean])
    weights = 1 / (1 + mean)
    ridge = np.diag([_PRIOR_POINTS, _PRIOR_POINTS * float(np.mean(mean**2 * weights**2)) / max(len(mean), 1)])
    weighted = design * weights[:, None]
    right = weighted.T @ (squared / mean * weights) + ridge @ np.array(prior)
    linear, quadratic = np.linalg.solve(weighted.T @ weighted + ridge, right)
    if quadratic < 0:
        linear, quadratic = float((squared / mean * weights**2).sum() / (weights**2).sum()), 0.0
    return max(float(linear), 0.05), float(quadratic)
