"""Keys among the candidates on a level, such as their organisers, and each key's past with everybody."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.known.events import Events
from features.signals.known.lookup import Lookup
from recsys.instants import NS_PER_DAY

FAST_DAYS = 21.0
SLOW_DAYS = 90.0
"""Half-lives of what is new and of what lasts."""

PLACE_STEP = 1e6
"""Between the keys in a sorted list of days."""


@dataclass(frozen=True)
class KeyColumns:
    """One level's keys among the candidates, and each key's past with everybody.

    Attributes:
        keys: (n_keys,) key row in the lookup, those that a candidate has.
        of_candidate: (n_candidates,) place in `keys`, -1 where the candidate has none.
        place_of_key: (n_all_keys,) place in `keys`, -1 for keys without a candidate.
        sessions_fast: (n_keys,) sessions held, each halved every `FAST_DAYS`.
        sessions_slow: (n_keys,) the same, every `SLOW_DAYS`.
        taken_fast: (n_keys,) bookings for them, decayed alike.
        taken_slow: (n_keys,) the same.
        n_users: (n_keys,) people who ever booked.
        n_open: (n_keys,) candidates of the key.
        held: (n_held,) place * `PLACE_STEP` + days since each held session, ascending.
    """

    keys: NDArray[np.int64]
    of_candidate: NDArray[np.int64]
    place_of_key: NDArray[np.int64]
    sessions_fast: NDArray[np.float64]
    sessions_slow: NDArray[np.float64]
    taken_fast: NDArray[np.float64]
    taken_slow: NDArray[np.float64]
    n_users: NDArray[np.float64]
    n_open: NDArray[np.float64]
    held: NDArray[np.float64]

    @cached_property
    def tells_nothing(self) -> bool:
        """Whether no two candidates differ on the level: nothing has a key, or all have the same one."""
        return len(np.unique(self.of_candidate)) < 2

    def held_since(self, places: NDArray[np.int64], days: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) sessions of each key held later than so many days ago, NaN where the days are."""
        found = np.full(len(days), np.nan)
        asked = np.flatnonzero(~np.isnan(days))
        start = places[asked] * PLACE_STEP
        found[asked] = np.searchsorted(self.held, start + days[asked] - 1e-6) - np.searchsorted(self.held, start)
        return found


def key_columns(
    level: str, session_nums: NDArray[np.int64], lookup: Lookup, everybody: Events, at: pd.Timestamp
) -> KeyColumns:
    """A level's keys among the candidates, with their past."""
    n_all = len(lookup.keys[level])
    of_candidate = lookup.of_sessions[level][session_nums]
    keys = np.unique(of_candidate[of_candidate >= 0])
    place_of_key = np.full(n_all + 1, -1, dtype=np.int64)
    place_of_key[keys] = np.arange(len(keys))
    held_days = (at.value - lookup.session_start) / NS_PER_DAY
    held = place_of_key[lookup.of_sessions[level]]
    is_held = (held >= 0) & (held_days >= 0)
    event_place = place_of_key[everybody.keys(lookup, level)]
    took = everybody.is_taking & (event_place >= 0)

    def summed(places: NDArray[np.int64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(places, values, minlength=len(keys)).astype(np.float64)

    def decay(days: NDArray[np.float64], half_life: float) -> NDArray[np.float64]:
        return np.exp2(-days / half_life)

    # Sorted, since numpy's `unique` goes through a hash table: five million pairs in 5 s, not 0.04.
    n_people = int(everybody.rows.max(initial=0)) + 1
    pairs = np.sort(event_place[took] * n_people + everybody.rows[took])
    people_of = pairs[np.diff(pairs, prepend=-1) > 0] // n_people
    return KeyColumns(
        keys=keys,
        of_candidate=place_of_key[of_candidate],
        place_of_key=place_of_key,
        sessions_fast=summed(held[is_held], decay(held_days[is_held], FAST_DAYS)),
        sessions_slow=summed(held[is_held], decay(held_days[is_held], SLOW_DAYS)),
        taken_fast=summed(event_place[took], decay(everybody.days[took], FAST_DAYS)),
        taken_slow=summed(event_place[took], decay(everybody.days[took], SLOW_DAYS)),
        n_users=np.bincount(people_of, minlength=len(keys)).astype(np.float64),
        held=np.sort(held[is_held] * PLACE_STEP + held_days[is_held]),
        n_open=np.bincount(place_of_key[of_candidate][of_candidate >= 0], minlength=len(keys)).astype(np.float64),
    )
