"""What a person turns to next: a logit over kinds and hours, learned from what people turned to before."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.signals.candidates.taste_crowd import GROUPINGS, Crowd, evidence
from features.signals.known.events import Events
from features.signals.known.groups import Profiles
from features.signals.known.lookup import Lookup

PRIOR_EVENTS = 5.0
"""Events of a person that weigh as much as what people alike do."""

_LEAST_ALIKE = 0.1
"""Added to a score over the mean of the person's: what little says nothing of is not ruled out."""

TASTE_FEATURES = ("popular", "profile", "posterior", "booked", "told", "alike", *GROUPINGS)
"""What the logit sees of a person and a key, in order."""


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
    seen = events.table(keys, (n_users, n_keys), evidence(events))
    posterior = (seen + PRIOR_EVENTS * profile) / (seen.sum(axis=1, keepdims=True) + PRIOR_EVENTS)
    alike = crowd.goes_together(events, profiles, interests, lookup)
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
