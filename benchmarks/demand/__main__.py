"""Demand: back-tests on real or simulated tables, and the scale of a province.

`python -m benchmarks.demand --data FOLDER --cut-offs 2017-02-01,2017-03-01 --window-days 28` prints every model.
`python -m benchmarks.demand --seeds 900-914 [--shapes logit,gravity] [--histories 156,26] [--users 4000] [--out FILE]`
forecasts simulated counties and scores them against their truth (benchmarks/demand/worlds.py).
`python -m benchmarks.demand --scale`:
1,853 townships under 151 counties, 16 cities and a province, 24 categories, 13 weeks ahead. Base forecasts of every
node from two years of simulated weeks, MinT-shrink for every category, then 200 coherent paths and their quantiles.
Prints CPU seconds of each step and the peak of memory; checks that paths add up and are not negative.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.counties import county_parser, each_county
from benchmarks.demand.worlds import judged, table_of
from benchmarks.tables import read_tables
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.paths import OpenParts, SharedFactors, category_paths, level_groups, node_paths
from recsys.demand.reconcile import fit_reconciler
from recsys.ids import IdMap
from training.demand.back_test import SERVED
from training.demand.config import DemandConfig
from training.demand.evaluate import evaluate_demand

N_CITIES, N_COUNTIES, N_TOWNSHIPS, N_CATEGORIES = 16, 151, 1_853, 24


def province() -> Hierarchy:
    """The tree by its numbers; the root is a bottom too, for online sessions."""
    counties = np.arange(N_TOWNSHIPS) * N_COUNTIES // N_TOWNSHIPS
    cities = counties * N_CITIES // N_COUNTIES
    n_nodes = 1 + N_CITIES + N_COUNTIES + N_TOWNSHIPS
    first_county, first_township = 1 + N_CITIES, 1 + N_CITIES + N_COUNTIES
    bottom = 1 + np.arange(N_TOWNSHIPS)
    rows = np.concatenate(
        [
            np.zeros(N_TOWNSHIPS + 1, dtype=np.int64),
            1 + cities,
            first_county + counties,
            first_township + np.arange(N_TOWNSHIPS),
        ]
    )
    columns = np.concatenate([np.arange(N_TOWNSHIPS + 1), bottom, bottom, bottom])
    names = ["province"] + ["city"] * N_CITIES + ["county"] * N_COUNTIES + ["township"] * N_TOWNSHIPS
    return Hierarchy(
        node_ids=IdMap.of([f"r{i}" for i in range(n_nodes)]),
        node_levels=np.array(names, dtype=object),
        node_regions=np.arange(n_nodes),
        bottom_regions=np.concatenate([[0], first_township + np.arange(N_TOWNSHIPS)]),
        summing=sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(n_nodes, N_TOWNSHIPS + 1)),
        categories=IdMap.of([f"c{i}" for i in range(N_CATEGORIES)]),
    )


def smoothed(history: NDArray[np.float64], horizon: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Exponential smoothing of every node at once: means (n, horizon) and one-step residuals (n, n_weeks - 1)."""
    level = history[:, 0].copy()
    residuals = np.empty((len(history), history.shape[1] - 1))
    for week in range(1, history.shape[1]):
        residuals[:, week - 1] = history[:, week] - level
        level += 0.15 * residuals[:, week - 1]
    return np.repeat(level[:, None], horizon, axis=1), residuals


def scale(n_paths: int, horizon: int, n_weeks: int) -> None:
    rng = np.random.default_rng(0)
    hierarchy = province()
    n_bottoms = hierarchy.n_bottoms
    rate = rng.gamma(0.4, 6.0, (n_bottoms, N_CATEGORIES, 1)) * (1 + 0.2 * np.sin(np.arange(n_weeks) / 8.3))
    history = rng.poisson(rate).astype(np.float64)
    started = time.process_time()
    means = np.empty((n_bottoms, N_CATEGORIES, horizon))
    bottom_rows = np.searchsorted(hierarchy.node_regions, hierarchy.bottom_regions)
    # The root is a sum and a bottom: its own series is a node of its own while reconciling.
    own = np.append(np.arange(hierarchy.n_nodes), hierarchy.n_nodes)
    summing = sparse.vstack([hierarchy.summing, sparse.csr_array(([1.0], ([0], [0])), shape=(1, n_bottoms))]).tocsr()
    bottom_rows[0] = own[-1]
    for category in range(N_CATEGORIES):
        base, residuals = smoothed(np.asarray(summing @ history[:, category]), horizon)
        reconciler = fit_reconciler(summing, bottom_rows, "mint-shrink", residuals)
        means[:, category] = np.maximum(reconciler.bottoms(base), 0.0)
    reconciled = time.process_time()
    parts = as_parts(means)
    groups = level_groups(hierarchy)
    shared = SharedFactors(groups, np.linspace(0.01, 0.02, len(groups)))
    worst, n_nodes = 0.0, 0
    quantiles = []
    for rows, _, wanted in category_paths(parts, shared, N_CATEGORIES, n_paths, rng):
        paths = node_paths(hierarchy, parts.bottom[rows], parts.week[rows], horizon, wanted)
        town_sum = paths[bottom_rows[1:]].sum(axis=0, dtype=np.float64)
        county_sum = paths[1 + N_CITIES : 1 + N_CITIES + N_COUNTIES].sum(axis=0, dtype=np.float64)
        worst = max(worst, float(np.abs(town_sum - county_sum).max()))
        assert (paths >= 0).all()
        quantiles.append(np.quantile(paths, [0.1, 0.5, 0.9], axis=-1, method="lower").astype(np.float32))
        n_nodes += len(paths)
    done = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"nodes {n_nodes}, weeks {horizon}, paths {n_paths}")
    print(f"MinT-shrink of every category {reconciled - started:.1f} CPU s")
    print(f"paths and quantiles {done - reconciled:.1f} CPU s")
    print(f"all {done - started:.1f} CPU s, peak {peak:.2f} GiB, incoherence {worst:.1e}")


def as_parts(means: NDArray[np.float64]) -> OpenParts:
    """A row each bottom, category and week of (n_bottoms, n_categories, horizon) means."""
    bottom, category, week = (grid.ravel() for grid in np.indices(means.shape))
    n_rows = means.size
    return OpenParts(
        bottom=bottom,
        category=category,
        week=week,
        mean=means.ravel(),
        held=np.zeros(n_rows),
        lapse=np.zeros(n_rows),
        linear=np.full(n_rows, 1.3),
        quadratic=np.full(n_rows, 0.1),
        limit=np.full(n_rows, np.inf),
        kept=np.ones(n_rows),
    )


def back_test(folder: Path, cut_offs: list[str], window_days: float, timezone: str) -> None:
    """Every model at every cut-off, in one table."""
    moments = [pd.Timestamp(one).tz_localize(timezone).tz_convert("UTC") for one in cut_offs]
    until = max(moments) + pd.Timedelta(days=window_days)
    dataset = Dataset.from_tables(read_tables(folder, timezone), until, timezone)
    table = evaluate_demand(dataset, moments, window_days, DemandConfig())
    shown = table[(table["window"] == "all") & ~table["segment"].str.startswith("category:")]
    pivot = shown.pivot_table(index=["segment", "metric"], columns="model", values="mean", sort=False)
    print(pivot.round(4).to_string())
    whole = table[(table["segment"] == "all") & (table["metric"] == "wape")]
    print(whole.pivot_table(index="window", columns="model", values="mean", sort=False).round(4).to_string())
    held = table[(table["model"] == SERVED) & table["metric"].str.startswith("pit") & (table["window"] == "all")]
    print("share of outcomes in the served central intervals, by randomised PIT:")
    print(held.pivot_table(index="segment", columns="metric", values="mean", sort=False).round(3).to_string())
    by_category = table[(table["metric"] == "wape") & table["segment"].str.startswith("category:")]
    wide = by_category.pivot_table(index="segment", columns="model", values="mean", sort=False)
    worse = wide[wide["programme"] > wide["seasonal naive"]]
    print(f"categories in which seasonal naive is better: {list(worse.index)} of {len(wide)}")


def main() -> None:
    parser = county_parser(__doc__, seeds=[], histories="156,26", users=4000)
    parser.add_argument("--scale", action="store_true", help="the province")
    parser.add_argument("--data", type=Path, help="folder of the contract's CSV files to back-test on")
    parser.add_argument("--cut-offs", default="", help="dates, comma between")
    parser.add_argument("--window-days", type=float, default=28)
    parser.add_argument("--timezone", default="Asia/Shanghai")
    parser.add_argument("--paths", type=int, default=200)
    parser.add_argument("--horizon", type=int, default=13)
    parser.add_argument("--weeks", type=int, default=104)
    options = parser.parse_args()
    if options.scale:
        scale(options.paths, options.horizon, options.weeks)
    elif options.seeds:
        for _, row in table_of(each_county(options, judged).to_dict("records")).iterrows():
            print("\n".join(f"{name:<40}{value}" for name, value in row.dropna().items()), end="\n\n")
    elif options.data:
        back_test(options.data, options.cut_offs.split(","), options.window_days, options.timezone)
    else:
        parser.print_help()


if __name__ == "__main__":
    main()
