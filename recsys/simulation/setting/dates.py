"""When activities take place: their dates, seats, prices and notice."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.place import Place
from recsys.simulation.setting.season import days_from_spring_festival

DATE_QUALITY_SPREAD = 0.1
"""Of each date of anything, beside what its activity has in common."""
SHORT_NOTICE_DAYS = (3, 12)
"""Days before the start at which events at short notice are published: from, and up to but without."""


def dates(activities: pd.DataFrame, place: Place, config: SimulationConfig, rng: np.random.Generator) -> pd.DataFrame:
    """Sessions of the activities, sorted by start; see `Programme.sessions`."""
    row, one, days, is_training = _kept(activities, config)
    n = len(one)
    minutes = rng.choice([0, 0, 30], n) * ~is_training
    starts = days + one["hour"].to_numpy() * np.timedelta64(60, "m") + minutes.astype("timedelta64[m]")
    lasting = np.select([is_training, one["kind_num"] == 2], [90, 180], 120)
    notice, opens = _notice(is_training, starts, row, config, rng)
    venue = np.where(one["online"], -1, one["venue"])
    capacity = _capacity(one, is_training, place, config, rng)
    off = rng.random(n) < config.session_cancel_rate
    called_off = starts - (1 + 6 * rng.random(n) * 24 * 60).astype("timedelta64[m]") - np.timedelta64(24, "h")
    hour_band = np.digitize(one["hour"], [12, 17, 19])
    table = pd.DataFrame(
        {
            "activity_id": one["activity_id"],
            "starts_at": starts,
            "venue_id": np.where(venue >= 0, place.venues["venue_id"].to_numpy()[venue], None),
            "ends_at": starts + lasting.astype("timedelta64[m]"),
            "capacity": capacity,
            "price": one["price"],
            "published_at": notice,
            "booking_opens_at": opens,
            "booking_closes_at": starts - np.timedelta64(60, "m"),
            "cancelled_at": np.where(off, called_off, np.datetime64("NaT")),
            "activity_num": row,
            "category_num": one["category_num"],
            "kind_num": one["kind_num"],
            "audience_num": one["audience_num"],
            "style_num": one["style_num"],
            "slot": np.where(one["weekday"] >= 5, 4, 0) + hour_band,
            "quality": one["quality"] + rng.normal(0, DATE_QUALITY_SPREAD, n),
            "venue_num": venue,
            "county_id": place.venues["county_id"].to_numpy()[one["venue"]],
            "city_id": place.venues["city_id"].to_numpy()[one["venue"]],
            "min_age": one["min_age"],
        }
    ).sort_values("starts_at", kind="stable")
    table.insert(0, "session_id", [f"x{k:07d}" for k in range(n)])
    return table.reset_index(drop=True)


def _kept(
    activities: pd.DataFrame, config: SimulationConfig
) -> tuple[NDArray[np.int64], pd.DataFrame, NDArray[np.datetime64], NDArray[np.bool_]]:
    """Activity row, activity, day and whether it is a class of each date within the world's weeks, less breaks."""
    length = activities["length"].to_numpy()
    row = np.repeat(np.arange(len(activities)), length)
    date_no = np.arange(len(row)) - np.repeat(length.cumsum() - length, length)
    one = activities.iloc[row].reset_index(drop=True)
    is_training = (one["kind_num"] == 0).to_numpy()
    day = (one["first_week"] * 7 + one["weekday"]).to_numpy() + np.where(is_training, 7, 1) * date_no
    first = np.datetime64(config.first_day, "D")
    days = first - (first.astype(np.int64) + 3) % 7 + day
    gap = days_from_spring_festival(days)
    total = (config.weeks + config.future_weeks) * 7
    keep = (days >= first) & (days < first + total) & ~(one["breaks"].to_numpy() & (gap >= -7) & (gap <= 9))
    return row[keep], one[keep].reset_index(drop=True), days[keep], is_training[keep]


def _capacity(
    one: pd.DataFrame,
    is_training: NDArray[np.bool_],
    place: Place,
    config: SimulationConfig,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(n,) places, NaN online and for half of what has no fixed number."""
    seats = place.venues["seats"].to_numpy() / place.venues["rooms"].to_numpy().clip(1)
    places = np.where(is_training, 16.0, 45.0) * one["fill"].to_numpy() * config.capacity_scale
    capacity = np.clip(np.round(places), 5, np.maximum(seats[one["venue"]], 8) * max(config.capacity_scale, 1))
    is_open = one["online"] | ((one["kind_num"] == 2) & (rng.random(len(one)) < 0.5))
    return np.where(is_open, np.nan, np.floor(capacity))


def _notice(
    is_training: NDArray[np.bool_],
    starts: NDArray[np.datetime64],
    row: NDArray[np.int64],
    config: SimulationConfig,
    rng: np.random.Generator,
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Published with the plan of the season (a few events at short notice); booking opens days or weeks before."""
    n_activities = int(row.max(initial=-1)) + 1
    early = rng.integers(95, 130, n_activities)[row]
    late = rng.integers(*SHORT_NOTICE_DAYS, n_activities)[row]
    adhoc = (rng.random(n_activities) < config.adhoc_share)[row] & ~is_training
    first_start = pd.Series(starts).groupby(row).transform("min").to_numpy()
    base = np.where(is_training, first_start, starts).astype("datetime64[D]")
    published = base - np.where(adhoc, late, early).astype("timedelta64[D]") + np.timedelta64(9 * 60, "m")
    window = rng.integers(7, 22, n_activities)[row].astype("timedelta64[D]")
    opens = np.maximum(starts.astype("datetime64[D]") - window + np.timedelta64(8 * 60, "m"), published)
    return published.astype("datetime64[ns]"), opens.astype("datetime64[ns]")
