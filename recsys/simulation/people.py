"""Who lives there and what they like; two families of taste."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.catalogue import CATEGORIES, GROUP_STARTS, KINDS, STYLES
from recsys.simulation.config import SimulationConfig
from recsys.simulation.place import KM_PER_DEGREE, Place

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

N_SLOTS = 8
"""Kinds of hour: (weekday, weekend) x (morning, afternoon, early evening, late evening)."""

_GROUP_SHARES = (0.05, 0.15, 0.33, 0.24, 0.19, 0.04)
_GROUP_ENDS = (14, 18, 30, 45, 60, 75, 88)
_SLOT_FIT = np.array(
    [  # weekday: morning afternoon evening late; weekend the same
        [-4.0, -1.5, -0.2, -1.5, 0.8, 0.8, 0.0, -1.5],
        [-4.0, -2.0, -0.3, -0.6, 0.6, 0.8, 0.3, -0.5],
        [-1.8, -1.4, 0.3, 0.4, 0.0, 0.8, 0.6, 0.3],
        [-1.4, -1.2, 0.5, 0.3, 0.5, 0.6, 0.2, -0.2],
        [-0.3, -0.2, 0.6, 0.0, 0.3, 0.2, 0.3, -0.4],
        [1.0, 0.7, -0.2, -1.4, 0.4, 0.3, -0.4, -1.6],
        [0.8, 0.6, -1.2, -2.6, 0.3, 0.2, -1.2, -2.8],
    ]
)
_KIND_FIT = np.array(
    [  # training performance exhibition lecture reading heritage livestream exchange
        [0.9, 0.3, -0.2, -0.8, 0.4, 0.6, -0.8, 0.2],
        [0.3, 0.4, 0.0, -0.4, 0.2, 0.0, 0.2, 0.4],
        [0.2, 0.7, 0.3, 0.2, 0.2, 0.2, 0.6, 0.1],
        [0.6, 0.4, 0.1, 0.1, 0.2, 0.4, 0.3, -0.1],
        [0.8, 0.5, 0.0, 0.2, -0.1, 0.1, 0.0, 0.1],
        [0.8, 0.8, 0.1, 0.3, 0.0, 0.2, -0.7, 0.3],
        [0.2, 0.9, 0.0, 0.3, 0.1, 0.1, -1.5, 0.0],
    ]
)
_REACH_KM = np.array([3.5, 4.0, 6.0, 5.0, 4.0, 2.6, 1.6])
_BASE_RATE = {"logit": 0.0024, "gravity": 0.0066}


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


def make_people(place: Place, config: SimulationConfig, rng: np.random.Generator) -> People:
    """Persons with homes, ages, families and tastes of the configured shape."""
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
    rates, child_rates = _rates(table, group, female, config, rng)
    slots, kinds, reach = _habits(group, config, rng)
    styles = rng.normal(0, 0.5, (n, len(STYLES))).astype(np.float32)
    styles[:, STYLES.index("亲子")] += np.where(parent, 0.6, -0.5)
    return People(table, group, rates, child_rates, slots, kinds, styles, reach, _companions(table, rng))


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


def _rates(
    table: pd.DataFrame, group: Ints, female: NDArray[np.bool_], config: SimulationConfig, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    likes = np.array([c.likes for c in CATEGORIES]).T
    n, n_categories = len(table), len(CATEGORIES)
    gender = np.where(female[:, None], 0.5, -0.5) * np.array([c.female for c in CATEGORIES])
    township, towns = pd.factorize(table["township_id"])
    county, counties = pd.factorize(table["county_id"])
    local = rng.normal(0, 0.45, (len(towns), n_categories))[township]
    local = local + rng.normal(0, 0.3, (len(counties), n_categories))[county]
    if config.shape == "logit":
        factors = rng.normal(0, 0.55, (n, 6)) @ rng.normal(0, 0.55, (6, n_categories))
        passion = 2.3 * (rng.random((n, n_categories)) < 0.06)
        taste = likes[group] + gender + local + factors + passion
        activity = rng.lognormal(-0.6, 1.1, n)
    else:
        classes = rng.normal(0, 0.8, (14, n_categories))
        mixing = rng.normal(0, 1.0, (len(likes), 14))[group] + rng.gumbel(0, 1.0, (n, 14))
        taste = 0.7 * likes[group] + 0.7 * gender + local + classes[mixing.argmax(axis=1)]
        taste = np.where(taste > np.quantile(taste, 0.75, axis=1, keepdims=True), taste + 1.2, taste - 1.2)
        activity = rng.gamma(0.7, 1.0, n)
    child_taste = likes[0] + local + rng.normal(0, 0.5, (n, n_categories))
    child_taste = child_taste + 2.0 * (rng.random((n, n_categories)) < 0.08)
    scale = _BASE_RATE[config.shape] * config.demand_scale
    rates = np.minimum(scale * activity[:, None] * np.exp(taste), 0.85)
    has_child = (table["child_birth_year"].to_numpy() > 0)[:, None]
    child_rates = np.where(has_child, np.minimum(0.9 * scale * activity[:, None] * np.exp(child_taste), 0.85), 0.0)
    return rates.astype(np.float32), child_rates.astype(np.float32)


def _habits(group: Ints, config: SimulationConfig, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    n = len(group)
    slots = _SLOT_FIT[group] + rng.normal(0, 0.6, (n, N_SLOTS))
    kinds = _KIND_FIT[group] + rng.normal(0, 0.4, (n, len(KINDS)))
    reach = _REACH_KM[group] * rng.lognormal(0, 0.3, n)
    if config.shape == "gravity":
        # Free or not free: no half measures.
        slots = np.where(slots > -0.9, 0.0, -9.0)
        reach = reach * 2.6
    return slots.astype(np.float32), kinds.astype(np.float32), reach.astype(np.float32)


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
