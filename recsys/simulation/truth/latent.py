"""What the people of each township would take up of each category, if a class were there."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.choice import Crowd, attractions, saturated, seasons
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.catalogue import CATEGORIES, CATEGORY_NAMES
from recsys.simulation.setting.tastes import N_SLOTS, Floats
from recsys.simulation.world import World


def latent_table(world: World) -> pd.DataFrame:
    """By township and category: `demand_now`, `demand_if_offered`, `class_demand`, `has_supply`.

    People a week, mean over the weeks after `as_of`, among users registered by then, before cancelling and no-shows.
    `demand_now` is what the township's own residents take of the category, wherever it is, nothing being full;
    `demand_if_offered` the same with a typical weekly class (no age limit, best of the eight kinds of hour) at the
    township's first venue; `class_demand` counts those who would come to that class from anywhere in the county.
    `has_supply`: some session of the category in the township from a year before `as_of` to the end of the truth.
    """
    config, sessions = world.config, world.programme.sessions
    venues = world.place.venues
    as_of = pd.Timestamp(config.as_of)
    stations = venues[venues["township_id"] != ""].drop_duplicates("township_id")
    parts = []
    for county_id, rows in world.people.table.groupby("county_id", sort=True).indices.items():
        known = world.people.table["registered_at"].to_numpy()[rows] < as_of.to_datetime64()
        crowd = Crowd.of(world.people, np.asarray(rows, dtype=np.int64)[known], venues)
        here = stations[stations["county_id"] == county_id]
        if len(here) and len(crowd.nums):
            parts.append(_county(world, crowd, here, str(county_id)))
    columns = ["township_id", "category", "demand_now", "demand_if_offered", "class_demand"]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return table.assign(has_supply=_supplied(table, sessions, world, as_of))


def _supplied(table: pd.DataFrame, sessions: pd.DataFrame, world: World, as_of: pd.Timestamp) -> np.ndarray:
    recent = sessions[(sessions["starts_at"] >= as_of - pd.Timedelta(weeks=52)) & (sessions["venue_num"] >= 0)]
    town = world.place.venues["township_id"].to_numpy()[recent["venue_num"]]
    pairs = pd.MultiIndex.from_arrays([town, np.array(CATEGORY_NAMES)[recent["category_num"]]])
    return pd.MultiIndex.from_frame(table[["township_id", "category"]]).isin(pairs)


def typical_class(category: int, venue_num: int, slot: int, day: pd.Timestamp) -> dict[str, object]:
    """A session like those of an ordinary new weekly class."""
    return {
        "category_num": category,
        "kind_num": 0,
        "audience_num": 0,
        "style_num": 0,
        "slot": slot,
        "quality": 0.0,
        "venue_num": venue_num,
        "min_age": np.nan,
        "price": 0.0,
        "starts_at": day,
    }


def _county(world: World, crowd: Crowd, stations: pd.DataFrame, county_id: str) -> pd.DataFrame:
    config, sessions = world.config, world.programme.sessions
    as_of = pd.Timestamp(config.as_of)
    county, city = sessions["county_id"], sessions["city_id"]
    grown = (sessions["audience_num"] != 1) & (sessions["starts_at"] >= as_of)
    mine = sessions[grown & ((county == county_id) | ((county == "") & (city == county_id[:4])))]
    town, towns = pd.factorize(world.people.table["township_id"].to_numpy()[crowd.nums])
    weeks = ((mine["starts_at"] - as_of).dt.days // 7).to_numpy()
    days = as_of + pd.to_timedelta(7 * np.arange(config.future_weeks) + 3, unit="D")
    rows = []
    # The attraction of a class at a station does not depend on its category but for the wish.
    probe = pd.DataFrame([typical_class(0, int(v), slot, as_of) for v in stations.index for slot in range(N_SLOTS)])
    attraction = attractions(crowd, probe, config.shape).reshape(len(crowd.nums), len(stations), N_SLOTS)
    for category in range(len(CATEGORIES)):
        of = (mine["category_num"] == category).to_numpy()
        base = _base(crowd, mine[of], weeks[of], config)
        dates = pd.DataFrame({"starts_at": days, "category_num": category, "kind_num": 0})
        mult = seasons(dates, config.shape).astype(np.float32)
        want = crowd.people.rates[crowd.nums, category] * crowd.brings(config.companion_share)
        now = want[:, None] * saturated(base, config.shape) * mult
        by_town = np.bincount(town, now.mean(axis=1), len(towns))
        for s, station in enumerate(stations.itertuples()):
            added, share = with_class(base, attraction[:, s, :], want, mult, config.shape)
            residents = towns == station.township_id
            here = float(by_town[residents].sum())
            offered = here + float(added[residents[town]].sum())
            rows.append((station.township_id, CATEGORY_NAMES[category], here, offered, share))
    columns = ["township_id", "category", "demand_now", "demand_if_offered", "class_demand"]
    return pd.DataFrame(rows, columns=columns)


def _base(crowd: Crowd, offered: pd.DataFrame, week: NDArray[np.int64], config: SimulationConfig) -> Floats:
    """(n, future_weeks) attraction of what runs, `week` (n_sessions,) being the week of each session."""
    base = np.zeros((len(crowd.nums), config.future_weeks), dtype=np.float32)
    if len(offered):
        drawn = attractions(crowd, offered, config.shape)
        for k, w in enumerate(week):
            base[:, w] += drawn[:, k]
    return base


def with_class(
    base: Floats, attraction: Floats, want: NDArray[np.float64], season: Floats, shape: str
) -> tuple[NDArray[np.float64], float]:
    """(n,) people a week who come with a class beside what runs and would not come else, at its best hour; all of it.

    Both are means of the weeks. What runs in the mean of them tells the best hour, not how many come: in a week with
    nothing on a class takes from nothing, so it adds more than beside the mean.

    Args:
        base: (n, n_weeks) attraction of what runs.
        attraction: (n, N_SLOTS) of the class.
        want: (n,) people a week who want the category.
        season: (n_weeks,) multiplier of demand.
        shape: Of the choice.
    """
    typical = base.mean(axis=1, keepdims=True)
    best = int((want @ (saturated(typical + attraction, shape) - saturated(typical, shape))).argmax())
    drawn = attraction[:, [best]]
    total = base + drawn
    chance = saturated(total, shape)
    added = (chance - saturated(base, shape)) @ season / len(season)
    share = (chance * drawn / np.maximum(total, 1e-12)) @ season / len(season)
    return want * added, float(want @ share)
