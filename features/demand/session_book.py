"""From a data set to the book of its sessions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from features.demand.counts import NEVER_US, WEEK_US, is_stated, on_hand_names, session_figures
from features.demand.outliers import without_giant_parties
from features.demand.people import people_book, weeks_back
from features.demand.register import Register
from features.demand.sessions import SessionBook
from features.demand.speed import speed_of
from features.interactions import with_row_numbers
from recsys.dataset import Dataset, local_times
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.speed import FIT_NOBODY, Speed
from recsys.regions import RegionTree, session_regions


def session_book(
    dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, n_leads: int, history_weeks: int
) -> SessionBook:
    """The sessions of the last `history_weeks` weeks and of all weeks ahead, in order of start."""
    as_of = dataset.data_until.tz_convert(dataset.timezone).tz_localize(None)
    order = _recent(dataset, as_of - pd.Timedelta(weeks=history_weeks))
    region = session_regions(dataset, tree)[order]
    sessions = dataset.sessions.iloc[order].reset_index(drop=True)
    starts = local_times(sessions["starts_at"], dataset.timezone)
    of_activity = dataset.activities.set_index("activity_id").reindex(sessions["activity_id"]).reset_index()
    cancelled = np.nan_to_num(weeks_back(sessions["cancelled_at"], dataset.timezone, as_of), nan=-np.inf)
    published = np.nan_to_num(weeks_back(sessions["published_at"], dataset.timezone, as_of), nan=np.inf)
    monday = as_of.normalize() - pd.Timedelta(days=as_of.dayofweek)
    category = hierarchy.categories.nums(of_activity["category"])
    capacity = sessions["capacity"].to_numpy(dtype=float)
    is_past = (starts < monday).to_numpy()
    dataset, unexplained = without_giant_parties(dataset, sessions["session_id"], category, capacity, is_past)
    unexplained = np.where(np.isfinite(cancelled), 0.0, unexplained)
    figures = _figures(dataset, sessions["session_id"], starts, cancelled, as_of, n_leads)
    first_booked = figures["first_booked_us"].to_numpy()
    booked = np.where(first_booked == NEVER_US, -np.inf, (_us(as_of) - first_booked) / WEEK_US)
    venue, venue_ids = pd.factorize(sessions["venue_id"])
    return SessionBook(
        as_of=as_of,
        bottom=hierarchy.bottom_nums(tree, region),
        category=category,
        keys={**_keys(sessions, of_activity), "venue": venue.astype(np.int64)},
        starts=starts.to_numpy(),
        week=figures["week_num"].to_numpy(),
        age=figures["age"].to_numpy(),
        known_age=np.fmax(published, booked),
        opens_age=weeks_back(sessions["booking_opens_at"], dataset.timezone, as_of),
        cancelled_age=cancelled,
        places=figures["places"].to_numpy().astype(np.float64) + unexplained,
        unexplained=unexplained,
        waiting=figures["waiting"].to_numpy().astype(np.float64),
        capacity=np.where(is_stated(capacity), capacity, np.nan),
        price=sessions["price"].to_numpy(dtype=float),
        traits=_traits(sessions, of_activity),
        on_hand=np.ascontiguousarray(figures.select(on_hand_names(n_leads)).to_numpy(), dtype=np.float32),
        register=Register.of(dataset, as_of),
        speed=_speed(dataset, sessions, figures, capacity),
        residents=people_book(dataset, tree, sessions, venue_ids, pd.Index(hierarchy.categories.ids)),
    )


def _recent(dataset: Dataset, since: pd.Timestamp) -> NDArray[np.int64]:
    """Rows of the sessions that start at a local time or later, in order of start."""
    starts = local_times(dataset.sessions["starts_at"], dataset.timezone)
    order = np.argsort(starts.to_numpy(), kind="stable")
    return order[(starts >= since).to_numpy()[order]]


def _keys(sessions: pd.DataFrame, of_activity: pd.DataFrame) -> dict[str, NDArray[np.int64]]:
    """Codes of what sessions share, see `SessionBook.keys`."""
    named = {"series": "series_id", "organiser": "organiser_id", "kind": "kind", "audience": "audience"}
    shared = {name: _codes(of_activity[column]) for name, column in named.items()}
    return {"activity": _codes(sessions["activity_id"]), **shared}


def _traits(sessions: pd.DataFrame, of_activity: pd.DataFrame) -> dict[str, NDArray[np.float64]]:
    """Numbers stated of sessions, see `SessionBook.traits`."""
    stated = {name: of_activity[name].to_numpy(dtype=float) for name in ("min_age", "max_age", "online")}
    hours = (sessions["ends_at"] - sessions["starts_at"]) / pd.Timedelta(hours=1)
    return {**stated, "hours": hours.to_numpy(dtype=float)}


def _speed(dataset: Dataset, sessions: pd.DataFrame, figures: pl.DataFrame, capacity: NDArray[np.float64]) -> Speed:
    places = figures["places"].to_numpy().astype(np.float64)
    is_past = (figures["age"].to_numpy() >= 1) & (figures["is_cancelled"].to_numpy() == 0)
    return speed_of(dataset, sessions, places, is_past & ~(capacity - places <= FIT_NOBODY))


def _figures(
    dataset: Dataset,
    ids: pd.Series,
    starts: pd.Series,
    cancelled_age: NDArray[np.float64],
    as_of: pd.Timestamp,
    n_leads: int,
) -> pl.DataFrame:
    """`session_figures` of the sessions of some ids, in their order."""
    bookings = dataset.bookings
    numbers = pl.DataFrame({"session_id": pl.from_pandas(ids), "session_num": np.arange(len(ids))})
    sessions = numbers.lazy().with_columns(
        starts_us=_local_us(starts), is_cancelled=np.isfinite(cancelled_age).astype(np.int64)
    )
    booked = pl.LazyFrame(
        {
            "session_id": pl.from_pandas(bookings["session_id"]),
            "status": pl.from_pandas(bookings["status"]),
            "party_size": bookings["party_size"].to_numpy(dtype=np.int64),
            "booked_us": _local_us(local_times(bookings["booked_at"], dataset.timezone)),
            "status_us": _local_us(local_times(bookings["status_at"], dataset.timezone)),
        }
    )
    coded = with_row_numbers(booked, numbers.lazy(), "session_id")
    figures = session_figures(sessions, coded, as_of_us=_us(as_of), n_leads=n_leads)
    return figures.sort("session_num").collect()


def _codes(values: pd.Series) -> NDArray[np.int64]:
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _us(time: pd.Timestamp) -> int:
    return int(time.to_datetime64().astype("datetime64[us]").astype(np.int64))


def _local_us(times: pd.Series) -> NDArray[np.int64]:
    """(n,) wall-clock microseconds since 1970-01-01, `NEVER_US` for none."""
    values = times.to_numpy(dtype="datetime64[us]")
    return np.where(np.isnat(values), NEVER_US, values.astype(np.int64))
