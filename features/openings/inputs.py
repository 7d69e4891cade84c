"""From a data set to what deciding on openings needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from features.geography.borders import Borders
from features.geography.decay import DistanceDecay
from features.geography.positions import Positions, positions
from features.openings.gains import Beside
from features.openings.history import calibrated, followed, no_history, past_openings
from features.openings.running import (
    RunningClasses,
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
from features.willingness.exposure import Exposure, time_cell
from features.willingness.fit import fit_willingness
from features.willingness.offered import attending, exposure
from recsys.closed import Closed
from recsys.dataset import Dataset
from recsys.openings.classes.slots import start_minutes
from recsys.openings.learned.inputs import OpeningInputs
from recsys.regions import RegionTree

PEOPLE_AT_ONCE = 1000


class OpeningsConfig(Closed):
    """How the inputs of openings are made."""

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


def _some_users(dataset: Dataset, config: OpeningsConfig) -> tuple[Dataset, Exposure, int]:
    """Users to learn from, what they could have gone to, and how many each stands for; of many, every n-th."""
    step = max(-(-len(dataset.users) // config.max_users), 1)
    # Before people are thinned out: by the bookings of some no session would have been full.
    offered = exposure(dataset, config.latent.history_weeks)
    if step == 1:
        return dataset, offered, step
    return _thinned(dataset, step), offered.some(np.arange(0, len(dataset.users), step)), step


def _learned_inputs(dataset: Dataset, config: OpeningsConfig) -> OpeningInputs:
    dataset, offered, step = _some_users(dataset, config)
    tree = RegionTree.of(dataset)
    places = positions(dataset, tree)
    learned = fit_willingness(dataset, tree, places, config.latent, offered)
    slots = weekly_slots(dataset, config.max_start_times)
    weekday = slots["weekday"].to_numpy() - 1
    cell = time_cell(weekday, start_minutes(slots) // 60)
    rng = np.random.default_rng(0)
    km, reach = _km_and_reach(tree, places, learned.circumstances.decay)
    now = classes_now(dataset, learned)
    ahead = learned.outlook.mean(axis=1)
    rate = learned.rate * ahead.astype(np.float32)
    slot_fit = learned.new_slot_fit(weekday, cell).astype(np.float32)
    beside = Beside.of(rate, reach, slot_fit, now, learned)
    return OpeningInputs(
        categories=learned.exposure.categories,
        venues=_venues(dataset, places.venue_regions, now.held),
        slots=slots,
        **_programme(dataset, learned.exposure.categories, slots, now, config),
        tree=tree,
        age_groups=AGE_GROUPS,
        rate=rate * np.float32(step),
        reach=reach,
        km=km,
        age_group=learned.exposure.age_group,
        lapsed=_lapsed(dataset, config.lapsed_weeks),
        size=np.full(len(dataset.users), step, dtype=np.float32),
        point_region=places.user_regions,
        access=beside.access,
        taken=rate * beside.used * np.float32(step),
        slot_fit=slot_fit,
        group_gain=step * beside.group_gain,
        group_bend=beside.group_bend,
        saturation=learned.saturation,
        bias=1.0,
        spread=config.default_spread,
        data_until=dataset.data_until.isoformat(),
        outlook=(learned.outlook / ahead[:, None]).astype(np.float32),
        drawn_levels=drawn_levels(learned.circumstances, rng),
        drawn_slots=drawn_slots(learned.circumstances, weekday, cell, rng),
        followed=followed(no_history(), config.default_spread),
    )


def _programme(
    dataset: Dataset, categories: NDArray[np.object_], slots: pd.DataFrame, now: RunningClasses, config: OpeningsConfig
) -> dict[str, Any]:
    """Fields of `OpeningInputs` on what runs now and how it usually goes, whoever comes."""
    return {
        "runs_now": now.runs,
        "busy": busy(dataset, slots),
        "show": show_rates(dataset, categories, config.show_strength),
        "typical_size": typical_sizes(dataset, categories, config.default_size),
        "run_fit": now.fit.astype(np.float32),
        "taught": taught_categories(dataset, categories),
    }


def _km_and_reach(
    tree: RegionTree, places: Positions, decay: DistanceDecay
) -> tuple[NDArray[np.float16], NDArray[np.float32]]:
    """(n_users, n_venues) distance, and willingness by it and by borders.

    A few people at a time: of a province either is large.
    """
    shape = (len(places.users), len(places.venues))
    far, reach = np.empty(shape, dtype=np.float16), np.empty(shape, dtype=np.float32)
    borders, venues = Borders.of(tree, places), np.arange(shape[1])
    for people in np.split(np.arange(shape[0]), range(PEOPLE_AT_ONCE, shape[0], PEOPLE_AT_ONCE)):
        km = places.km(tree, people)
        far[people], reach[people] = km, decay.reach(km, borders.across(people[:, None], venues))
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
