"""Learning tastes: a conditional logit of what people turned to, given what was known of them before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.optimize import minimize

from features.signals.events import Events
from features.signals.lookup import Lookup
from features.signals.people import UserBlock
from features.signals.taste import TASTE_FEATURES, TASTE_LEVELS, crowd_of, taste_features


class TasteConfig(BaseModel):
    """Settings of tastes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step_days: float = Field(
        default=28, gt=0, description="days of what people turned to, explained by what came before"
    )
    n_steps: int = Field(default=2, ge=0, description="such stretches, newest first; 0 learns no tastes")
    n_users: int = Field(default=2500, gt=0, description="people a stretch that are learned from at most")
    ridge: float = Field(default=1.0, gt=0, description="penalty on the weights of standardised features")
    least_events: int = Field(default=200, gt=0, description="fewest events from which weights are learned")


def fit_tastes(block: UserBlock, lookup: Lookup, config: TasteConfig, seed: int) -> dict[str, NDArray[np.float64]]:
    """Level to (n_features,) weights of `TASTE_FEATURES`; a level with too few events has none.

    Source: McFadden 1974, Conditional logit analysis of qualitative choice behavior.

    Args:
        block: Everybody.
        lookup: Activities and sessions.
        config: Settings.
        seed: Of the draw of people.
    """
    found = {level: _fit_level(level, block, lookup, config, np.random.default_rng(seed)) for level in TASTE_LEVELS}
    return {level: weights for level, weights in found.items() if weights is not None}


def _fit_level(
    level: str, block: UserBlock, lookup: Lookup, config: TasteConfig, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    features, taken = [], []
    for step in range(config.n_steps):
        part = _stretch(level, block, lookup, config, step * config.step_days, rng)
        if part is not None:
            features.append(part[0])
            taken.append(part[1])
    if not taken or sum(t.sum() for t in taken) < config.least_events:
        return None
    return _logit(np.concatenate(features), np.concatenate(taken), config.ridge)


def _stretch(
    level: str, block: UserBlock, lookup: Lookup, config: TasteConfig, until_days: float, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Features at the beginning of a stretch, and (n_users, n_keys) events in it, of people with any."""
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
    some = _people(replace(block, events=past), active)
    features = taste_features(crowd, some.events, some.profiles, block.interests[active], lookup)
    return features, turned_to[active].toarray()


def _earlier(events: Events, days: float) -> Events:
    """Events as they were known so many days earlier."""
    past = events.only(events.days > days)
    return replace(past, days=past.days - days)


def _people(block: UserBlock, rows: NDArray[np.int64]) -> UserBlock:
    place = np.full(len(block), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    events = block.events.only(place[block.events.rows] >= 0)
    groups: Mapping[str, NDArray[np.int64]] = block.profiles.groups
    profiles = replace(block.profiles, groups={name: values[rows] for name, values in groups.items()})
    return replace(block, events=replace(events, rows=place[events.rows]), profiles=profiles)


def _logit(features: NDArray[np.float64], taken: NDArray[np.float64], ridge: float) -> NDArray[np.float64]:
    """Weights of greatest penalised likelihood; features (n, n_keys, n_features), taken (n, n_keys)."""
    scale = features.std(axis=(0, 1)) + 1e-9
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

    found = minimize(loss, np.zeros(len(TASTE_FEATURES)), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    return np.asarray(found.x / scale, dtype=np.float64)
