"""Forecasts against the truth: simulated counties, learned from their tables alone, many seeds in one table.

Each county is simulated, read as tables, forecast 13 weeks ahead with the Spring Festival in them, and scored by
`culture score`'s functions. Printed are means over seeds, with 95 % intervals by Student's t: scaled CRPS over the
oracle's and over seasonal naive's (last value where there is no year) at each level; the categories in which that rule
is better and the worst one, losses added up over seeds; bias against the true mean demand; and how many outcomes of
`bookings` lie in the served 50, 80 and 95 % intervals by randomised PIT, pooled over seeds: by level, by week ahead and
by category, and by both at each level beside what chance alone gives (`beyond_chance`).
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
from recsys.simulation.scoring.forecast import score_forecast
from recsys.simulation.truth.oracle import Truth
from training.demand.config import DemandConfig
from training.demand.forecast import judged_forecast
from training.demand.judged import PIT_SHARES
from training.demand.known import weeks_ahead

_LEAST_OUTCOMES = 20


def judged(dataset: Dataset, truth: Truth) -> list[dict[str, Any]]:
    """Figures of one county, as JSON holds them, in one row."""
    hierarchy = Hierarchy.of(dataset, RegionTree.of(dataset))
    came = true_bookings(truth, hierarchy)
    found = judged_forecast(dataset, truth.future_weeks, DemandConfig(), came)
    pits = found.pits
    score = score_forecast(truth, found.forecast.table)
    levels = hierarchy.node_levels.astype(str)
    by_level = [(level, pits[levels == level]) for level in sorted(set(levels))]
    row = {
        **{target: _figures(score[target]) for target in TARGETS},
        "inside": {level: _inside(part) for level, part in by_level},
        "inside by week": {level: [_inside(one) for one in np.moveaxis(part, 2, 0)] for level, part in by_level},
        "inside by category": {
            level: dict(zip(hierarchy.categories.ids, map(_inside, np.moveaxis(part, 1, 0)), strict=True))
            for level, part in by_level
        },
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
    """Outcomes inside, pooled; `beyond_chance` of the weeks ahead and of the categories of each level."""
    levels = list(group[0]["inside"])
    weeks = {level: np.array([world["inside by week"][level] for world in group]) for level in levels}
    names = sorted({name for world in group for name in world["inside by category"][levels[0]]})
    nothing = [0.0] * (len(PIT_SHARES) + 1)
    categories = {
        level: np.array([[world["inside by category"][level].get(name, nothing) for name in names] for world in group])
        for level in levels
    }
    found = {}
    for level in levels:
        total = weeks[level].sum(axis=(0, 1))
        found[f"{level} inside 50 80 95 %"] = f"{_shares(total)} (n {int(total[-1])})"
    of_week, of_category = (sum(parts.values()).sum(axis=0) for parts in (weeks, categories))
    found |= {f"week {week} ahead inside": _shares(total) for week, total in enumerate(of_week)}
    found |= {f"{name} inside": _shares(total) for name, total in zip(names, of_category, strict=True)}
    for level in levels:
        found[f"{level}, weeks ahead beyond chance"] = beyond_chance(weeks[level])
        found[f"{level}, categories beyond chance"] = beyond_chance(categories[level])
    return found


def beyond_chance(cells: NDArray[np.float64]) -> str:
    """How far cells lie from the nominal shares, of (n_worlds, n_cells, 4) outcomes inside, and outcomes.

    For 50, 80 and 95 %: root mean squares over cells, 1 by chance alone, in standard errors of a binomial (as if
    outcomes were independent) and by what the worlds are off, each added up (outcomes of one world go together, and
    levels are sums of each other); and the worst share. Cells of fewer than 20 outcomes are left out.
    """
    cells = cells[:, cells[..., -1].sum(axis=0) >= _LEAST_OUTCOMES]
    if not cells.size:
        return "too few outcomes"
    outcomes, said = cells[..., -1], []
    for place, share in enumerate(PIT_SHARES):
        apart = cells[..., place] - share * outcomes
        off, n = apart.sum(axis=0), outcomes.sum(axis=0)
        binomial = off / np.sqrt(n * share * (1 - share))
        by_worlds = off / np.sqrt(np.maximum((apart**2).sum(axis=0), 1e-9))
        rms = [float(np.sqrt((one**2).mean())) for one in (binomial, by_worlds)]
        worst = int(np.abs(binomial).argmax())
        said.append(f"{rms[0]:.2f} {rms[1]:.2f} (worst {100 * (share + off[worst] / n[worst]):.1f} %)")
    return f"{', '.join(said)}; {cells.shape[1]} cells, {len(cells)} worlds"


def _shares(total: NDArray[np.float64]) -> str:
    return " ".join(f"{100 * count / max(total[-1], 1):.1f}" for count in total[:-1])
