"""How far outcomes fall from their forecasts, by level and week ahead, and the quantiles that follow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.calibration import calibrated_levels, count_pit, count_quantile
from recsys.demand import QUANTILES
from recsys.hierarchy import Hierarchy

Floats = NDArray[np.float64]

_PRIOR = (1.5, 0.2)
_PRIOR_POINTS = 30.0
_LEAST_MEAN = 0.05


@dataclass(frozen=True)
class BackTest:
    """Past forecasts beside what came, each (n_tests, n_bottoms, n_categories, horizon).

    Attributes:
        actual: NaN where the week is not over.
        predicted: Means of the whole week.
        begun: The part that was certain at the origin.
    """

    actual: Floats
    predicted: Floats
    begun: Floats


@dataclass(frozen=True)
class Spread:
    """Variance of what is still open of a week, of mean m: `linear` m + `quadratic` m^2; and calibrated levels.

    Attributes:
        linear: (n_nodes, horizon).
        quadratic: (n_nodes, horizon).
        levels: (n_nodes, n_quantiles) levels that gave the shares of `QUANTILES` in the back-test.
    """

    linear: Floats
    quadratic: Floats
    levels: Floats

    def variance(self, open_mean: Floats) -> Floats:
        """(n_nodes, n_categories, horizon) of means of the same shape."""
        return self.linear[:, None, :] * open_mean + self.quadratic[:, None, :] * open_mean**2

    def quantiles(self, begun: Floats, means: Floats) -> Floats:
        """(n_quantiles, n_nodes, n_categories, horizon), in order and >= 0; `begun` is certain already."""
        open_mean = np.maximum(means - begun, 0.0)
        variance = self.variance(open_mean)
        found = [begun + count_quantile(self.levels[:, [i], None], open_mean, variance) for i in range(len(QUANTILES))]
        return np.maximum.accumulate(np.stack(found), axis=0)


def fit_spread(hierarchy: Hierarchy, test: BackTest, rng: np.random.Generator) -> Spread:
    """Variance and levels from a back-test, pooled over the regions and categories of a level of the tree."""
    horizon = test.actual.shape[3]
    linear = np.full((hierarchy.n_nodes, horizon), _PRIOR[0])
    quadratic = np.full((hierarchy.n_nodes, horizon), _PRIOR[1])
    levels = np.tile(np.asarray(QUANTILES), (hierarchy.n_nodes, 1))
    if not len(test.actual):
        return Spread(linear, quadratic, levels)
    actual, predicted, begun = (
        np.stack([hierarchy.sums(one) for one in what]) for what in (test.actual, test.predicted, test.begun)
    )
    names = hierarchy.node_levels.astype(str)
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        came, mean = actual[:, rows] - begun[:, rows], np.maximum(predicted[:, rows] - begun[:, rows], 0.0)
        before = _PRIOR
        for ahead in range(horizon):
            # Few outcomes lie far ahead: neighbours speak along, and without any the week before stands in.
            near = slice(max(ahead - 1, 0), ahead + 2) if ahead else slice(0, 1)
            before = _moments(came[..., near].ravel(), mean[..., near].ravel(), before)
            linear[rows, ahead], quadratic[rows, ahead] = before
        variance = linear[rows[0]] * mean + quadratic[rows[0]] * mean**2
        seen = np.isfinite(came) & (mean > _LEAST_MEAN)
        pits = count_pit(came[seen], mean[seen], variance[seen], rng)
        levels[rows] = calibrated_levels(pits, QUANTILES)
    return Spread(linear, quadratic, levels)


def _moments(came: Floats, mean: Floats, prior: tuple[float, float]) -> tuple[float, float]:
    """Variance function by least squares of (y - m)^2 / m on 1 and m, drawn to a prior."""
    known = np.isfinite(came) & (mean > _LEAST_MEAN)
    mean, squared = mean[known], (came[known] - mean[known]) ** 2
    if len(mean) < 8:
        return prior
    weights = 1 / (1 + mean)
    design = np.column_stack([np.ones(len(mean)), mean]) * weights[:, None]
    scale = design**2
    ridge = np.diag(_PRIOR_POINTS / len(mean) * scale.sum(axis=0))
    # One wild week must not rule: what is beyond the 99.5th percentile counts as that.
    ratio = np.minimum(squared / mean, np.quantile(squared / mean, 0.995))
    linear, quadratic = np.linalg.solve(design.T @ design + ridge, design.T @ (ratio * weights) + ridge @ prior)
    if quadratic < 0:
        linear, quadratic = float((ratio * weights**2).sum() / (weights**2).sum()), 0.0
    if linear < 0.3:
        linear = 0.3
    return float(linear), float(quadratic)
