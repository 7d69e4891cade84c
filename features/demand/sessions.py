"""Sessions as a forecaster sees them: what was on hand at each earlier week's cut-off, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from features.demand.counts import (
    NEVER_US,
    NOT_STATED,
    WEEK_US,
    is_full,
    is_stated,
    on_hand_names,
    session_figures,
)
from features.demand.outliers import without_giant_parties
from features.demand.people import PeopleBook, people_book, weeks_back
from features.demand.register import Register
from features.demand.speed import speed_of
from features.interactions import with_row_numbers
from recsys.availability import ADULT_AGE
from recsys.dataset import Dataset, local_times
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.speed import FIT_NOBODY, Speed
from recsys.regions import RegionTree, session_regions


@dataclass(frozen=True)
class SessionBook:
    """One row a session known at `as_of`, seen from origins `as_of - 7 j days` (local clock), j = 0, 1, ...

    An age counts weeks back from `as_of`: a session of age a started in [as_of - 7a days, as_of - 7(a-1) days),
    so it has begun by origin j if a > j; a <= 0 lies ahead. Its lead at origin j is j - a >= 0 whole weeks.

    Attributes:
        as_of: Local time without a zone.
        bottom: Bottom region in which it counts.
        category: Category number.
        keys: Code of its activity, series, organiser and venue by name; -1 where unknown.
        starts: Local start.
        week: Weeks from the week that holds `as_of` to its own (negative: past).
        age: See above.
        known_age: Weeks back from `as_of` to when it became known; inf: always known.
        opens_age: Weeks back to when it can be booked; NaN: not stated.
        cancelled_age: Weeks back to its cancellation; -inf: not cancelled.
        places: Places taken by what is known at `as_of`; the final figure once it has begun; 0 if cancelled.
        unexplained: Of these, before the week that holds `as_of`, what single bookings state beyond what they are taken
            to be for: a slip of the pen that `waiting`, `on_hand` and `speed` do not count.
        waiting: Places on the waitlist.
        capacity: Places offered; NaN where not stated or absurd.
        price: NaN where not stated.
        traits: (n_sessions,) numbers by name that say what it is like: `min_age`, `max_age`, `online`, `hours`.
        on_hand: (n_sessions, n_leads) places booked by the origin of each lead.
        register: How many people there were and will be.
        speed: How quickly each filled.
        residents: People, and how near they live to each place.
    """

    as_of: pd.Timestamp
    bottom: NDArray[np.int64]
    category: NDArray[np.int64]
    keys: dict[str, NDArray[np.int64]]
    starts: NDArray[np.datetime64]
    week: NDArray[np.int64]
    age: NDArray[np.int64]
    known_age: NDArray[np.float64]
    opens_age: NDArray[np.float64]
    cancelled_age: NDArray[np.float64]
    places: NDArray[np.float64]
    unexplained: NDArray[np.float64]
    waiting: NDArray[np.float64]
    capacity: NDArray[np.float64]
    price: NDArray[np.float64]
    traits: dict[str, NDArray[np.float64]]
    on_hand: NDArray[np.float32]
    register: Register
    speed: Speed
    residents: PeopleBook

    def __len__(self) -> int:
        return len(self.age)

    @property
    def place(self) -> NDArray[np.int64]:
        """(n_sessions,) row of `near`."""
        venue = self.keys["venue"]
        return np.where(venue >= 0, venue, self.residents.near.shape[0] - 1)

    def known_by(self, cut: int) -> NDArray[np.bool_]:
        """(n_sessions,) known at origin `cut`."""
        return np.asarray(self.known_age >= cut)

    def cancelled_by(self, cut: int) -> NDArray[np.bool_]:
        """(n_sessions,) known to be cancelled at origin `cut`."""
        return np.asarray(self.cancelled_age >= cut)

    def people(self, cut: int) -> NDArray[np.float64]:
        """(n_sessions,) people registered by the start, over those of origin `cut`; from there on they grow as lately.

        Who registered later is not known there; who states no time counts always.
        """
        back = np.asarray((np.datetime64(self.as_of) - self.starts) / np.timedelta64(7, "D"), dtype=np.float64)
        return self.register.share(back, seen=float(cut), over=float(cut))

    @property
    def is_for_children(self) -> NDArray[np.bool_]:
        """(n_sessions,) no adult may come."""
        return np.asarray(self.traits["max_age"] < ADULT_AGE)

    @property
    def is_cancelled(self) -> NDArray[np.bool_]:
        """(n_sessions,) known to be cancelled at `as_of`."""
        return np.isfinite(self.cancelled_age)

    @property
    def is_full(self) -> NDArray[np.bool_]:
        """(n_sessions,) every stated place is taken."""
        return np.asarray(is_full(self.places, self.capacity) & ~self.is_cancelled)

    def likeness(self) -> list[NDArray[np.int64]]:
        """(n_sessions,) codes each, -1 where unknown: what a session is like, from the general to the particular."""
        return [
            self.category,
            joint_codes(self.bottom, self.category),
            joint_codes(self.keys["organiser"], self.category),
            joint_codes(self.keys["venue"], self.category),
            joint_codes(self.keys["series"], self.category),
            self.keys["activity"],
        ]


def joint_codes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) codes from 0 of pairs of codes; -1 where either is."""
    joint = np.where((first < 0) | (second < 0), -1, first * (int(second.max(initial=0)) + 1) + second)
    codes, where = np.unique(joint, return_inverse=True)
    has_missing = len(codes) > 0 and codes[0] == -1
    return np.asarray(where - int(has_missing), dtype=np.int64)


def session_book(
    dataset: Dataset, tree: RegionTree, hierarchy: Hierarchy, n_leads: int, history_weeks: int
) -> SessionBook:
    """The sessions of the last `history_weeks` weeks and of all weeks ahead, in order of start."""
    as_of = dataset.data_until.tz_convert(dataset.timezone).tz_localize(None)
    starts = local_times(dataset.sessions["starts_at"], dataset.timezone)
    recent = (starts >= as_of - pd.Timedelta(weeks=history_weeks)).to_numpy()
    order = np.argsort(starts.to_numpy(), kind="stable")
    order = order[recent[order]]
    region = session_regions(dataset, tree)[order]
    sessions = dataset.sessions.iloc[order].reset_index(drop=True)
    starts = starts.iloc[order].reset_index(drop=True)
    activities = dataset.activities.set_index("activity_id")
    of_activity = activities.reindex(sessions["activity_id"]).reset_index()
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


def counted_sessions(book: SessionBook, demand: NDArray[np.float64]) -> pl.DataFrame:
    """What `weekly_counts` takes: a region is a bottom; `demand` (n_sessions,) is what each would have drawn."""
    columns = {
        "region_num": book.bottom,
        "category_num": book.category,
        "week_num": book.week,
        "is_cancelled": book.is_cancelled.astype(np.int64),
        "places": book.places,
        "capacity": np.nan_to_num(book.capacity, nan=NOT_STATED),
        "demand": demand,
    }
    return pl.DataFrame(columns)


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
