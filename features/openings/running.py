"""What runs now: training by category, venue and time, and how it usually goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.counts import is_stated
from features.willingness.ages import AGE_GROUPS, admitted
from features.willingness.exposure import TRAINING, time_cell
from features.willingness.fit import Willingness
from features.willingness.offered import courses
from recsys.dataset import Dataset, local_times
from recsys.ids import IdMap
from recsys.openings.classes.rooms import LASTS
from recsys.openings.classes.slots import start_minutes

WEEKS_BEFORE = 4
RUNS_WITHIN = pd.Timedelta(weeks=WEEKS_BEFORE)
DEFAULT_TIMES = ("09:30", "14:30", "19:00")


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
    facts = dataset.activities.set_index("activity_id")[["category", "online"]].reindex(near["activity_id"])
    venue = venues.nums_or_missing(near["venue_id"])
    column = pd.Index(categories).get_indexer(facts["category"])
    use = (venue >= 0) & ~facts["online"].to_numpy(dtype=bool)
    fit = _fit_of(dataset, learned, near)
    n_weeks = _weeks_covered(near["starts_at"], dataset.data_until)
    week = ((near["starts_at"] - dataset.data_until) // pd.Timedelta(weeks=1)).to_numpy(dtype=np.int64) + WEEKS_BEFORE
    total = np.zeros((n_weeks, len(AGE_GROUPS), len(categories), len(venues)))
    for group in range(len(AGE_GROUPS)):
        np.add.at(total[:, group], (np.clip(week[use], 0, n_weeks - 1), column[use], venue[use]), fit[group, use])
    runs = np.zeros((len(categories), len(venues)), dtype=bool)
    training = near["session_id"].isin(training_sessions(dataset)["session_id"]).to_numpy() & (venue >= 0)
    runs[column[training], venue[training]] = True
    held = np.bincount(venue[training], minlength=len(venues)) / n_weeks
    return RunningClasses(runs, total, held)


def _fit_of(dataset: Dataset, learned: Willingness, sessions: pd.DataFrame) -> NDArray[np.float64]:
    """(n_age_groups, n_sessions) fit of sessions by their slot, kind and course, and of whom they admit."""
    kind = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["kind"]).fillna(TRAINING)
    kind_row = pd.Index(learned.exposure.kinds).get_indexer(kind)
    local = local_times(sessions["starts_at"], dataset.timezone)
    weekday = local.dt.dayofweek.to_numpy(dtype=np.int64)
    fit = learned.slot_fit(weekday, time_cell(weekday, local.dt.hour.to_numpy(dtype=np.int64)))
    fit = fit * np.where(kind_row >= 0, learned.circumstances.kind_fit[:, kind_row], 1.0)
    fit = fit * learned.fit_of_courses(courses(dataset, sessions["activity_id"]))
    return fit * admitted(dataset, sessions)


def _within(sessions: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    away = (sessions["starts_at"] - until).abs()
    return sessions[(away <= RUNS_WITHIN) & sessions["cancelled_at"].isna()]


def _weeks_covered(starts: pd.Series, until: pd.Timestamp) -> int:
    """Weeks that sessions are spread over: four before the cut-off, and as many after it as a timetable reaches."""
    after = int(np.ceil((starts - until).max() / pd.Timedelta(weeks=1))) if len(starts) else 0
    return WEEKS_BEFORE + min(max(after, 0), WEEKS_BEFORE)


def busy(dataset: Dataset, slots: pd.DataFrame) -> NDArray[np.int64]:
    """(n_venues, n_slots) sessions that start within a class's length of the slot in a usual week."""
    venues = IdMap.of(dataset.venues["venue_id"], "venue_id")
    near = _within(dataset.sessions, dataset.data_until)
    row = venues.nums_or_missing(near["venue_id"])
    local = local_times(near["starts_at"], dataset.timezone)
    weekday = local.dt.dayofweek.to_numpy() + 1
    minute = (local.dt.hour * 60 + local.dt.minute).to_numpy()
    held = np.zeros((len(venues), len(slots)))
    for n, (day, at) in enumerate(zip(slots["weekday"], start_minutes(slots), strict=True)):
        meets = (weekday == day) & (np.abs(minute - at) < LASTS) & (row >= 0)
        held[:, n] = np.bincount(row[meets], minlength=len(venues))
    return np.round(held / _weeks_covered(near["starts_at"], dataset.data_until)).astype(np.int64)


def show_rates(dataset: Dataset, categories: NDArray[np.object_], strength: float) -> NDArray[np.float32]:
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


def typical_sizes(dataset: Dataset, categories: NDArray[np.object_], default: float) -> NDArray[np.float32]:
    """(n_categories,) upper quartile of the capacities of training; the overall one for categories without."""
    sessions = training_sessions(dataset)
    capacity = sessions["capacity"].where(is_stated(sessions["capacity"]))
    overall = capacity.quantile(0.75)
    by_category = capacity.groupby(sessions["category"]).quantile(0.75).reindex(categories)
    filled = by_category.fillna(overall if np.isfinite(overall) else default)
    return filled.clip(1, 10_000).to_numpy(dtype=np.float32)
