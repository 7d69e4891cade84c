"""From a data set to what deciding on openings needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from features.geography.decay import DistanceDecay
from features.geography.positions import Positions, positions
from features.openings.history import calibrated, followed, no_history, past_openings
from features.openings.running import (
    busy,
    classes_now,
    show_rates,
    taught_categories,
    training_sessions,
    typical_sizes,
    weekly_slots,
)
from features.willingness.ages import AGE_GROUPS
from features.willingness.config import LatentConfig
from features.willingness.draws import drawn_levels, drawn_slots
from features.willingness.exposure import attending, time_cell
from features.willingness.fit import fit_willingness
from recsys.dataset import Dataset
from recsys.openings.inputs import OpeningInputs
from recsys.openings.saturation import Saturation
from recsys.openings.slots import start_minutes
from recsys.regions import RegionTree

PEOPLE_AT_ONCE = 1000


class OpeningsConfig(BaseModel):
    """How the inputs of openings are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    latent: LatentConfig = LatentConfig()
    lapsed_weeks: int = Field(default=52, ge=1, description="weeks without attendance that make a person new again")
    max_start_times: int = Field(default=8, ge=1, description="start times offered a day: the commonest of training")
    max_users: int = Field(
        default=60_000, ge=1, description="users beyond which every second, third ... stands for all"
    )
    follow_weeks: int = Field(default=9, ge=0, description="last weeks on which predictions are checked; 0: none")
    default_size: float = Field(default=30.0, gt=0, description="places of a class where no capacity is known")
    default_spread: float = Field(default=0.5, gt=0, description="relative spread of real around expected attendance")
    show_strength: float = Field(default=30.0, gt=0, description="attendances a category's own show rate must outweigh")


def opening_inputs(dataset: Dataset, config: OpeningsConfig | None = None) -> OpeningInputs:
    """What `recsys.openings.suggest` needs, learned from all that the data set knows, calibrated on past openings."""
    config = config or OpeningsConfig()
    # What was known then is let go of before the rest is learned: of a province each fills the memory.
    history = opening_history(dataset, config)
    return calibrated(_learned_inputs(dataset, config), history)


def opening_history(dataset: Dataset, config: OpeningsConfig | None = None) -> pd.DataFrame:
    """Classes of the last weeks, predicted and real; see `features.openings.history.past_openings`.

    Empty where less than twice `follow_weeks` are known.
    """
    config = config or OpeningsConfig()
    since = dataset.data_until - pd.Timedelta(weeks=config.follow_weeks)
    first = dataset.sessions["starts_at"].min()
    sessions = training_sessions(dataset)
    if config.follow_weeks == 0 or dataset.venues.empty or not first < since - pd.Timedelta(weeks=config.follow_weeks):
        return no_history()
    then = _learned_inputs(dataset.known_at(since), config)
    return past_openings(then, sessions, dataset)


def _thinned(dataset: Dataset, step: int) -> Dataset:
    """Every `step`-th user, with what they did; nothing of the offer changes."""
    users = dataset.users.iloc[::step]
    kept = {
        name: frame[frame["user_id"].isin(users["user_id"])].reset_index(drop=True)
        for name, frame in (("bookings", dataset.bookings), ("feedback", dataset.feedback))
    }
    return replace(dataset, users=users.reset_index(drop=True), **kept)


def _learned_inputs(dataset: Dataset, config: OpeningsConfig) -> OpeningInputs:
    step = -(-len(dataset.users) // config.max_users)
    if step > 1:
        dataset = _thinned(dataset, step)
    step = max(step, 1)
    tree = RegionTree.of(dataset)
    places = positions(dataset, tree)
    learned = fit_willingness(dataset, tree, places, config.latent)
    slots = weekly_slots(dataset, config.max_start_times)
    hours = start_minutes(slots) // 60
    weekday = slots["weekday"].to_numpy() - 1
    cell = time_cell(weekday, hours)
    rng = np.random.default_rng(0)
    km, reach = _km_and_reach(tree, places, learned.circumstances.decay)
    now = classes_now(dataset, learned)
    age_group = learned.exposure.age_group
    ahead = learned.outlook.mean(axis=1)
    rate = learned.rate * ahead.astype(np.float32)
    slot_fit = learned.new_slot_fit(weekday, cell).astype(np.float32)
    usual = usual_access(reach, slot_fit, age_group)
    access, used = access_now(reach, now.by_week, age_group, learned.saturation, usual)
    group_gain, group_bend = gain_by_group(rate, reach, access, age_group, learned.saturation)
    return OpeningInputs(
        categories=learned.exposure.categories,
        venues=_venues(dataset, places.venue_regions, now.held),
        slots=slots,
        tree=tree,
        age_groups=AGE_GROUPS,
        rate=rate * np.float32(step),
        reach=reach,
        km=km,
        age_group=age_group,
        lapsed=_lapsed(dataset, config.lapsed_weeks),
        size=np.full(len(dataset.users), step, dtype=np.float32),
        point_region=places.user_regions,
        access=access,
        taken=rate * used * np.float32(step),
        slot_fit=slot_fit,
        runs_now=now.runs,
        busy=busy(dataset, slots),
        show=show_rates(dataset, learned.exposure.categories, config.show_strength),
        typical_size=typical_sizes(dataset, learned.exposure.categories, config.default_size),
        group_gain=step * group_gain,
        group_bend=group_bend,
        run_fit=now.fit.astype(np.float32),
        taught=taught_categories(dataset, learned.exposure.categories),
        saturation=learned.saturation,
        bias=1.0,
        spread=config.default_spread,
        data_until=dataset.data_until.isoformat(),
        outlook=(learned.outlook / ahead[:, None]).astype(np.float32),
        drawn_levels=drawn_levels(learned.circumstances, rng),
        drawn_slots=drawn_slots(learned.circumstances, weekday, cell, rng),
        followed=followed(no_history(), config.default_spread),
    )


def usual_access(
    reach: NDArray[np.float32], slot_fit: NDArray[np.float32], age_group: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(n_users,) access that a class gives to each, classes counted by what they give.

    Args:
        reach: (n_users, n_venues).
        slot_fit: (n_age_groups, n_slots).
        age_group: (n_users,).
    """
    by_hour = np.square(slot_fit).sum(axis=1) / np.maximum(slot_fit.sum(axis=1), np.float32(1e-12))
    by_venue = np.einsum("uv,uv->u", reach, reach) / np.maximum(reach.sum(axis=1), np.float32(1e-12))
    return np.asarray(by_venue * by_hour[age_group], dtype=np.float32)


def access_now(
    reach: NDArray[np.float32],
    by_week: NDArray[np.float64],
    age_group: NDArray[np.int64],
    saturation: Saturation,
    usual: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n_users, n_categories) access to what runs now, and the interest that it uses up in the mean of the weeks.

    The access is that beside which a usual class is worth what it is in the mean of the weeks, not the mean access: in
    a week in which nothing is on, a new class takes from nothing.

    Args:
        reach: (n_users, n_venues).
        by_week: See `RunningClasses`.
        age_group: (n_users,).
        saturation: How interest is used up.
        usual: (n_users,) access that a usual class gives.
    """
    shape, share = (len(reach), by_week.shape[2]), np.float32(1 / len(by_week))
    gain, used = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for group in range(len(AGE_GROUPS)):
        mine = age_group == group
        near, given = reach[mine], usual[mine, None]
        for one in by_week[:, group]:
            access = near @ one.T.astype(np.float32)
            gain[mine] += saturation.gain(access, given) * share
            used[mine] += saturation.used(access) * share
    return saturation.access_at(gain, usual[:, None]), used


def gain_by_group(
    rate: NDArray[np.float32],
    reach: NDArray[np.float32],
    access: NDArray[np.float32],
    age_group: NDArray[np.int64],
    saturation: Saturation,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(n_age_groups, n_categories, n_venues) gain of a class to first order, and its bend; see `OpeningInputs`.

    The bend is the mean of people's own, each counted by what they would be drawn.

    Args:
        rate: (n_users, n_categories).
        reach: (n_users, n_venues).
        access: (n_users, n_categories) to what runs now.
        age_group: (n_users,).
        saturation: How interest is used up.
    """
    shape = (len(AGE_GROUPS), rate.shape[1], reach.shape[1])
    gain, bend = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    for group in range(len(AGE_GROUPS)):
        mine = age_group == group
        left, near = rate[mine] * saturation.slope(access[mine]), reach[mine]
        gain[group] = left.T @ near
        used = (left * saturation.bend(access[mine])).T @ np.square(near)
        bend[group] = used / np.maximum(gain[group], np.float32(1e-12))
    return gain, bend


def _km_and_reach(
    tree: RegionTree, places: Positions, decay: DistanceDecay
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """(n_users, n_venues) distance and willingness by it, a few people at a time: of a province either is large."""
    shape = (len(places.users), len(places.venues))
    far, reach = np.empty(shape, dtype=np.float16), np.empty(shape, dtype=np.float32)
    for first in range(0, shape[0], PEOPLE_AT_ONCE):
        some = slice(first, first + PEOPLE_AT_ONCE)
        km = places.km(tree, some)
        far[some], reach[some] = km, decay.reach(km)
    return far, reach


def _venues(dataset: Dataset, regions: NDArray[np.int64], held: NDArray[np.float64]) -> pd.DataFrame:
    venues = dataset.venues
    return pd.DataFrame(
        {
            "venue_id": venues["venue_id"],
            "name": venues["name"],
            "region_num": regions,
            "seats": venues["seats"],
            "free_slots": np.maximum(venues["weekly_slots"] - np.round(held), 0.0),
            "rooms": venues["rooms"],
        }
    ).reset_index(drop=True)


def _lapsed(dataset: Dataset, weeks: int) -> NDArray[np.float32]:
    """(n_users,) 1 for who has attended nothing in the last `weeks`, see `attending`."""
    bookings = dataset.bookings
    starts = bookings["session_id"].map(dataset.sessions.set_index("session_id")["starts_at"])
    recent = (starts < dataset.data_until) & (starts >= dataset.data_until - pd.Timedelta(weeks=weeks))
    return (~dataset.users["user_id"].isin(bookings.loc[attending(bookings) & recent, "user_id"])).to_numpy(
        dtype=np.float32
    )
