"""Alarms of a panel: levels of any region that broke or drift, freed of what the calendar explains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.panel import DemandPanel
from recsys.demand.alarms import level_shifts
from recsys.demand.forecast import TABLE_COLUMNS, empty_table
from training.forecasters.pooled import pooled_calendar

Floats = NDArray[np.float64]

_LATEST_WEEKS = 12
"""The calendar is not learned from these: a shift that is looked for may not pass for a season."""


@dataclass(frozen=True)
class WatchedSeries:
    """Series in which shifts are looked for: of each region every category, then all of them together.

    A closed house or an epidemic takes a little of everything: only the sum shows it.

    Attributes:
        counts: (n_nodes * (n_categories + 1), n_weeks) demand.
        factors: The same shape, what the calendar multiplies it by.
        is_season_known: Whether the calendar has a season.
    """

    counts: Floats
    factors: Floats
    is_season_known: bool

    @classmethod
    def of(cls, panel: DemandPanel, nodes: DemandPanel) -> WatchedSeries | None:
        """None where too few weeks are known; `nodes` is the panel by region."""
        pooled = pooled_calendar(panel, n_left_out=min(_LATEST_WEEKS, panel.n_weeks // 3))
        if pooled is None:
            return None
        parts = pooled.factors(nodes.weeks)
        calendar = parts["season"] * parts["holiday"]
        usual = nodes.demand.mean(axis=-1)
        together = usual @ calendar / np.maximum(usual.sum(axis=1, keepdims=True), 1e-9)
        factors = np.concatenate([np.broadcast_to(calendar, nodes.demand.shape), together[:, None]], axis=1)
        return cls(with_sums(nodes.demand), factors.reshape(-1, nodes.n_weeks), pooled.has_season)


def with_sums(values: Floats) -> Floats:
    """(n_nodes * (n_categories + 1), n_weeks) of (n_nodes, n_categories, n_weeks), see `WatchedSeries`."""
    return np.concatenate([values, values.sum(axis=1, keepdims=True)], axis=1).reshape(-1, values.shape[-1])


def alarms_table(panel: DemandPanel, nodes: DemandPanel) -> pd.DataFrame:
    """Breaks and drifts up to the last whole week; `nodes` is the panel by region.

    Where no season is known yet a shift may be one, and says so. See `DemandForecast.alarms`.
    """
    watched = WatchedSeries.of(panel, nodes)
    if watched is None:
        return empty_table(TABLE_COLUMNS["alarms"])
    found = level_shifts(watched.counts, watched.factors)
    node, category = np.divmod(found.series, len(nodes.hierarchy.categories) + 1)
    return pd.DataFrame(
        {
            "region_id": nodes.hierarchy.node_ids.ids[node],
            "level": nodes.hierarchy.node_levels[node],
            "category": np.append(nodes.hierarchy.categories.ids, "")[category],
            "week_start": np.full(len(node), nodes.weeks[-1].to_datetime64()),
            "kind": found.kind,
            "direction": np.where(found.ratio > 1, "up", "down").astype(object),
            "ratio": found.ratio,
            "since": nodes.weeks.to_numpy()[nodes.n_weeks - found.weeks],
            "sessions_ratio": found.ratios_of(with_sums(nodes.sessions)),
            "is_season_known": watched.is_season_known,
        }
    )
