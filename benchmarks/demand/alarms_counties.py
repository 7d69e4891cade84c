"""Alarms on simulated counties in which nothing was changed in the making: had what is wanted truly moved?

`python -m benchmarks.demand.alarms_counties [--seeds 2500-2504] [--histories 26,156] [--users 4000]`. Judged are
categories with a place a week and more, and all categories together, of counties and townships. Printed, by shape and
history: of how many such series an alarm is given; in percent, for how many of these the true mean demand, freed of the
same calendar, had moved the same way by 20 and 40 % over the same weeks (`true 20`, `true 40`), and how many sessions
had by 20 %; and how many of the series without an alarm had moved so over those weeks (`others 20`, `others 40`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.counties import county_parser, each_county
from features.demand.panel import DemandPanel
from recsys.dataset import Dataset
from recsys.demand.alarms import LevelShifts, level_shifts
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from recsys.simulation.truth.oracle import Truth
from training.demand.alarms import WatchedSeries, with_sums
from training.demand.config import DemandConfig
from training.demand.known import known_demand

Floats = NDArray[np.float64]

_HORIZON = 13
_LEAST_PLACES = 1.0
_MOVED = (20, 40)


def judged(dataset: Dataset, truth: Truth) -> Iterator[dict[str, Any]]:
    """A row a level, of single categories and of all together."""
    tree = RegionTree.of(dataset)
    hierarchy = Hierarchy.of(dataset, tree)
    panel = known_demand(dataset, tree, hierarchy, _HORIZON, DemandConfig()).panel
    nodes = panel.nodes()
    watched = WatchedSeries.of(panel, nodes)
    assert watched is not None, "simulated counties have weeks"
    freed = with_sums(true_means(truth, nodes)) / np.maximum(watched.factors, 1e-9)
    found = level_shifts(watched.counts, watched.factors)
    sessions = found.ratios_of(with_sums(nodes.sessions))
    n_beside = len(hierarchy.categories) + 1
    level = np.repeat(hierarchy.node_levels.astype(str), n_beside)
    is_sum = np.arange(len(level)) % n_beside == n_beside - 1
    is_judged = watched.counts.mean(axis=1) >= _LEAST_PLACES
    for name in ("county", "township"):
        for kind, chosen in (("category", ~is_sum), ("all categories", is_sum)):
            rows = np.flatnonzero(is_judged & chosen & (level == name))
            yield {"level": name, "series": kind} | _figures(found, rows, freed, sessions)


def true_means(truth: Truth, nodes: DemandPanel) -> Floats:
    """Shaped like `nodes.demand`."""
    columns = pd.MultiIndex.from_product([nodes.hierarchy.categories.ids, nodes.weeks])
    wide = truth.tables["demand"].pivot_table(
        index="region_id", columns=["category", "week_start"], values="demand_mean", aggfunc="sum"
    )
    return (
        wide.reindex(index=nodes.hierarchy.node_ids.ids, columns=columns)
        .fillna(0.0)
        .to_numpy()
        .reshape(nodes.demand.shape)
    )


def _figures(found: LevelShifts, rows: NDArray[np.int64], freed: Floats, sessions: Floats) -> dict[str, float]:
    """How many are judged, have an alarm, and have moved as far.

    Args:
        found: Alarms.
        rows: Series that are judged.
        freed: (n_series, n_weeks) true means without the calendar.
        sessions: (n_found,) how many times as many sessions there are.
    """
    others = np.setdiff1d(rows, found.series)
    figures = {"judged": float(len(rows)), "alarms": 0.0, "sessions 20": 0.0}
    figures |= {f"{who} {percent}": 0.0 for who in ("true", "others") for percent in _MOVED}
    for place in np.flatnonzero(np.isin(found.series, rows)):
        compared = np.append(found.series[place], others)
        alike = {name: np.repeat(getattr(found, name)[place], len(compared)) for name in ("kind", "weeks")}
        ratios = replace(found, series=compared, **alike).ratios_of(freed)
        far = _far(found.ratio[place], ratios)
        figures["alarms"] += 1
        figures["sessions 20"] += float(_far(found.ratio[place], sessions[place]) >= 1 + _MOVED[0] / 100)
        for percent in _MOVED:
            has_moved = far >= 1 + percent / 100
            figures[f"true {percent}"] += float(has_moved[0])
            figures[f"others {percent}"] += float(has_moved[1:].mean()) if len(others) else 0.0
    return figures


def _far(said: float, ratios: Floats) -> Floats:
    """How many times they moved the way that is said."""
    return ratios if said > 1 else 1 / np.maximum(ratios, 1e-9)


def main() -> None:
    args = county_parser(__doc__, seeds="2500-2504", histories="26,156", users=4000).parse_args()
    sums = each_county(args, judged).groupby(["weeks", "shape", "level", "series"]).sum(numeric_only=True)
    shares = sums.drop(columns=["judged", "alarms", "users", "seed"]).div(sums["alarms"], axis=0)
    print(sums[["judged", "alarms"]].astype(int).join((100 * shares).round(0)).to_string())


if __name__ == "__main__":
    main()
