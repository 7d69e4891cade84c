"""Sessions as a forecaster sees them: what was on hand at each earlier week's cut-off, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
from numpy.typing import NDArray

from features.demand.counts import NOT_STATED, is_full
from features.demand.people import PeopleBook
from features.demand.register import Register
from recsys.availability import for_children
from recsys.demand.speed import Speed


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
        return for_children(self.traits["max_age"])

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
