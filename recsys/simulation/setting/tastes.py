"""What people like, from what a world's people share and what is each one's own; two families."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.simulation.config import Shape, SimulationConfig
from recsys.simulation.setting.catalogue import CATEGORIES, KINDS, STYLES

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

N_SLOTS = 8
"""Kinds of hour: (weekday, weekend) x (morning, afternoon, early evening, late evening)."""
PASSION = 0.06
"""Chance of a passion for a category (logit)."""
CHILD_PASSION = 0.08
TOWNSHIP_SPREAD, COUNTY_SPREAD = 0.45, 0.3
"""Of the tastes that the people of a place have in common."""
FACTOR_SPREAD = 0.55
"""Of taste factors, and of what each changes (logit)."""
ACTIVITY_LOG_MEAN, ACTIVITY_LOG_SPREAD = -0.6, 1.1
"""Lognormal factor on all wishes of a person (logit)."""
ACTIVITY_SHAPE = 0.7
"""Of the gamma factor on all wishes of a person (gravity)."""
REACH_LOG_SPREAD = 0.3
OWN_SPREADS = {"child": 0.5, "slots": 0.6, "kinds": 0.4, "styles": 0.5}
"""Of what is normal in each person, by attribute of `Own`."""

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
class Population:
    """What follows from age, gender, family and home, once a world is drawn.

    Attributes:
        shape: Family.
        scale: Chance a week to want a category at a taste of 0.
        taste: (n, n_categories) log-taste without what is each one's own, `child_taste` of the child.
        groups: (6, n_categories) what each taste factor changes (logit); (14, n_categories) of each class (gravity).
        lean: (n, 14) how much people of this age lean to each class (gravity; else no columns).
        age: (n,) age group.
        parent: (n,) has a child.
    """

    shape: Shape
    scale: float
    taste: NDArray[np.float64]
    child_taste: NDArray[np.float64]
    groups: NDArray[np.float64]
    lean: NDArray[np.float64]
    age: Ints
    parent: NDArray[np.bool_]

    def of(self, rows: Ints) -> Population:
        """The same for people in rows `rows`."""
        each = ("taste", "child_taste", "lean", "age", "parent")
        return replace(self, **{name: getattr(self, name)[rows] for name in each})


@dataclass(frozen=True)
class Own:
    """What is drawn for each person, independent between people.

    Attributes:
        mixing: (n, 6) normal of spread `FACTOR_SPREAD` (logit) or (n, 14) standard Gumbel (gravity).
        passion: (n, n_categories) uniform, a passion where below `PASSION` (logit; else no columns).
        activity: (n,) factor on all wishes: lognormal (logit) or gamma (gravity).
        child: (n, n_categories) normal; `child_passion`: (n, n_categories) uniform.
        slots: (n, N_SLOTS) normal; `kinds`: (n, n_kinds), `styles`: (n, n_styles) too; see `OWN_SPREADS`.
        reach: (n,) lognormal about 1.
    """

    mixing: NDArray[np.float64]
    passion: NDArray[np.float64]
    activity: NDArray[np.float64]
    child: NDArray[np.float64]
    child_passion: NDArray[np.float64]
    slots: NDArray[np.float64]
    kinds: NDArray[np.float64]
    reach: NDArray[np.float64]
    styles: NDArray[np.float64]


def draw(
    table: pd.DataFrame, age: Ints, female: NDArray[np.bool_], config: SimulationConfig, rng: np.random.Generator
) -> tuple[Population, Own]:
    """A world's tastes and those of its people: `table` has `township_id`, `county_id` and `child_birth_year`."""
    likes = np.array([c.likes for c in CATEGORIES]).T
    n, n_categories = len(table), len(CATEGORIES)
    gender = np.where(female[:, None], 0.5, -0.5) * np.array([c.female for c in CATEGORIES])
    township, towns = pd.factorize(table["township_id"])
    county, counties = pd.factorize(table["county_id"])
    local = rng.normal(0, TOWNSHIP_SPREAD, (len(towns), n_categories))[township]
    local = local + rng.normal(0, COUNTY_SPREAD, (len(counties), n_categories))[county]
    if config.shape == "logit":
        taste, lean = likes[age] + gender + local, np.empty((n, 0))
        mixing = rng.normal(0, FACTOR_SPREAD, (n, 6))
        groups = rng.normal(0, FACTOR_SPREAD, (6, n_categories))
        passion = rng.random((n, n_categories))
        activity = rng.lognormal(ACTIVITY_LOG_MEAN, ACTIVITY_LOG_SPREAD, n)
    else:
        taste, passion = 0.7 * likes[age] + 0.7 * gender + local, np.empty((n, 0))
        groups = rng.normal(0, 0.8, (14, n_categories))
        lean = rng.normal(0, 1.0, (len(likes), 14))[age]
        mixing = rng.gumbel(0, 1.0, (n, 14))
        activity = rng.gamma(ACTIVITY_SHAPE, 1.0, n)
    own = Own(
        mixing=mixing,
        passion=passion,
        activity=activity,
        child=rng.normal(0, OWN_SPREADS["child"], (n, n_categories)),
        child_passion=rng.random((n, n_categories)),
        slots=rng.normal(0, OWN_SPREADS["slots"], (n, N_SLOTS)),
        kinds=rng.normal(0, OWN_SPREADS["kinds"], (n, len(KINDS))),
        reach=rng.lognormal(0, REACH_LOG_SPREAD, n),
        styles=rng.normal(0, OWN_SPREADS["styles"], (n, len(STYLES))),
    )
    scale = _BASE_RATE[config.shape] * config.demand_scale
    parent = table["child_birth_year"].to_numpy() > 0
    return Population(config.shape, scale, taste, likes[0] + local, groups, lean, age, parent), own


def rates(population: Population, own: Own) -> tuple[Floats, Floats]:
    """(n, n_categories) chance a week to want a category, of the person and of the child."""
    if population.shape == "logit":
        taste = population.taste + own.mixing @ population.groups + 2.3 * (own.passion < PASSION)
    else:
        taste = population.taste + population.groups[(population.lean + own.mixing).argmax(axis=1)]
        taste = np.where(taste > np.quantile(taste, 0.75, axis=1, keepdims=True), taste + 1.2, taste - 1.2)
    child_taste = population.child_taste + own.child + 2.0 * (own.child_passion < CHILD_PASSION)
    scale, activity = population.scale, own.activity[:, None]
    person = np.minimum(scale * activity * np.exp(taste), 0.85)
    child = np.minimum(0.9 * scale * activity * np.exp(child_taste), 0.85)
    return person.astype(np.float32), np.where(population.parent[:, None], child, 0.0).astype(np.float32)


def habits(population: Population, own: Own) -> tuple[Floats, Floats, Floats, Floats]:
    """Log-fit of hours, kinds and styles, a row each person, and reach in km."""
    slots = _SLOT_FIT[population.age] + own.slots
    reach = _REACH_KM[population.age] * own.reach
    if population.shape == "gravity":
        # Free or not free: no half measures.
        slots = np.where(slots > -0.9, 0.0, -9.0)
        reach = reach * 2.6
    kinds = (_KIND_FIT[population.age] + own.kinds).astype(np.float32)
    styles = own.styles.astype(np.float32)
    styles[:, STYLES.index("亲子")] += np.where(population.parent, 0.6, -0.5)
    return slots.astype(np.float32), kinds, styles, reach.astype(np.float32)


def child_hours(shape: str) -> Floats:
    """(N_SLOTS,) log-fit of hours for children."""
    hours = _SLOT_FIT[0].astype(np.float32)
    return np.where(hours > -0.9, 0.0, -9.0).astype(np.float32) if shape == "gravity" else hours
