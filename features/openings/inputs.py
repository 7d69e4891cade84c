"""From a data set to what deciding on openings needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from features.geography.decay import DistanceDecay
from features.geography.positions import Positions, positions
from features.openings.ages import AGE_GROUPS, admitted
from features.openings.exposure import TRAINING, attending, courses, sums_by, time_cell
from features.openings.history import calibrated, followed, no_history, past_openings
from features.willingness.config import LatentConfig
from features.willingness.draws import drawn_levels, drawn_slots
from features.willingness.fit import Willingness, fit_willingness
from recsys.dataset import Dataset, local_times
from recsys.ids import IdMap
from recsys.openings.inputs import OpeningInputs
from recsys.openings.saturation import Saturation
from recsys.openings.slots import start_minutes
from recsys.regions import RegionTree

WEEKS_BEFORE = 4
RUNS_WITHIN = pd.Timedelta(weeks=WEEKS_BEFORE)
DEFAULT_TIMES = ("09:30", "14:30", "19:00")
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
    access = marginal_access(reach, now.by_week, age_group, learned.saturation)
    left = rate * learned.saturation.slope(access)
    group_gain = np.stack([left[age_group == g].T @ reach[age_group == g] for g in range(len(AGE_GROUPS))])
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
        slot_fit=learned.slot_fit(weekday, cell).astype(np.float32),
        runs_now=now.runs,
        busy=_busy(dataset, slots),
        show=_show_rates(dataset, learned.exposure.categories, config.show_strength),
        typical_size=_typical_sizes(dataset, learned.exposure.categories, config.default_size),
        group_gain=(step * group_gain).astype(np.float32),
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


def marginal_access(
    reach: NDArray[np.float32], by_week: NDArray[np.float64], age_group: NDArray[np.int64], saturation: Saturation
) -> NDArray[np.float32]:
    """(n_users, n_categories) the access at which a little more is worth what it is in the mean of the weeks.

    Not the mean access: in a week in which nothing is on, a new class takes from nothing.

    Args:
        reach: (n_users, n_venues).
        by_week: See `RunningClasses`.
        age_group: (n_users,).
        saturation: How interest is used up.
    """
    slope = np.zeros((len(reach), by_week.shape[2]), dtype=np.float32)
    for group in range(len(AGE_GROUPS)):
        near = reach[age_group == group]
        weeks = (saturation.slope(near @ one[group].T.astype(np.float32)) for one in by_week)
        slope[age_group == group] = sum(weeks) / np.float32(len(by_week))
    return saturation.access_at(slope)


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


def training_sessions(dataset: Dataset) -> pd.DataFrame:
    """Sessions of training with `category`; all sessions where no kind is ever delivered or none is training."""
    facts = dataset.activities.set_index("activity_id")[["category", "kind"]].reindex(dataset.sessions["activity_id"])
    sessions = dataset.sessions.assign(category=facts["category"].to_numpy())
    is_training = (facts["kind"] == TRAINING).to_numpy()
    return sessions[is_training] if is_training.any() else sessions


def taught_categories(dataset: Dataset, categories: NDArray[np.object_]) -> NDArray[np.bool_]:
    """(n_categories,) has ever run as training; every category where nothing is known to be training."""
    if not (dataset.activities["kind"] == TRAINING).any():
        return np.ones(len(categories), dtype=bool)
    return np.isin(categories.astype(str), training_sessions(dataset)["category"].unique().astype(str))


def weekly_slots(dataset: Dataset, max_start_times: int) -> pd.DataFrame:
    """Weekly slots to choose from: the commonest start times of training, on each weekday."""
    local = local_times(training_sessions(dataset)["starts_at"], dataset.timezone)
    times = local.dt.strftime("%H:%M").value_counts()
    common = sorted(times[times >= 0.02 * times.sum()].index[:max_start_times]) or list(DEFAULT_TIMES)
    frame = pd.DataFrame([(day, time) for day in range(1, 8) for time in common], columns=["weekday", "start_time"])
    return frame.astype({"weekday": "int64"})


@dataclass(frozen=True)
class RunningClasses:
    """What runs within 28 days of the cut-off.

    Attributes:
        runs: (n_categories, n_venues) a training session of the category is there.
        by_week: (n_weeks, n_age_groups, n_categories, n_venues) fit of each week's sessions of every kind, summed.
        held: (n_venues,) training sessions a week.
    """

    runs: NDArray[np.bool_]
    by_week: NDArray[np.float64]
    held: NDArray[np.float64]

    @property
    def fit(self) -> NDArray[np.float64]:
        """(n_age_groups, n_categories, n_venues) fit in the mean of the weeks."""
        return np.asarray(self.by_week.mean(axis=0))


def classes_now(dataset: Dataset, learned: Willingness) -> RunningClasses:
    """What of each category runs now and where, from sessions within 28 days, before or after, not cancelled."""
    categories = learned.exposure.categories
    venues = IdMap.of(dataset.venues["venue_id"], "venue_id")
    near = _within(dataset.sessions, dataset.data_until)
    kind = near["activity_id"].map(dataset.activities.set_index("activity_id")["kind"]).fillna(TRAINING)
    category = near["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    online = near["activity_id"].map(dataset.activities.set_index("activity_id")["online"]).to_numpy(dtype=bool)
    venue = venues.nums_or_missing(near["venue_id"])
    column = pd.Index(categories).get_indexer(category)
    use = (venue >= 0) & ~online
    local = local_times(near["starts_at"], dataset.timezone)
    weekday = local.dt.dayofweek.to_numpy(dtype=np.int64)
    fit = learned.slot_fit(weekday, time_cell(weekday, local.dt.hour.to_numpy(dtype=np.int64)))
    kind_row = pd.Index(learned.exposure.kinds).get_indexer(kind)
    fit = fit * np.where(kind_row >= 0, learned.circumstances.kind_fit[:, kind_row], 1.0)
    fit = fit * learned.fit_of_courses(courses(dataset, near["activity_id"]))
    fit = fit * admitted(dataset, near)
    weeks = _weeks_covered(near["starts_at"], dataset.data_until)
    week = ((near["starts_at"] - dataset.data_until) // pd.Timedelta(weeks=1)).to_numpy(dtype=np.int64) + WEEKS_BEFORE
    n_weeks = int(weeks[0]) if len(weeks) else WEEKS_BEFORE
    total = np.zeros((n_weeks, len(AGE_GROUPS), len(categories), len(venues)))
    for group in range(len(AGE_GROUPS)):
        np.add.at(total[:, group], (np.clip(week[use], 0, n_weeks - 1), column[use], venue[use]), fit[group, use])
    runs = np.zeros((len(categories), len(venues)), dtype=bool)
    training = near["session_id"].isin(training_sessions(dataset)["session_id"]).to_numpy() & (venue >= 0)
    runs[column[training], venue[training]] = True
    held = sums_by(venue[training], 1.0 / weeks[training], len(venues))
    return RunningClasses(runs, total, held)


def _within(sessions: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    away = (sessions["starts_at"] - until).abs()
    return sessions[(away <= RUNS_WITHIN) & sessions["cancelled_at"].isna()]


def _weeks_covered(starts: pd.Series, until: pd.Timestamp) -> NDArray[np.float64]:
    """Weeks that sessions are spread over: four before the cut-off, and as many after it as a timetable reaches."""
    after = ((starts - until).max() / pd.Timedelta(weeks=1)) if len(starts) else 0.0
    return np.full(len(starts), 4.0 + min(max(float(np.ceil(after)), 0.0), 4.0))


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


def _busy(dataset: Dataset, slots: pd.DataFrame) -> NDArray[np.int64]:
    """(n_venues, n_slots) most sessions at once within 90 minutes of the slot in a usual week."""
    venues = IdMap.of(dataset.venues["venue_id"], "venue_id")
    near = _within(dataset.sessions, dataset.data_until)
    row = venues.nums_or_missing(near["venue_id"])
    local = local_times(near["starts_at"], dataset.timezone)
    weekday = local.dt.dayofweek.to_numpy() + 1
    minute = (local.dt.hour * 60 + local.dt.minute).to_numpy()
    weeks = _weeks_covered(near["starts_at"], dataset.data_until)
    busy = np.zeros((len(venues), len(slots)))
    for n, (day, at) in enumerate(zip(slots["weekday"], start_minutes(slots), strict=True)):
        meets = (weekday == day) & (np.abs(minute - at) < 90) & (row >= 0)
        busy[:, n] = np.bincount(row[meets], 1.0 / weeks[meets], minlength=len(venues))
    return np.round(busy).astype(np.int64)


def _show_rates(dataset: Dataset, categories: NDArray[np.object_], strength: float) -> NDArray[np.float32]:
    """(n_categories,) attended share of attended and no-shows, shrunk to the mean; 1 where none is ever told apart."""
    activity = dataset.bookings["session_id"].map(dataset.sessions.set_index("session_id")["activity_id"])
    category = activity.map(dataset.activities.set_index("activity_id")["category"])
    column = pd.Index(categories).get_indexer(category)
    came = (dataset.bookings["status"] == "attended").to_numpy()
    missed = (dataset.bookings["status"] == "no_show").to_numpy()
    if not missed.any() or not came.any():
        return np.ones(len(categories), dtype=np.float32)
    n_came = np.bincount(column[came], minlength=len(categories))
    n_all = n_came + np.bincount(column[missed], minlength=len(categories))
    mean = n_came.sum() / n_all.sum()
    return ((n_came + strength * mean) / (n_all + strength)).astype(np.float32)


def _typical_sizes(dataset: Dataset, categories: NDArray[np.object_], default: float) -> NDArray[np.float32]:
    """(n_categories,) upper quartile of the capacities of training; the overall one for categories without."""
    sessions = training_sessions(dataset)
    capacity = sessions["capacity"].where(sessions["capacity"] > 0)
    overall = capacity.quantile(0.75)
    by_category = capacity.groupby(sessions["category"]).quantile(0.75).reindex(categories)
    filled = by_category.fillna(overall if np.isfinite(overall) else default)
    return filled.clip(1, 10_000).to_numpy(dtype=np.float32)
