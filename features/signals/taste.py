"""What a person turns to next: a logit over kinds and hours, learned from what people turned to before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.alike import Alikeness, alikeness_of
from features.signals.events import Events
from features.signals.groups import Profiles, membership
from features.signals.lookup import Lookup

TASTE_LEVELS = ("kind", "slot")
"""Levels that tastes are told apart on; how often a person wants each category is told by `features.signals.wishes`."""

MOST_KEYS = 400
"""A level with more keys than this has no taste: too little is known of each."""

HALF_LIFE_DAYS = 180.0
TOLD_WEIGHT = 0.5
"""What a view or another piece of feedback says of taste against a booking."""

PRIOR_EVENTS = 5.0
"""Events of a person that weigh as much as what people alike do."""

GROUPINGS = ("age_gender", "township")
_GROUP_PRIOR = 20.0

_ALIKE_GROUPINGS = ("age", "gender", "age_gender", "township")
_LEAST_ALIKE = 0.1
"""Added to a score over the mean of the person's: what little says nothing of is not ruled out."""

TASTE_FEATURES = ("popular", "profile", "posterior", "booked", "told", "alike", *GROUPINGS)
"""What the logit sees of a person and a key, in order."""


@dataclass(frozen=True)
class Crowd:
    """What everybody's past says of a level's keys.

    Attributes:
        level: One of `TASTE_LEVELS`.
        shares: (n_keys,) share of everybody's evidence.
        lifts: Grouping to (n_groups + 1, n_keys) log lift of a key in a group; the last row, of the unknown, is 0.
        alike: What goes together.
    """

    level: str
    shares: NDArray[np.float64]
    lifts: dict[str, NDArray[np.float64]]
    alike: Alikeness


def crowd_of(
    level: str, events: Events, profiles: Profiles, interests: sparse.csr_array, lookup: Lookup
) -> Crowd | None:
    """Shares of a level's keys, and lifts of groups; None where there are no keys, or too many.

    Args:
        level: One of `TASTE_LEVELS`.
        events: Everybody's.
        profiles: Everybody's, in the order of the events' rows.
        interests: (n_users, n_categories) 1 where the category is named.
        lookup: Activities and sessions.
    """
    n_users = interests.shape[0]
    n_keys = len(lookup.keys[level])
    if not 1 < n_keys <= MOST_KEYS:
        return None
    found = events.matrix(events.keys(lookup, level), (n_users, n_keys), _weights(events))
    total = np.asarray(found.sum(axis=0)).ravel()
    shares = (total + 0.5) / (total.sum() + 0.5 * n_keys)
    lifts = {}
    for name in GROUPINGS:
        groups = profiles.groups[name]
        sums = (membership(groups, int(groups.max(initial=-1)) + 1) @ found).toarray()
        rates = (sums + _GROUP_PRIOR * shares) / ((sums.sum(axis=1, keepdims=True) + _GROUP_PRIOR) * shares)
        lifts[name] = np.vstack([np.log(rates), np.zeros(n_keys)])
    alike = alikeness_of(_counts(events, interests, lookup, level), _groups(profiles))
    return Crowd(level, shares, lifts, alike)


def taste_features(
    crowd: Crowd, events: Events, profiles: Profiles, interests: sparse.csr_array, lookup: Lookup
) -> NDArray[np.float64]:
    """(n_users, n_keys, n_features), in the order of `TASTE_FEATURES`.

    Args:
        crowd: What everybody's past says.
        events: Those of the people asked for.
        profiles: Theirs.
        interests: (n_users, n_categories) 1 where the category is named.
        lookup: Activities and sessions.
    """
    n_users, n_keys = interests.shape[0], len(crowd.shares)
    is_booked = (events.sessions >= 0).astype(np.float64)
    keys = events.keys(lookup, crowd.level)

    def counts(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_users, n_keys) logarithm of the events with the key."""
        return np.log1p(events.table(keys, (n_users, n_keys), weights))

    logs = np.repeat(np.log(crowd.shares)[None, :], n_users, axis=0)
    lifts = []
    for name in GROUPINGS:
        groups, table = profiles.groups[name], crowd.lifts[name]
        lifts.append(table[np.where(groups < len(table) - 1, groups, -1)])
    profile = np.exp(logs + sum(lifts))
    profile /= profile.sum(axis=1, keepdims=True)
    seen = events.table(keys, (n_users, n_keys), _weights(events))
    posterior = (seen + PRIOR_EVENTS * profile) / (seen.sum(axis=1, keepdims=True) + PRIOR_EVENTS)
    alike = np.maximum(crowd.alike.scores(_counts(events, interests, lookup, crowd.level), _groups(profiles)), 0.0)
    return np.stack(
        [
            logs,
            np.log(profile),
            np.log(posterior),
            counts(is_booked),
            counts(1.0 - is_booked),
            np.log(alike / (alike.mean(axis=1, keepdims=True) + 1e-12) + _LEAST_ALIKE),
            *lifts,
        ],
        axis=-1,
    )


def taste_scores(features: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_users, n_keys) log chance that the person's next event is with the key.

    Sums run over one person's row in one order, whoever else is in the block.
    """
    scores = (features * weights).sum(axis=-1)
    top = scores.max(axis=1, keepdims=True)
    return scores - top - np.log(np.exp(scores - top).sum(axis=1, keepdims=True))


def _weights(events: Events) -> NDArray[np.float64]:
    """(n,) what each event says of taste, decayed: bookings count 1, the rest `TOLD_WEIGHT`."""
    return np.where(events.sessions >= 0, 1.0, TOLD_WEIGHT) * np.exp2(-events.days / HALF_LIFE_DAYS)


def _counts(events: Events, interests: sparse.csr_array, lookup: Lookup, level: str) -> list[sparse.csr_array]:
    """Decayed events by key, and interests: what `Alikeness` is learned from."""
    shape = (interests.shape[0], max(len(lookup.keys[level]), 1))
    return [events.matrix(events.keys(lookup, level), shape, np.exp2(-events.days / HALF_LIFE_DAYS)), interests]


def _groups(profiles: Profiles) -> dict[str, NDArray[np.int64]]:
    return {name: profiles.groups[name] for name in _ALIKE_GROUPINGS}
