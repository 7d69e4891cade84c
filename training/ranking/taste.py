"""Learning tastes: a conditional logit of what people turned to, given what was known of them before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.optimize import minimize

from features.signals.candidates.taste_crowd import TASTE_LEVELS, crowd_of
from features.signals.catalogue import Catalogue
from features.signals.known.events import Events
from features.signals.known.place import distance_km
from features.signals.learned.taste import TASTE_FEATURES, taste_features
from features.signals.people import UserBlock
from recsys.closed import Closed
from recsys.instants import NS_PER_DAY
from training.ranking.sample import sampled_people

_LEAST_OFFERED = 0.3
"""Sessions that count as on offer where none was in reach: people look at more than they can go to."""

_LEAST_SPREAD = 1e-6


class TasteConfig(Closed):
    """Settings of tastes."""

    step_days: float = Field(
        default=28, gt=0, description="days of what people turned to, explained by what came before"
    )
    n_steps: int = Field(default=2, ge=0, description="such stretches, newest first; 0 learns no tastes")
    n_users: int = Field(default=2500, gt=0, description="people a stretch that are learned from at most")
    ridge: float = Field(default=1.0, gt=0, description="penalty on the weights of standardised features")
    least_events: int = Field(default=200, gt=0, description="fewest events from which weights are learned")


def fit_tastes(
    block: UserBlock, catalogue: Catalogue, config: TasteConfig, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Level to (n_features,) weights of `TASTE_FEATURES`; a level with too few events has none.

    What was on offer near home in a stretch is one more term of the logit, and is left out of the weights: they tell
    how much a person likes a session, not how many there are.

    Source: McFadden 1974, Conditional logit analysis of qualitative choice behavior.

    Args:
        block: Everybody.
        catalogue: At the end of what is known.
        config: Settings.
        seed: Of the draw of people.
    """
    found = {level: _fit_level(level, block, catalogue, config, np.random.default_rng(seed)) for level in TASTE_LEVELS}
    return {level: weights for level, weights in found.items() if weights is not None}


def _fit_level(
    level: str, block: UserBlock, catalogue: Catalogue, config: TasteConfig, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    found = [_stretch(level, block, catalogue, config, step * config.step_days, rng) for step in range(config.n_steps)]
    parts = [part for part in found if part is not None]
    if sum(taken.sum() for _, _, taken in parts) < config.least_events:
        return None
    features, offered, taken = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    weights = _logit(np.concatenate([features, offered[..., None]], axis=-1), taken, config.ridge)
    return weights[: len(TASTE_FEATURES)]


def _stretch(
    level: str, block: UserBlock, catalogue: Catalogue, config: TasteConfig, until_days: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None:
    """Features at the beginning of a stretch, (n_users, n_keys) what it offered near home, and events in it.

    People without any are left out.
    """
    lookup = catalogue.lookup
    since = until_days + config.step_days
    events = block.events
    past = _earlier(events, since)
    crowd = crowd_of(level, past, block.profiles, block.interests, lookup)
    if crowd is None:
        return None
    inside = (events.days <= since) & (events.days > until_days)
    keys = np.where(inside, events.keys(lookup, level), -1)
    turned_to = events.matrix(keys, (len(block), len(crowd.shares)), np.ones(len(keys)))
    active = np.flatnonzero(np.diff(turned_to.indptr))
    if len(active) > config.n_users:
        active = np.sort(rng.choice(active, config.n_users, replace=False))
    if not len(active):
        return None
    some = sampled_people(replace(block, events=past), active)
    features = taste_features(crowd, some.events, some.profiles, some.interests, lookup)
    held = (catalogue.at.value - lookup.session_start) / NS_PER_DAY
    near = _offered_near(
        level, some.near, some.profiles.groups["age"], catalogue, (held <= since) & (held > until_days)
    )
    return features, near, turned_to[active].toarray()


def _offered_near(
    level: str,
    homes: NDArray[np.float64],
    ages: NDArray[np.int64],
    catalogue: Catalogue,
    held: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """(n_users, n_keys) logarithm of the sessions of each key, each counting as much as its distance lets it.

    Args:
        level: One of `TASTE_LEVELS`.
        homes: (n_users, 2) lat and lon, NaN where unknown.
        ages: (n_users,) age group, -1 where unknown.
        catalogue: Places, and how far people go.
        held: (n_sessions,) which sessions count.
    """
    lookup = catalogue.lookup
    chosen = held & (lookup.of_sessions[level] >= 0)
    venues, at = np.unique(lookup.of_sessions["venue"][chosen], return_inverse=True)
    counts = np.zeros((len(venues), len(lookup.keys[level])))
    np.add.at(counts, (at, lookup.of_sessions[level][chosen]), 1.0)
    lat, lon = np.append(catalogue.venue_lat, np.nan)[venues], np.append(catalogue.venue_lon, np.nan)[venues]
    km = distance_km(homes[:, :1], homes[:, 1:], lat[None, :], lon[None, :])
    log_decay = catalogue.reach.log_decay(np.repeat(ages, len(venues)), km.ravel()).reshape(km.shape)
    # Where a distance is unknown it neither draws nor keeps away.
    return np.asarray(np.log(np.exp(np.nan_to_num(log_decay)) @ counts + _LEAST_OFFERED))


def _earlier(events: Events, days: float) -> Events:
    """Events as they were known so many days earlier."""
    past = events.only(events.days > days)
    return replace(past, days=past.days - days)


def _logit(features: NDArray[np.float64], taken: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Weights of greatest penalised likelihood; features (n, n_keys, n_features), taken (n, n_keys)."""
    spread = features.std(axis=(0, 1))
    # What did not vary teaches nothing; divided by its rounding errors it would weigh without bound.
    scale = np.where(spread > _LEAST_SPREAD, spread, np.inf)
    scaled = features / scale
    totals = taken.sum(axis=1, keepdims=True)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = scaled @ weights
        scores -= scores.max(axis=1, keepdims=True)
        chance = np.exp(scores)
        below = chance.sum(axis=1, keepdims=True)
        value = (totals * np.log(below)).sum() - (taken * scores).sum() + 0.5 * ridge * (weights**2).sum()
        gap = totals * chance / below - taken
        return float(value), np.tensordot(gap, scaled, axes=2) + ridge * weights

    found = minimize(loss, np.zeros(features.shape[-1]), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    return np.asarray(found.x / scale, dtype=np.float64)
