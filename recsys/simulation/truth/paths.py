"""Sample paths of requests and of places taken, from each session's truth."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.counts import GAMMA_SHAPE, MEMORY, MEMORY_SPREAD, SESSION_SPREAD, SPILL

Paths = NDArray[np.float32]


def demand_paths(
    sessions: pd.DataFrame,
    shape: str,
    noise: float,
    n_paths: int,
    rng: np.random.Generator,
    *,
    memory: pd.DataFrame | None = None,
    last_week: int | None = None,
    is_known: bool = False,
    scale: NDArray[np.float64] | float = 1.0,
) -> Paths:
    """(n_sessions, n_paths) places asked for, none of the sessions being full, neither cancelled.

    Args:
        sessions: `mean_1`..`mean_3`, `week_num`, `county_id`, `category_num`, and `early`, `n_early`, `early_places`.
        shape: Family of the counts.
        noise: The simulator's knob.
        n_paths: Number of paths.
        rng: Source of randomness.
        memory: Log-noise of the last known week (gravity), to start from instead of the stationary spread: by
            `county_id` and `category_num` one column, or one for each path.
        last_week: Week of `memory`.
        is_known: Requests before `as_of` are taken as they came, and what they tell of the noise is used.
        scale: (n_sessions, n_paths) factor on the means, for who does not know them.
    """
    means = sessions[["mean_1", "mean_2", "mean_3"]].to_numpy()
    total = means.sum(axis=1)
    nothing = np.zeros(len(sessions))
    early, n_early = (sessions[name].to_numpy() if is_known else nothing for name in ("early", "n_early"))
    factor: NDArray[np.float64]
    if noise == 0:
        factor = np.ones((len(sessions), n_paths))
    elif shape == "logit":
        strength = GAMMA_SHAPE / noise**2
        drawn = rng.gamma((strength + n_early)[:, None], 1.0, (len(sessions), n_paths))
        factor = drawn / (strength + (early * total)[:, None] * scale)
    else:
        factor = _remembered(sessions, noise, n_paths, rng, memory, last_week)
    paths = np.zeros((len(sessions), n_paths), dtype=np.float32)
    for size in range(3):
        left = (means[:, size] * (1 - early))[:, None] * scale
        paths += (size + 1) * rng.poisson(left * factor).astype(np.float32)
    if is_known:
        paths += sessions["early_places"].to_numpy(dtype=np.float32)[:, None]
    return paths


def _remembered(
    sessions: pd.DataFrame,
    noise: float,
    n_paths: int,
    rng: np.random.Generator,
    memory: pd.DataFrame | None,
    last_week: int | None,
) -> NDArray[np.float64]:
    spread, own = MEMORY_SPREAD * noise, SESSION_SPREAD * noise
    keys = pd.MultiIndex.from_arrays([sessions["county_id"], sessions["category_num"]])
    code, unique = pd.factorize(keys, sort=True)
    week = sessions["week_num"].to_numpy()
    if memory is not None and last_week is not None and len(memory):
        state = memory.set_index(["county_id", "category_num"]).reindex(unique).fillna(0.0).to_numpy()
        log = np.broadcast_to(state, (len(unique), n_paths))
        begin = last_week
    else:
        log = rng.normal(0, spread, (len(unique), n_paths))
        begin = int(week.min(initial=0))
    factor = np.empty((len(sessions), n_paths))
    for now in range(begin, int(week.max(initial=begin)) + 1):
        if now > begin:
            log = MEMORY * log + np.sqrt(1 - MEMORY**2) * rng.normal(0, spread, log.shape)
        here = np.flatnonzero(week == now)
        factor[here] = log[code[here]]
    factor += rng.normal(0, own, factor.shape) - (spread**2 + own**2) / 2
    return np.exp(factor)


def booking_paths(sessions: pd.DataFrame, demand: Paths) -> Paths:
    """(n_sessions, n_paths) places taken: no more than there are; some who find none take another session."""
    capacity = np.nan_to_num(sessions["capacity"].to_numpy(), nan=np.inf).astype(np.float32)[:, None]
    taken = np.minimum(demand, capacity)
    over = demand - taken
    group = pd.factorize(sessions["group"])[0]
    weight = sessions[["mean_1", "mean_2", "mean_3"]].to_numpy().sum(axis=1).astype(np.float32)
    n_groups = int(group.max(initial=-1)) + 1
    in_group = np.bincount(group, weight, n_groups)[group]
    share = np.where(in_group > 0, weight / np.maximum(in_group, 1e-9), 0.0).astype(np.float32)
    spilled = np.zeros((n_groups, demand.shape[1]), dtype=np.float32)
    np.add.at(spilled, group, over)
    arriving = np.float32(SPILL) * share[:, None] * (spilled[group] - over)
    return np.minimum(taken + arriving, capacity)
