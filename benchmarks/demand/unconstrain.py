"""Bias and time of unconstraining on simulated panels of four families.

`python -m benchmarks.demand.unconstrain [--seeds N]`. Each series has one session a week; what is measured is what
forecasts are made with, told only which series a session belongs to.

Prints, per world, the bias of total demand and of the series that are sold out in more than half of their weeks,
beside that of the bookings themselves.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from numpy.typing import NDArray

from recsys.demand.unconstrain import unconstrain_sessions


def world(
    family: str, n_series: int, n_weeks: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Demand and limits: limits differ by series and are tight on purpose (median about the mean demand)."""
    mean = rng.gamma(2.0, 6.0, n_series)
    week = np.arange(n_weeks)
    season = 1 + 0.3 * np.sin(2 * np.pi * week / 52)
    season[week % 52 == 6] *= 0.4
    if family == "negative binomial":
        means = mean[:, None] * np.ones(n_weeks)
        demand = rng.poisson(means * rng.gamma(4.0, 1 / 4.0, means.shape))
    elif family == "negative binomial, season":
        means = mean[:, None] * season
        demand = rng.poisson(means * rng.gamma(4.0, 1 / 4.0, means.shape))
    elif family == "two kinds of weeks, own seasons":
        # Neither gamma nor lognormal: one week in five draws twice as many as the others.
        phase = rng.uniform(0, 2 * np.pi, (n_series, 1))
        means = mean[:, None] * season * (1 + 0.2 * np.sin(2 * np.pi * week / 26 + phase))
        demand = rng.poisson(means * np.where(rng.random(means.shape) < 0.2, 5 / 3, 5 / 6))
    else:
        # A season of its own for each series, which nothing pooled can follow.
        phase = rng.uniform(0, 2 * np.pi, (n_series, 1))
        means = mean[:, None] * season * (1 + 0.2 * np.sin(2 * np.pi * week / 26 + phase))
        demand = rng.poisson(means * rng.lognormal(-0.125, 0.5, means.shape))
    limits = np.maximum(np.round(mean * rng.lognormal(0.35, 0.45, n_series)), 2)
    return demand.astype(np.float64), np.repeat(limits[:, None], n_weeks, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=43_200)
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    print(f"{'world':32} {'seed':>4} {'full':>6} {'bookings':>9} {'tight':>7} {'EM':>8} {'tight':>7} {'CPU s':>6}")
    for family in (
        "negative binomial",
        "negative binomial, season",
        "lognormal Poisson, own seasons",
        "two kinds of weeks, own seasons",
    ):
        for seed in range(options.seeds):
            demand, limits = world(family, options.series, options.weeks, np.random.default_rng(seed))
            counts = np.minimum(demand, limits)
            is_full = counts >= limits
            series, week = (place.ravel() for place in np.indices(counts.shape))
            nobody = np.zeros(counts.size)
            started = time.process_time()
            found = unconstrain_sessions(counts.ravel(), limits.ravel(), nobody, [series], week).reshape(counts.shape)
            seconds = time.process_time() - started
            tight = is_full.mean(axis=1) > 0.5

            def bias(
                values: NDArray[np.float64],
                rows: NDArray[np.bool_] | slice = slice(None),
                truth: NDArray[np.float64] = demand,
            ) -> float:
                return 100 * float(values[rows].sum() / truth[rows].sum() - 1)

            print(
                f"{family:32} {seed:4d} {is_full.mean():6.1%} {bias(counts):+8.2f}% {bias(counts, tight):+6.1f}% "
                f"{bias(found):+7.2f}% {bias(found, tight):+6.2f}% {seconds:6.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
