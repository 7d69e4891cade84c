"""First stage: candidate rankers over lasting keys, one score a ranker, user and key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from features.signals.catalogue import FAST_DAYS, SLOW_DAYS, Catalogue
from features.signals.lookup import LEARNER_LEVEL, take_or_missing
from features.signals.people import UserBlock
from features.signals.taste import taste_features, taste_scores
from recsys.ids import IdMap
from recsys.rankers.base import Ranker, UserBatch
from recsys.rankers.factor import FactorRanker

HISTORY_HALF_LIFE_DAYS = 180.0
"""Half-life of the histories that matrix learners are given."""


@dataclass(frozen=True)
class Learners:
    """Matrix learners and the keys that they were learned on.

    Attributes:
        keys: Key ids of the level `LEARNER_LEVEL`.
        rankers: By name.
        tastes: Level to weights of the features of taste.
    """

    keys: IdMap
    rankers: Mapping[str, Ranker]
    tastes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def learner_histories(catalogue: Catalogue, block: UserBlock, learners: Learners) -> UserBatch:
    """The block's decayed past over the learners' keys."""
    known = learners.keys.nums_or_missing(catalogue.lookup.keys[LEARNER_LEVEL].ids)
    keys = block.events.keys(catalogue.lookup, LEARNER_LEVEL)
    columns = np.append(known, -1)[keys]
    weights = block.events.decayed(HISTORY_HALF_LIFE_DAYS)
    return UserBatch(block.events.matrix(columns, (len(block), len(learners.keys)), weights).astype(np.float32))


def stage_one(catalogue: Catalogue, block: UserBlock, learners: Learners) -> dict[str, NDArray[np.float32]]:
    """(n_users, n_candidates) scores by ranker; NaN where a ranker cannot score."""
    scores = {"popularity": _popularity(catalogue, block), "affinity": _affinity(catalogue, block)}
    columns = catalogue.levels[LEARNER_LEVEL]
    key_ids = catalogue.lookup.keys[LEARNER_LEVEL].ids[columns.keys]
    nums = learners.keys.nums_or_missing(key_ids)
    known = nums >= 0
    batch = learner_histories(catalogue, block, learners)
    for name, ranker in learners.rankers.items():
        of_keys = np.full((len(block), len(nums) + 1), np.nan, dtype=np.float32)
        of_keys[:, :-1][:, known] = key_scores(ranker, batch, nums[known])
        scores[name] = of_keys[:, columns.of_candidate]
    return scores | _tastes(catalogue, block, learners)


def _tastes(catalogue: Catalogue, block: UserBlock, learners: Learners) -> dict[str, NDArray[np.float32]]:
    """Log chance of each candidate's theme, kind and hour for each person; NaN for a key not known by then."""
    found = {}
    for level, weights in learners.tastes.items():
        if level not in catalogue.crowds:
            continue
        features = taste_features(
            catalogue.crowds[level], block.events, block.profiles, block.interests, catalogue.lookup
        )
        of_keys = taste_scores(features, weights).astype(np.float32)
        of_keys = np.append(of_keys, np.full((len(block), 1), np.nan, dtype=np.float32), axis=1)
        found[f"taste-{level}"] = of_keys[:, catalogue.lookup.of_sessions[level][catalogue.session_nums]]
    return found


def key_scores(ranker: Ranker, batch: UserBatch, key_nums: NDArray[np.int64]) -> NDArray[np.float32]:
    """Scores that do not depend, to the last bit, on who else is in the batch."""
    if not isinstance(ranker, FactorRanker):
        return ranker.scores(batch, key_nums)
    # A matrix product adds up in another order for another number of rows; a vector's own product does not.
    factors = np.ascontiguousarray(ranker.factors[key_nums])
    vectors = ranker.user_factors(batch)
    scores = np.empty((batch.n_users, len(key_nums)), dtype=np.float32)
    for row, vector in enumerate(vectors):
        scores[row] = factors @ vector
    scores[:, ~ranker.known[key_nums]] = np.nan
    scores[np.diff(batch.histories.indptr) == 0] = np.nan
    return scores


def blend(scores: Mapping[str, NDArray[np.float32]], weights: Mapping[str, float]) -> NDArray[np.float32]:
    """Sum of the rankers' scores, each divided by its greatest of the row; what cannot be scored counts 0."""
    total = np.zeros(next(iter(scores.values())).shape, dtype=np.float32)
    for name, weight in weights.items():
        if name not in scores or not total.size:
            continue
        values = np.nan_to_num(scores[name], nan=0.0)
        top = values.max(axis=1, keepdims=True)
        total += np.float32(weight) * np.divide(values, top, out=np.zeros_like(values), where=top > 0)
    return total


def _popularity(catalogue: Catalogue, block: UserBlock) -> NDArray[np.float32]:
    """Bookings that a session of the organiser had of late, shrunk to the mean of all."""
    columns = catalogue.levels["organiser"]
    held, taken = columns.sessions_slow.sum(), columns.taken_slow.sum()
    mean = taken / held if held > 0 else 0.0
    per_session = (columns.taken_slow + mean) / (columns.sessions_slow + 1.0)
    values = np.append(per_session, mean)[columns.of_candidate] + catalogue.facts["booked_so_far"]
    return np.repeat(values[None, :].astype(np.float32), len(block), axis=0)


def _affinity(catalogue: Catalogue, block: UserBlock) -> NDArray[np.float32]:
    """Decayed past with the candidate's organiser, then its category; NaN for people without a past."""
    total = np.zeros((len(block), len(catalogue)), dtype=np.float32)
    for level, weight in (("organiser", 1.0), ("category", 0.01)):
        columns = catalogue.levels[level]
        places = np.append(columns.place_of_key, -1)[block.events.keys(catalogue.lookup, level)]
        for half_life, share in ((FAST_DAYS, 1.0), (SLOW_DAYS, 0.1)):
            shape = (len(block), len(columns.keys) + 1)
            sums = block.events.matrix(places, shape, block.events.decayed(half_life)).toarray()
            total += (weight * share * sums[:, columns.of_candidate]).astype(np.float32)
    has_past = np.bincount(block.events.rows, minlength=len(block)) > 0
    total[~has_past] = np.nan
    return total


def booked_organisers(catalogue: Catalogue, block: UserBlock) -> NDArray[np.bool_]:
    """(n_users, n_candidates) whether the person has booked the candidate's organiser before."""
    columns = catalogue.levels["organiser"]
    events = block.events
    keys = np.where(events.sessions >= 0, events.keys(catalogue.lookup, "organiser"), -1)
    places = take_or_missing(columns.place_of_key, keys)
    booked = events.matrix(places, (len(block), len(columns.keys) + 1), np.ones(len(places))).toarray() > 0
    return booked[:, columns.of_candidate]
