"""Who takes part in what: the chance that a person books a session, in two families."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.setting.catalogue import AUDIENCES, CATEGORIES
from recsys.simulation.setting.people import People
from recsys.simulation.setting.place import KM_PER_DEGREE
from recsys.simulation.setting.season import season
from recsys.simulation.setting.tastes import Floats, Ints, child_hours

CHILD = AUDIENCES.index("child")
_ONLINE_LOG_COST = {"logit": -2.0, "gravity": -3.0}
_BASE_LOG = {"logit": 0.2, "gravity": 0.0}
GRAVITY_KM = 1.2
GRAVITY_POWER = 1.7
"""Decay (1 + km / 1.2)^-1.7 of the attraction (gravity)."""
_SATURATION = 0.8


@dataclass(frozen=True)
class Crowd:
    """Some people and how far each venue is from each.

    Attributes:
        people: All people; the tables of taste below are theirs, turned so that one kind, hour or category is a row.
        nums: (n,) rows of those meant here.
        km: (n, n_venues) kilometres from home.
        companion: (n,) place in `nums` of the companion, or the person's own.
    """

    people: People
    nums: Ints
    km: Floats
    companion: Ints

    @cached_property
    def kinds(self) -> Floats:
        """(n_kinds, n)."""
        return np.ascontiguousarray(self.people.kinds[self.nums].T)

    @cached_property
    def styles(self) -> Floats:
        """(n_styles, n)."""
        return np.ascontiguousarray(self.people.styles[self.nums].T)

    @cached_property
    def slots(self) -> Floats:
        """(n_slots, n)."""
        return np.ascontiguousarray(self.people.slots[self.nums].T)

    @cached_property
    def rates(self) -> Floats:
        """(2 n_categories, n) of the person, then of the child."""
        both = np.concatenate([self.people.rates[self.nums], self.people.child_rates[self.nums]], axis=1)
        return np.ascontiguousarray(both.T)

    @cached_property
    def near(self) -> Floats:
        """(n_venues, n) kilometres over the person's reach."""
        return np.ascontiguousarray((self.km / self.people.reach_km[self.nums][:, None]).T)

    def brings(self, companion_share: float) -> Floats:
        """(n,) people who come when one does: a companion may come along."""
        alone = self.companion == np.arange(len(self.nums))
        return np.where(alone, 1.0, 1.0 + companion_share).astype(np.float32)

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


def attractions(crowd: Crowd, sessions: pd.DataFrame, shape: str) -> Floats:
    """(n, n_sessions) of each session on each person, 0 where not allowed, not registered or out of question."""
    is_child = sessions["audience_num"].to_numpy() == CHILD
    slot, venue = sessions["slot"].to_numpy(), sessions["venue_num"].to_numpy()
    log = crowd.kinds[sessions["kind_num"].to_numpy()]
    log += crowd.styles[sessions["style_num"].to_numpy()]
    hours = crowd.slots[slot]
    hours[is_child] = child_hours(shape)[slot[is_child]][:, None]
    log += hours
    log += appeal(sessions, shape).astype(np.float32)[:, None]
    near = crowd.near[venue]
    near[venue < 0] = 0
    if shape == "logit":
        log -= near
        attraction = np.exp(log)
    else:
        km = crowd.km.T[venue]
        km[venue < 0] = 0
        attraction = np.exp(log - np.float32(GRAVITY_POWER) * np.log1p(km / np.float32(GRAVITY_KM)))
        attraction *= near <= 1
    attraction *= allowed(crowd, sessions)
    return attraction.T


def appeal(sessions: pd.DataFrame, shape: str) -> NDArray[np.float64]:
    """(n_sessions,) log-attraction that is the same for all people: how good it is, its price, whether it is online."""
    price, online = sessions["price"].to_numpy(), sessions["venue_num"].to_numpy() < 0
    constant = sessions["quality"].to_numpy() + _BASE_LOG[shape] - 0.03 * price
    dear = np.where(price > 30, -1.2, 0.0) if shape == "gravity" else 0.0
    return np.asarray(constant + np.where(online, _ONLINE_LOG_COST[shape], dear))


def allowed(crowd: Crowd, sessions: pd.DataFrame) -> NDArray[np.bool_]:
    """(n_sessions, n) whom a session is for, by age and family, and who has registered two hours before it."""
    table = crowd.people.table.iloc[crowd.nums]
    starts = sessions["starts_at"].to_numpy()[:, None]
    year = sessions["starts_at"].dt.year.to_numpy(dtype=np.int32)[:, None]
    is_child = sessions["audience_num"].to_numpy() == CHILD
    birth = np.where(table["birth_known"], table["birth_year"], 3000).astype(np.int32)[None, :]
    child = table["child_birth_year"].to_numpy(dtype=np.int32)[None, :]
    least = np.nan_to_num(sessions["min_age"].to_numpy(dtype=float), nan=-1.0).astype(np.int32)[:, None]
    may = np.asarray(table["registered_at"].to_numpy()[None, :] < starts - np.timedelta64(2, "h"))
    limited = ~is_child & (least[:, 0] > 0)
    may[limited] &= year[limited] - birth - 1 >= least[limited]
    child_year = year[is_child]
    may[is_child] &= (child > 0) & (child_year - child - 1 >= least[is_child]) & (child_year - child <= 15)
    return may


def at_home(crowd: Crowd, sessions: pd.DataFrame) -> NDArray[np.bool_]:
    """(n_sessions, n) people go to houses of their county and of their city."""
    home = crowd.people.table.iloc[crowd.nums]
    county, city = (sessions[name].to_numpy(dtype=str)[:, None] for name in ("county_id", "city_id"))
    same_county, same_city = (
        county == home["county_id"].to_numpy(dtype=str),
        city == home["city_id"].to_numpy(dtype=str),
    )
    return np.asarray(same_county | ((county == "") & same_city))


def sessions_by_week(sessions: pd.DataFrame, county_id: str, week: Ints) -> list[Ints]:
    """Rows of what people of a county may go to, a week each; `sessions` sorted by start, `week` (n_sessions,)."""
    county, city = (sessions[name].to_numpy(dtype=str) for name in ("county_id", "city_id"))
    here = np.flatnonzero((county == county_id) | ((county == "") & (city == county_id[:4])))
    return np.split(here, np.flatnonzero(np.diff(week[here])) + 1)


def wish(crowd: Crowd, sessions: pd.DataFrame) -> Floats:
    """(n, n_sessions) chance a week to want the session's category at the session's date."""
    return crowd.rates[nests(sessions)].T


def saturated(total: Floats, shape: str) -> Floats:
    """Chance to go anywhere of who wants to, given the total attraction."""
    if shape == "logit":
        return total / (1 + total)
    return np.asarray(-np.expm1(-np.float32(_SATURATION) * total))


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

    A person wants a category with the week's chance, then goes to one of its sessions in proportion to their
    attraction, or to none; a companion may come along.
    """
    if not len(sessions) or not len(crowd.nums):
        return np.zeros((len(crowd.nums), len(sessions)), dtype=np.float32)
    attraction = attractions(crowd, sessions, shape).T
    nest, place = np.unique(nests(sessions), return_inverse=True)
    share = np.empty((len(nest), attraction.shape[1]), dtype=np.float32)
    for num in range(len(nest)):
        total = attraction[place == num].sum(axis=0)
        share[num] = saturated(total, shape) / np.maximum(total, np.float32(1e-12))
    alone = attraction * share[place]
    alone *= wish(crowd, sessions).T
    alone *= seasons(sessions, shape).astype(np.float32)[:, None]
    np.minimum(alone, np.float32(0.9), out=alone)
    along = alone[:, crowd.companion] * (attraction > 0)
    along *= np.float32(companion_share)
    along[:, crowd.companion == np.arange(attraction.shape[1])] = 0
    return (alone + along - alone * along).T
