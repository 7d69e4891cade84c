"""Who lives there and what they like; two families of taste."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.catalogue import GROUP_STARTS
from recsys.simulation.setting.place import KM_PER_DEGREE, Place
from recsys.simulation.setting.tastes import Floats, Ints, Own, Population, draw, habits, rates

_GROUP_SHARES = (0.05, 0.15, 0.33, 0.24, 0.19, 0.04)
_GROUP_ENDS = (14, 18, 30, 45, 60, 75, 88)


@dataclass(frozen=True)
class People:
    """True persons, one row a registered user (some register after the known past ends).

    Attributes:
        table: `user_id`, `birth_year`, `gender`, `region_id`, `township_id`, `county_id`, `city_id`, `lat`, `lon`,
            `registered_at` (local), `child_birth_year` (0: none), `no_show`, `personalised`, `birth_known` to the
            platform.
        group: (n,) row of the person's age group.
        rates: (n, n_categories) chance a week to want a category, before season and what is in reach.
        child_rates: (n, n_categories) the same for the child that the account books for.
        slots: (n, N_SLOTS) log-fit of the hour, `kinds`: (n, n_kinds) of the kind, `styles`: (n, n_styles).
        reach_km: (n,) scale of the distance decay (logit) or farthest distance (gravity).
        companion: (n,) row of somebody of the same county who may come along; the person itself: nobody.
    """

    table: pd.DataFrame
    group: Ints
    rates: Floats
    child_rates: Floats
    slots: Floats
    kinds: Floats
    styles: Floats
    reach_km: Floats
    companion: Ints

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True)
class Drawn:
    """People, what they share and what was drawn for each, row by row."""

    people: People
    population: Population
    own: Own


def make_people(place: Place, config: SimulationConfig, rng: np.random.Generator) -> People:
    """Persons with homes, ages, families and tastes of the configured shape."""
    return draw_people(place, config, rng).people


def draw_people(place: Place, config: SimulationConfig, rng: np.random.Generator) -> Drawn:
    """The same people, and where their tastes come from."""
    registered = _registrations(config, rng)
    n = len(registered)
    homes = place.villages.iloc[_homes(place, n, rng)].reset_index(drop=True)
    start_year = config.first_day.year
    group = rng.choice(6, n, p=_GROUP_SHARES) + 1
    low, high = np.array(GROUP_STARTS)[group], np.array(_GROUP_ENDS)[group]
    age = low + np.floor(rng.random(n) ** 1.15 * (high - low)).astype(int)
    female = rng.random(n) < 0.63
    parent = ((age >= 26) & (age <= 47) & (rng.random(n) < 0.58)) | ((age >= 55) & (age < 74) & (rng.random(n) < 0.16))
    child = np.where(parent, start_year - rng.integers(4, 13, n), 0)
    jitter = rng.normal(0, 0.45 / KM_PER_DEGREE, (n, 2))
    order = np.sort(registered.to_numpy())
    table = pd.DataFrame(
        {
            "user_id": [f"u{k:07d}" for k in range(n)],
            "birth_year": start_year - age,
            "gender": np.where(female, "f", "m"),
            "region_id": homes["region_id"],
            "township_id": homes["township_id"],
            "county_id": homes["county_id"],
            "city_id": homes["city_id"],
            "lat": homes["lat"] + jitter[:, 0],
            "lon": homes["lon"] + jitter[:, 1],
            "registered_at": order,
            "child_birth_year": child,
            "no_show": rng.beta(1.5, 11, n),
            "personalised": rng.random(n) >= 0.03,
            "birth_known": rng.random(n) >= 0.08 * config.missing,
        }
    )
    population, own = draw(table, group, female, config, rng)
    wishes, child_wishes = rates(population, own)
    slots, kinds, styles, reach = habits(population, own)
    people = People(table, group, wishes, child_wishes, slots, kinds, styles, reach, _companions(table, rng))
    return Drawn(people, population, own)


def _registrations(config: SimulationConfig, rng: np.random.Generator) -> pd.Series:
    """Local times: a share before the start, then at a steady pace to the end of the future."""
    first = pd.Timestamp(config.first_day)
    # Short pasts see less of the growth.
    before = round(config.users * (1 - (1 - config.registered_before) * min(config.weeks / 26, 1.0)))
    during = config.users - before
    after = round(during / config.weeks * config.future_weeks)
    days = np.concatenate(
        [
            -730 * rng.beta(1.0, 1.6, before),
            7 * config.weeks * rng.random(during),
            7 * config.weeks + 7 * config.future_weeks * rng.random(after),
        ]
    )
    hours = (np.clip(rng.normal(14.5, 4.0, len(days)), 6, 23)) / 24
    return first + pd.Series(pd.to_timedelta(np.floor(days) + hours, unit="D").floor("s"))


def _homes(place: Place, n: int, rng: np.random.Generator) -> Ints:
    weight = place.villages["population"].to_numpy(dtype=float)
    # Towns use the platform more than far villages.
    near = place.villages["region_id"].str[6:7].eq("0").to_numpy()
    weight = weight * np.where(near, 1.4, 1.0)
    return np.sort(rng.choice(len(weight), n, p=weight / weight.sum()))[rng.permutation(n)]


def _companions(table: pd.DataFrame, rng: np.random.Generator) -> Ints:
    """Neighbours in the order of townships pair up; about half have somebody."""
    n = len(table)
    order = np.lexsort((rng.random(n), table["region_id"].to_numpy(dtype=str)))
    companion = np.arange(n)
    left, right = order[0 : n - n % 2 : 2], order[1::2][: n // 2]
    county = table["county_id"].to_numpy()
    pairs = (rng.random(len(left)) < 0.5) & (county[left] == county[right])
    companion[left[pairs]], companion[right[pairs]] = right[pairs], left[pairs]
    return companion
