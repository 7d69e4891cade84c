"""From chances to bookings: noise, parties, places, waitlists, spill."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.bookings.choice import CHILD, Crowd, booking_chances, nests, sessions_by_week
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.people import People
from recsys.simulation.setting.place import Place
from recsys.simulation.setting.tastes import Floats, Ints

SPILL = 0.3
"""Chance that somebody without a place takes another session of the category in that week."""
GAMMA_SHAPE = 7.0
MEMORY = 0.75
"""Week-to-week correlation of the log-noise of a category in a county (gravity)."""
MEMORY_SPREAD = 0.25
SESSION_SPREAD = 0.18

_PARTIES = np.array([[1.0, 0.0, 0.0], [0.72, 0.28, 0.0], [0.35, 0.40, 0.25], [0.5, 0.5, 0.0]])
"""Chance of 1, 2, 3 people: classes; events alone; events with a child in the family; children's events."""


@dataclass(frozen=True)
class Wishes:
    """What people ask for.

    Attributes:
        asks: One row a request: `user_num`, `session_num`, `party`.
        means: (n_sessions, 3) expected requests for 1, 2 and 3 places, before cancelling.
        preferences: For each user the highest chances among the candidates: `user_num`, `session_num`, `chance`.
        noise: (n_sessions,) factor on the means that was drawn.
        memory: Log-noise in the last known week by `county_id`, `category_num` (gravity; else empty).
    """

    asks: pd.DataFrame
    means: NDArray[np.float64]
    preferences: pd.DataFrame
    noise: NDArray[np.float64]
    memory: pd.DataFrame


def early_share(sessions: pd.DataFrame, as_of: pd.Timestamp) -> NDArray[np.float64]:
    """(n_sessions,) expected share of the requests that come before `as_of`."""
    width = _hours(sessions["booking_closes_at"] - sessions["booking_opens_at"])
    left = _hours(sessions["booking_closes_at"] - as_of)
    scale = 0.45 * width
    tail = np.exp(-width / scale)
    return np.clip((np.exp(-np.clip(left, 0, width) / scale) - tail) / (1 - tail), 0.0, 1.0)


def lead_hours(sessions: pd.DataFrame, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) hours between a request and the end of booking: exponential, cut at the opening."""
    width = _hours(sessions["booking_closes_at"] - sessions["booking_opens_at"])
    scale = 0.45 * width
    return -scale * np.log1p(-uniform * (1 - np.exp(-width / scale)))


def _hours(gap: pd.Series) -> NDArray[np.float64]:
    return np.maximum(gap.dt.total_seconds().to_numpy() / 3600, 0.01)


def ask(
    place: Place, people: People, sessions: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> Wishes:
    """Requests of all weeks, county by county, week by week."""
    noise, memory = _noise(sessions, config, rng)
    means = np.zeros((len(sessions), 3))
    asks, preferences = [], []
    week = (sessions["starts_at"].to_numpy().astype("datetime64[D]").astype(np.int64) + 3) // 7
    is_candidate = candidates(sessions, pd.Timestamp(config.as_of))
    late = 1 - early_share(sessions, pd.Timestamp(config.as_of))
    for county_id, rows in people.table.groupby("county_id", sort=True).indices.items():
        crowd = Crowd.of(people, np.asarray(rows, dtype=np.int64), place.venues)
        top: list[tuple[Ints, Floats]] = []
        for nums in sessions_by_week(sessions, str(county_id), week):
            chances = booking_chances(crowd, sessions.iloc[nums], config.shape, config.companion_share)
            _add_means(means, chances, crowd, sessions, nums)
            asks.append(_drawn(chances * noise[nums].astype(np.float32), crowd, nums, rng))
            open_here = is_candidate[nums]
            if open_here.any():
                top.append((nums[open_here], chances[:, open_here] * late[nums[open_here]].astype(np.float32)))
        preferences.append(_highest(top, crowd, config))
    table = pd.concat(asks, ignore_index=True)
    table["party"] = _parties(table, people, sessions, rng)
    return Wishes(table, means, pd.concat(preferences, ignore_index=True), noise, memory)


def candidates(sessions: pd.DataFrame, as_of: pd.Timestamp) -> NDArray[np.bool_]:
    """(n_sessions,) bookable at `as_of`, whoever asks."""
    return np.asarray(
        (sessions["starts_at"] > as_of)
        & (sessions["published_at"] <= as_of)
        & (sessions["booking_opens_at"] <= as_of)
        & (sessions["booking_closes_at"] > as_of)
        & ~(sessions["cancelled_at"] <= as_of)
    )


def _noise(
    sessions: pd.DataFrame, config: SimulationConfig, rng: np.random.Generator
) -> tuple[NDArray[np.float64], pd.DataFrame]:
    n = len(sessions)
    if config.noise == 0:
        return np.ones(n), pd.DataFrame({"county_id": [], "category_num": [], "log_noise": []})
    if config.shape == "logit":
        shape = GAMMA_SHAPE / config.noise**2
        return rng.gamma(shape, 1 / shape, n), pd.DataFrame({"county_id": [], "category_num": [], "log_noise": []})
    spread, own = MEMORY_SPREAD * config.noise, SESSION_SPREAD * config.noise
    week = week_nums(sessions, config)
    keys = pd.MultiIndex.from_arrays([sessions["county_id"], sessions["category_num"]])
    code, unique = pd.factorize(keys, sort=True)
    n_weeks = config.weeks + config.future_weeks + 1
    path = np.empty((len(unique), n_weeks))
    path[:, 0] = rng.normal(0, spread, len(unique))
    for w in range(1, n_weeks):
        path[:, w] = MEMORY * path[:, w - 1] + np.sqrt(1 - MEMORY**2) * rng.normal(0, spread, len(unique))
    log = path[code, week] - spread**2 / 2 + rng.normal(0, own, n) - own**2 / 2
    memory = pd.DataFrame(
        {
            "county_id": unique.get_level_values(0),
            "category_num": unique.get_level_values(1),
            "log_noise": path[:, config.weeks - 1],
        }
    )
    return np.exp(log), memory


def week_nums(sessions: pd.DataFrame, config: SimulationConfig) -> Ints:
    """(n_sessions,) Monday weeks since the week of the first day."""
    days = sessions["starts_at"].to_numpy().astype("datetime64[D]").astype(np.int64)
    first = int(np.datetime64(config.first_day, "D").astype(np.int64))
    return np.asarray((days + 3) // 7 - (first + 3) // 7)


def party_classes(people: People, user_nums: Ints, sessions: pd.DataFrame, session_nums: Ints) -> Ints:
    """(n,) row of the party table for each person and session."""
    has_child = people.table["child_birth_year"].to_numpy()[user_nums] > 0
    training = sessions["kind_num"].to_numpy()[session_nums] == 0
    child = sessions["audience_num"].to_numpy()[session_nums] == CHILD
    return np.select([training, child, has_child], [0, 3, 2], 1)


def _add_means(means: NDArray[np.float64], chances: Floats, crowd: Crowd, sessions: pd.DataFrame, nums: Ints) -> None:
    has_child = crowd.people.table["child_birth_year"].to_numpy()[crowd.nums] > 0
    with_child = chances[has_child].sum(axis=0, dtype=np.float64)
    without = chances[~has_child].sum(axis=0, dtype=np.float64)
    training = sessions["kind_num"].to_numpy()[nums] == 0
    child = sessions["audience_num"].to_numpy()[nums] == CHILD
    first = np.where(training, 0, np.where(child, 3, 2))
    second = np.where(training, 0, np.where(child, 3, 1))
    means[nums] += with_child[:, None] * _PARTIES[first] + without[:, None] * _PARTIES[second]


def _drawn(chances: Floats, crowd: Crowd, nums: Ints, rng: np.random.Generator) -> pd.DataFrame:
    user, session = np.nonzero(rng.random(chances.shape, dtype=np.float32) < np.minimum(chances, np.float32(0.97)))
    return pd.DataFrame({"user_num": crowd.nums[user], "session_num": nums[session]})


def _highest(top: list[tuple[Ints, Floats]], crowd: Crowd, config: SimulationConfig) -> pd.DataFrame:
    if not top:
        return pd.DataFrame({"user_num": np.empty(0, int), "session_num": np.empty(0, int), "chance": np.empty(0)})
    known = crowd.people.table["registered_at"].to_numpy()[crowd.nums] < np.datetime64(config.as_of)
    nums = np.concatenate([n for n, _ in top])
    chances = np.concatenate([c for _, c in top], axis=1)[known]
    depth = min(config.preference_depth, len(nums))
    best = np.argpartition(-chances, depth - 1, axis=1)[:, :depth]
    value = np.take_along_axis(chances, best, axis=1)
    user = np.repeat(crowd.nums[known], depth)
    table = pd.DataFrame({"user_num": user, "session_num": nums[best.ravel()], "chance": value.ravel()})
    return table[table["chance"] > 0].sort_values(["user_num", "session_num"], ignore_index=True)


def _parties(asks: pd.DataFrame, people: People, sessions: pd.DataFrame, rng: np.random.Generator) -> Ints:
    row = party_classes(people, asks["user_num"].to_numpy(), sessions, asks["session_num"].to_numpy())
    return 1 + (rng.random(len(asks))[:, None] > _PARTIES[row].cumsum(axis=1)).sum(axis=1).clip(max=2)


def groups(sessions: pd.DataFrame) -> Ints:
    """(n_sessions,) sessions that people spill over among: same week, place, category, grown-ups or children."""
    week = (sessions["starts_at"].to_numpy().astype("datetime64[D]").astype(np.int64) + 3) // 7
    keys = pd.MultiIndex.from_arrays([week, sessions["county_id"], sessions["city_id"], nests(sessions)])
    return np.asarray(pd.factorize(keys)[0], dtype=np.int64)
