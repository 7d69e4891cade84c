"""True demand and bookings by region, category and week."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recsys.simulation.bookings.counts import early_share, groups, week_nums
from recsys.simulation.setting.catalogue import CATEGORY_NAMES
from recsys.simulation.truth.paths import booking_paths, demand_paths
from recsys.simulation.world import World

N_PATHS = 100


def demand_table(world: World) -> pd.DataFrame:
    """`region_id, level, category, week_start, demand_mean, demand, bookings_mean, bookings, is_future`.

    Means are of the programme that was held (a session called off before `as_of` counts nothing); only rows with a
    session in them; every level down to the township.
    """
    config, sessions = world.config, world.programme.sessions
    stay = 1 - config.cancel_rate
    facts = sessions.assign(
        week_num=week_nums(sessions, config),
        group=groups(sessions),
        early=early_share(sessions, pd.Timestamp(config.as_of)),
        n_early=0,
        early_places=0,
        **{f"mean_{k + 1}": world.wishes.means[:, k] * stay for k in range(3)},
    )
    rng = np.random.default_rng([config.seed, 77])
    asked = demand_paths(facts, config.shape, config.noise, N_PATHS, rng)
    taken = booking_paths(facts, asked).mean(axis=1)
    held = held_chance(sessions, pd.Timestamp(config.as_of), config.session_cancel_rate)
    rows = world.bookings
    lasting = rows[rows["called_off"].isna()]
    asks = lasting[~lasting["is_spill"] & lasting["cancels_at"].isna()]
    places = lasting[lasting["places"]]
    n = len(sessions)
    means = facts[["mean_1", "mean_2", "mean_3"]].to_numpy() @ np.arange(1, 4)
    facts = facts.assign(
        demand_mean=means * held,
        demand=np.bincount(asks["session_num"], asks["party"], n),
        bookings_mean=taken * held,
        bookings=np.bincount(places["session_num"], places["party"], n),
    )
    return up_the_tree(
        facts, world.place.venues, world.place.regions, ["demand_mean", "demand", "bookings_mean", "bookings"]
    ).assign(is_future=lambda t: t["week_start"] >= pd.Timestamp(config.as_of) - pd.Timedelta(days=6))


def held_chance(sessions: pd.DataFrame, as_of: pd.Timestamp, cancel_rate: float) -> np.ndarray:
    """(n_sessions,) chance, as of `as_of`, that the session is held."""
    known = (sessions["cancelled_at"] < as_of).to_numpy()
    past = (sessions["starts_at"] < as_of).to_numpy()
    return np.where(known, 0.0, np.where(past, 1.0, 1 - cancel_rate))


def session_region(sessions: pd.DataFrame, venues: pd.DataFrame, regions: pd.DataFrame) -> np.ndarray:
    """(n_sessions,) region of the series in which each counts: its venue's, its township's, or the root if online."""
    root = regions.loc[regions["parent_id"].isna(), "region_id"].iloc[0]
    own = venues["region_id"].str[:9].to_numpy()
    num = sessions["venue_num"].to_numpy()
    return np.where(num >= 0, own[np.maximum(num, 0)], root)


def up_the_tree(facts: pd.DataFrame, venues: pd.DataFrame, regions: pd.DataFrame, values: list[str]) -> pd.DataFrame:
    """Sums of session values by region on every level, category and local week."""
    start = facts["starts_at"].dt.normalize()
    monday = start - pd.to_timedelta(start.dt.dayofweek, unit="D")
    base = pd.DataFrame(
        {
            "region_id": session_region(facts, venues, regions),
            "category": np.array(CATEGORY_NAMES)[facts["category_num"]],
            "week_start": monday,
            **{v: facts[v] for v in values},
        }
    )
    keys = ["region_id", "category", "week_start"]
    base = base.groupby(keys, as_index=False)[values].sum()
    parts = []
    for length, level in ((2, "province"), (4, "city"), (6, "county"), (9, "township")):
        inner = base[base["region_id"].str.len() >= length]
        level_rows = inner.assign(region_id=inner["region_id"].str[:length], level=level)
        parts.append(level_rows.groupby([*keys, "level"], as_index=False)[values].sum())
    table = pd.concat(parts, ignore_index=True)
    return table[["region_id", "level", "category", "week_start", *values]]
