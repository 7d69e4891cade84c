"""Forecasts against the truth: simulated counties, learned from their tables alone, many seeds in one table.

Each county is simulated, read as tables, forecast 13 weeks ahead with the Spring Festival in them, and scored by
`culture score`'s functions. Printed are means over seeds, with 95 % intervals by Student's t: scaled CRPS over the
oracle's and over seasonal naive's (last value where there is no year) at each level; the categories in which that rule
is better and the worst one, losses added up over seeds; bias against the true mean demand; and how many outcomes of
`bookings` lie in the served 50, 80 and 95 % intervals by randomised PIT, pooled over seeds: by level, week ahead and
category.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from recsys.dataset import Dataset
from recsys.demand.calibration import pit_coverage
from recsys.demand.forecast import TARGETS
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from recsys.simulation.oracle import Truth
from recsys.simulation.scoring.forecast import score_forecast
from training.demand.config import DemandConfig
from training.demand.forecast import judged_forecast
from training.demand.judged import PIT_SHARES
from training.demand.known import weeks_ahead


def judged(dataset: Dataset, truth: Truth) -> list[dict[str, Any]]:
    """Figures of one county, as JSON holds them, in one row."""
    hierarchy = Hierarchy.of(dataset, RegionTree.of(dataset))
    came = true_bookings(truth, hierarchy)
    found = judged_forecast(dataset, truth.future_weeks, DemandConfig(), came)
    pits = found.pits
    score = score_forecast(truth, found.forecast.table)
    levels = hierarchy.node_levels.astype(str)
    row = {
        **{target: _figures(score[target]) for target in TARGETS},
        "inside": {level: _inside(pits[levels == level]) for level in sorted(set(levels))},
        "inside by week": [_inside(pits[..., week]) for week in range(pits.shape[-1])],
        "inside by category": {name: _inside(pits[:, num]) for num, name in enumerate(hierarchy.categories.ids)},
    }
    return [row]


def true_bookings(truth: Truth, hierarchy: Hierarchy) -> NDArray[np.float64]:
    """(n_bottoms, n_categories, future_weeks) places taken in the end, in sessions that count at the region itself."""
    table = truth.tables["demand"]
    weeks = weeks_ahead(truth.as_of, truth.future_weeks)
    columns = pd.MultiIndex.from_product([hierarchy.categories.ids, weeks])
    wide = table.pivot_table(index="region_id", columns=["category", "week_start"], values="bookings", aggfunc="sum")
    nodes = wide.reindex(index=hierarchy.node_ids.ids, columns=columns).fillna(0.0).to_numpy()
    rows = np.searchsorted(hierarchy.node_regions, hierarchy.bottom_regions)
    # A region with venues of its own may have others below it: what these hold is taken off.
    came = np.linalg.solve(hierarchy.summing[rows].toarray(), nodes[rows])
    return np.asarray(came).reshape(hierarchy.n_bottoms, len(hierarchy.categories), truth.future_weeks)


def _figures(score: dict[str, Any]) -> dict[str, Any]:
    rule = "seasonal naive" if "seasonal naive" in next(iter(score["levels"].values())) else "last value"
    return {
        "levels": {
            level: {"of oracle": one["scrps_over_oracle"], "of rule": one["given"]["scrps"] / one[rule]["scrps"]}
            for level, one in score["levels"].items()
        },
        "categories": {name: [one["given"], one[rule]] for name, one in score["categories"].items()},
        "bias": {part: score["festival_bias"]["given"][part] for part in ("festival", "other")},
    }


def _inside(pits: NDArray[np.float64]) -> list[float]:
    """Outcomes inside each interval of `PIT_SHARES`, and outcomes."""
    found = pits[np.isfinite(pits)]
    return [*(pit_coverage(found, share) * len(found) for share in PIT_SHARES), len(found)] if len(found) else [0.0] * 4


def table_of(worlds: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A row a kind of world and target."""
    kinds: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for world in worlds:
        kinds.setdefault((world["weeks"], world["shape"]), []).append(world)
    rows = []
    for (weeks, shape), group in sorted(kinds.items(), reverse=True):
        for target in TARGETS:
            row: dict[str, Any] = {"weeks": weeks, "shape": shape, "target": target, "seeds": len(group)}
            figures = [world[target] for world in group]
            for level in figures[0]["levels"]:
                for part in ("of oracle", "of rule"):
                    row[f"{level} {part}"] = with_interval([one["levels"][level][part] for one in figures])
            row |= _categories(figures)
            row |= {
                f"{part} bias": with_interval([one["bias"][part] for one in figures]) for part in ("festival", "other")
            }
            if target == "bookings":
                row |= _coverage(group)
            rows.append(row)
    return pd.DataFrame(rows)


def with_interval(values: Sequence[float]) -> str:
    """Mean and 95 % interval over seeds, by Student's t."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = float(stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return f"{mean:.3f} [{mean - half:.3f}, {mean + half:.3f}]"


def _categories(figures: list[dict[str, Any]]) -> dict[str, Any]:
    names = sorted({name for one in figures for name in one["categories"]})
    sums = {name: np.sum([one["categories"].get(name, [0.0, 0.0]) for one in figures], axis=0) for name in names}
    ratios = {name: float(given / rule) for name, (given, rule) in sums.items() if rule > 0}
    worse = sum(ratio > 1 for ratio in ratios.values())
    return {"categories worse": f"{worse} of {len(ratios)}", "worst category of rule": f"{max(ratios.values()):.2f}"}


def _coverage(group: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for level in group[0]["inside"]:
        total = np.sum([world["inside"][level] for world in group if level in world["inside"]], axis=0)
        found[f"{level} inside 50 80 95 %"] = f"{_shares(total)} (n {int(total[-1])})"
    by_week = np.sum([world["inside by week"] for world in group], axis=0)
    found["weeks ahead inside 50 80 95 %"] = ", ".join(_shares(total) for total in by_week)
    names = sorted({name for world in group for name in world["inside by category"]})
    nothing = [0.0] * (len(PIT_SHARES) + 1)
    of_category = [np.sum([w["inside by category"].get(name, nothing) for w in group], axis=0) for name in names]
    apart = [[abs(total[i] / max(total[-1], 1) - share) for total in of_category] for i, share in enumerate(PIT_SHARES)]
    found["categories: mean distance from 50 80 95 %"] = " ".join(f"{100 * np.mean(one):.1f}" for one in apart)
    return found


def _shares(total: NDArray[np.float64]) -> str:
    return " ".join(f"{100 * count / max(total[-1], 1):.1f}" for count in total[:-1])
