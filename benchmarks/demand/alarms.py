"""Alarms on made-up series: what is found of breaks and drifts, and what is said of series that go on as before.

`python -m benchmarks.demand.alarms [--series 4000] [--weeks 130] [--seed 100]`; 27 weeks are half a year. Series differ
in level (sparse 1.5 to 6 places a week, dense 15 to 60, all 1.5 to 60; sums are of 24 sparse ones that move alike), in
how much their weeks vary (0.1 to 0.5 on the log scale) and in how alike weeks on end are (correlation 0 to 0.6); of
another kind, weeks are alike in nothing and one in ten draws three times as many. Printed: percent of series with an
alarm, and of these percent that are said to drift.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.demand.alarms import level_shifts

Floats = NDArray[np.float64]

LEVELS = {"all": (1.5, 60.0), "sparse": (1.5, 6.0), "dense": (15.0, 60.0), "sums": (1.5, 6.0)}
_SUMMED = 24


def broken(length: int, to: float) -> Callable[[int], Floats]:
    """Levels of weeks of which the last ones are `to` times the others."""
    return lambda weeks: np.where(np.arange(weeks) >= weeks - length, to, 1.0)


def drifting(length: int, to: float) -> Callable[[int], Floats]:
    """Levels of weeks that move evenly to `to` times the first in the last ones."""
    return lambda weeks: 1 + (to - 1) * np.clip((np.arange(1, weeks + 1) - weeks + length) / length, 0.0, 1.0)


CASES = {
    "as before": broken(1, 1.0),
    "closed for 3 weeks": broken(3, 0.0),
    "half for 8 weeks": broken(8, 0.5),
    "0.4 for 12 weeks": broken(12, 0.4),
    "twice for 8 weeks": broken(8, 2.0),
    "to 0.4 in 13 weeks": drifting(13, 0.4),
    "to 0.6 in 26 weeks": drifting(26, 0.6),
    "to 0.4 in 26 weeks": drifting(26, 0.4),
    "to 2.5 in 26 weeks": drifting(26, 2.5),
    "to 0.4 in 52 weeks": drifting(52, 0.4),
}


def weeks_alike(n_series: int, n_weeks: int, rng: np.random.Generator) -> Floats:
    """(n_series, n_weeks) factors of mean one: lognormal, each week drawn to the one before."""
    spread, alike = rng.uniform(0.1, 0.5, (n_series, 1)), rng.uniform(0.0, 0.6, n_series)
    drawn = rng.standard_normal((n_series, n_weeks))
    for week in range(1, n_weeks):
        drawn[:, week] = alike * drawn[:, week - 1] + np.sqrt(1 - alike**2) * drawn[:, week]
    return np.asarray(np.exp(spread * drawn - spread**2 / 2))


def crowded_weeks(n_series: int, n_weeks: int, rng: np.random.Generator) -> Floats:
    """(n_series, n_weeks) factors of mean one: one week in ten draws three times as many."""
    return np.where(rng.random((n_series, n_weeks)) < 0.1, 3.0, 1.0) / 1.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=4000)
    parser.add_argument("--weeks", type=int, default=130)
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args()
    found = {}
    for world, factors in (("alike", weeks_alike), ("crowded", crowded_weeks)):
        for name, (low, high) in LEVELS.items():
            rng = np.random.default_rng([options.seed, len(found)])
            column = {}
            together = _SUMMED if name == "sums" else 1
            n_drawn = options.series // _SUMMED * _SUMMED
            for case, levels in CASES.items():
                mean = np.exp(rng.uniform(np.log(low), np.log(high), (n_drawn, 1)))
                drawn = rng.poisson(mean * factors(n_drawn, options.weeks, rng) * levels(options.weeks))
                counts = drawn.reshape(-1, together, options.weeks).sum(axis=1)
                shifts = level_shifts(counts.astype(np.float64), np.ones(counts.shape))
                said = 100 * len(shifts.series) / len(counts)
                column[case] = f"{said:.1f} ({100 * float((shifts.kind == 'drift').mean()) if said else 0:.0f})"
            found[f"{world}, {name}"] = column
    print(pd.DataFrame(found).to_string())


if __name__ == "__main__":
    main()
