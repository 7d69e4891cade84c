"""Who takes part in what: the chance that a person books a session, in two families."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.catalogue import AUDIENCES, CATEGORIES
from recsys.simulation.people import _SLOT_FIT, Floats, Ints, People
from recsys.simulation.place import KM_PER_DEGREE
from recsys.simulation.season import season

CHILD = AUDIENCES.index("child")
_ONLINE_LOG_COST = -0.9
_BASE_LOG = {"logit": 0.2, "gravity": 0.0}
_GRAVITY_KM = 1.2
_GRAVITY_POWER = 1.7
_SATURATION = 0.8


@dataclass(frozen=True)
class Crowd:
    """Some people and how far each venue is from each.

    Attributes:
        people: All people.
        nums: (n,) rows of those meant here.
        km: (n, n_venues) kilometres from home.
        companion: (n,) place in `nums` of the companion, or the person's own.
    """

    people: People
    nums: Ints
    km: Floats
    companion: Ints

    @classmethod
    def of(cls, people: People, nums: Ints, venues: pd.DataFrame) -> Crowd:
        """The people in rows `nums`."""
        home = people.table.iloc[nums]
        lat, lon = home["lat"].to_numpy(dtype=np.float32), home["lon"].to_numpy(dtype=np.float32)
        north = (lat[:, None] - venues["lat"].to_numpy(dtype=np.float32)[None, :]) * np.float32(KM_PER_DEGREE)
        scale = np.float32(KM_PER_DEGREE * np.cos(np.deg2rad(float(lat.mean()) if len(lat) else 0.0)))
        east = (lon[:, None] - venues["lon"].to_numpy(dtype=np.float32)[None, :]) * scale
        place = np.full(len(people), -1, dtype=np.int64)
        place[nums] = np.arange(len(nums))
        companion = place[people.companion[nums]]
        return cls(people, nums, np.hypot(north, east), np.where(companion < 0, np.arange(len(nums)), companion))


def nests(sessions: pd.DataFrame) -> Ints:
    """(n_sessions,) what competes: sessions of one category for the same (grown-ups or children)."""
    return np.asarray(
        sessions["category_num"].to_numpy() + len(CATEGORIES) * (sessions["audience_num"].to_numpy() == CHILD)
    )


def attraction(crowd: Crowd, sessions: pd.DataFrame, shape: str) -> Floats:
    """(n, n_sessions) pull of each session on each person, 0 where not allowed, not registered or out of question."""
    people, nums = crowd.people, crowd.nums
    is_child = sessions["audience_num"].to_numpy() == CHILD
    slot, kind = sessions["slot"].to_numpy(), sessions["kind_num"].to_numpy()
    venue = sessions["venue_num"].to_numpy()
    log = people.kinds[nums][:, kind] + people.styles[nums][:, sessions["style_num"].to_numpy()]
    own_hours = people.slots[nums][:, slot]
    child_hours = _SLOT_FIT[0][slot].astype(np.float32)
    if shape == "gravity":
        child_hours = np.where(child_hours > -0.9, 0.0, -9.0).astype(np.float32)
    log += np.where(is_child, child_hours, own_hours)
    log += (sessions["quality"].to_numpy() + _BASE_LOG[shape]).astype(np.float32)
    log -= (0.03 * sessions["price"].to_numpy()).astype(np.float32)
    km = np.where(venue >= 0, crowd.km[:, venue], 0.0)
    if shape == "logit":
        log -= km / people.reach_km[nums][:, None]
        pull = np.exp(log + np.where(venue < 0, np.float32(_ONLINE_LOG_COST), np.float32(0)))
    else:
        pull = np.exp(log) * (1 + km / _GRAVITY_KM) ** -_GRAVITY_POWER * (km <= people.reach_km[nums][:, None])
        pull = np.where((venue < 0) | (sessions["price"].to_numpy() > 30), 0.3 * pull, pull)
    return (pull * _allowed(crowd, sessions)).astype(np.float32)


def _allowed(crowd: Crowd, sessions: pd.DataFrame) -> NDArray[np.bool_]:
    table = crowd.people.table.iloc[crowd.nums]
    starts = sessions["starts_at"].to_numpy()
    year = sessions["starts_at"].dt.year.to_numpy()
    is_child = sessions["audience_num"].to_numpy() == CHILD
    birth = np.where(table["birth_known"], table["birth_year"], 3000).astype(np.int32)[:, None]
    child = table["child_birth_year"].to_numpy(dtype=np.int32)[:, None]
    least = np.nan_to_num(sessions["min_age"].to_numpy(dtype=float), nan=-1.0).astype(np.int32)
    old_enough = (least < 0) | (year - birth - 1 >= least)
    child_fits = (child > 0) & (year - child - 1 >= least) & (year - child <= 15)
    registered = table["registered_at"].to_numpy()[:, None] < (starts - np.timedelta64(2, "h"))[None, :]
    return np.asarray(np.where(is_child, child_fits, old_enough) & registered)


def wish(crowd: Crowd, sessions: pd.DataFrame) -> Floats:
    """(n, n_sessions) chance a week to want the session's category at the session's date."""
    people, nums = crowd.people, crowd.nums
    category = sessions["category_num"].to_numpy()
    is_child = sessions["audience_num"].to_numpy() == CHILD
    return np.where(is_child, people.child_rates[nums][:, category], people.rates[nums][:, category])


def saturated(total: Floats, shape: str) -> Floats:
    """Chance to go anywhere of who wants to, given the total pull."""
    if shape == "logit":
        return total / (1 + total)
    return 1 - np.exp(-np.float32(_SATURATION) * total)


def seasons(sessions: pd.DataFrame, shape: str) -> NDArray[np.float64]:
    """(n_sessions,) multiplier of demand by date."""
    return season(
        sessions["starts_at"].to_numpy().astype("datetime64[D]"),
        sessions["category_num"].to_numpy(),
        sessions["kind_num"].to_numpy() == 0,
        shape,
    )


def booking_chances(crowd: Crowd, sessions: pd.DataFrame, shape: str, companion_share: float) -> Floats:
    """(n, n_sessions) chance that each person asks for a place in each session of one week, nothing being full.

    A person wants a category with the week's chance, then goes to one of its sessions in proportion to their pull, or
    to none; a companion may come along.
    """
    if not len(sessions) or not len(crowd.nums):
        return np.zeros((len(crowd.nums), len(sessions)), dtype=np.float32)
    pull = attraction(crowd, sessions, shape)
    nest, place = np.unique(nests(sessions), return_inverse=True)
    total = np.zeros((len(pull), len(nest)), dtype=np.float32)
    for num in range(len(nest)):
        total[:, num] = pull[:, place == num].sum(axis=1)
    share = saturated(total, shape) / np.maximum(total, np.float32(1e-12))
    alone = wish(crowd, sessions) * pull * share[:, place] * seasons(sessions, shape).astype(np.float32)
    alone = np.minimum(alone, np.float32(0.9))
    along = np.float32(companion_share) * alone[crowd.companion] * (pull > 0)
    along[crowd.companion == np.arange(len(pull))] = 0
    return alone + along - alone * along
