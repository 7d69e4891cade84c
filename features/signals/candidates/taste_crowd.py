"""What everybody's past says of kinds and hours: their shares, lifts of groups, what goes together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.candidates.alike import Alikeness, alikeness_of
from features.signals.known.events import Events
from features.signals.known.groups import Profiles, membership
from features.signals.known.lookup import Lookup

TASTE_LEVELS = ("kind", "slot")
"""Levels that tastes are told apart on; of categories, wishes tell it (`features.signals.learned.wishes`)."""

MOST_KEYS = 400
"""A level with more keys than this has no taste: too little is known of each."""

HALF_LIFE_DAYS = 180.0
TOLD_WEIGHT = 0.5
"""What a view or another piece of feedback says of taste against a booking."""

GROUPINGS = ("age_gender", "township")
_GROUP_PRIOR = 20.0

_ALIKE_GROUPINGS = ("age", "gender", "age_gender", "township")


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

    def goes_together(
        self, events: Events, profiles: Profiles, interests: sparse.csr_array, lookup: Lookup
    ) -> NDArray[np.float64]:
        """(n_users, n_keys) how much each key goes with what people did and are, 0 or more; arguments of `crowd_of`."""
        counts = _counts(events, interests, lookup, self.level)
        return np.maximum(self.alike.scores(counts, _groups(profiles)), 0.0)


def crowds_of(events: Events, profiles: Profiles, interests: sparse.csr_array, lookup: Lookup) -> dict[str, Crowd]:
    """What everybody's past says by level of `TASTE_LEVELS`; arguments of `crowd_of`."""
    crowds = {level: crowd_of(level, events, profiles, interests, lookup) for level in TASTE_LEVELS}
    return {level: crowd for level, crowd in crowds.items() if crowd is not None}


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
    found = events.matrix(events.keys(lookup, level), (n_users, n_keys), evidence(events))
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


def evidence(events: Events) -> NDArray[np.float64]:
    """(n,) what each event says of taste, decayed: bookings count 1, the rest `TOLD_WEIGHT`."""
    return np.where(events.sessions >= 0, 1.0, TOLD_WEIGHT) * np.exp2(-events.days / HALF_LIFE_DAYS)


def _counts(events: Events, interests: sparse.csr_array, lookup: Lookup, level: str) -> list[sparse.csr_array]:
    """Decayed events by key, and interests: what `Alikeness` is learned from."""
    shape = (interests.shape[0], max(len(lookup.keys[level]), 1))
    return [events.matrix(events.keys(lookup, level), shape, np.exp2(-events.days / HALF_LIFE_DAYS)), interests]


def _groups(profiles: Profiles) -> dict[str, NDArray[np.int64]]:
    return {name: profiles.groups[name] for name in _ALIKE_GROUPINGS}
