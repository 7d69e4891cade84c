"""First stage: candidate rankers over lasting keys, one score a ranker, user and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.keys import FAST_DAYS, SLOW_DAYS
from features.signals.catalogue import Catalogue
from features.signals.known.lookup import LEARNER_LEVEL, WISH_LEVEL, take_or_missing
from features.signals.learned.learners import Learners, learner_scores
from features.signals.learned.pulled import Pulled, pulled
from features.signals.learned.taste import taste_features, taste_scores
from features.signals.learned.wishes import seen_of, wish_rates
from features.signals.people import UserBlock
from recsys.ranking.key_scores import KeyGroups, KeyScores, SummedScores, cells_of

DISCOVERY_SHARES: Mapping[str, float] = {"item-knn": 3.0, "als": 1.0, "ease": 1.0}
DISCOVERY_WISH, DISCOVERY_POPULARITY = 0.5, 0.7
"""Weights beside the homes of a key's people (1.0), all on the scale of logarithms, in what chooses new organisers."""

WISH = "wish"
"""Name of the ranker that scores by the share of what a person wants."""

_LEAST_POPULARITY = 0.3


@dataclass(frozen=True, eq=False)
class FirstStage(Mapping[str, NDArray[np.float32]]):
    """Scores by ranker, kept by key; as a mapping, (n_users, n_candidates) each, NaN where a ranker cannot score.

    Attributes:
        shared: By candidate, the same for everybody.
        own: By the person and the candidate's key of `LEARNER_LEVEL`.
        groups: Candidates by that key.
        tastes: By the person and the candidate's kind, hour and what is wanted.
        rates: By the person and what is wanted: how often. A person's own order of candidates is that of `WISH`, so it
            is a signal and no ranker.
        near: (n_users, n_keys) how much more the key's people live around the person's home than people at large.
        pulled: What pulls on the people; None where it was not learned.
    """

    shared: KeyScores
    own: KeyScores
    groups: KeyGroups
    tastes: tuple[KeyScores, ...]
    rates: KeyScores
    near: NDArray[np.float32]
    pulled: Pulled | None = None

    @cached_property
    def filled(self) -> dict[str, NDArray[np.float32]]:
        """Ranker, tastes left out, to its level's `of_keys` with 0 where it cannot score."""
        return {
            name: _zero_for_nan(values) for level in (self.shared, self.own) for name, values in level.of_keys.items()
        }

    @cached_property
    def scales(self) -> dict[str, NDArray[np.float32]]:
        """Ranker to one over the greatest score of each row: what makes shares of scores. 0 where none is above 0."""
        tops = {name: values.max(axis=1, initial=0.0) for name, values in self.filled.items()}
        return {name: np.divide(1.0, top, out=np.zeros_like(top), where=top > 0) for name, top in tops.items()}

    @property
    def levels(self) -> tuple[KeyScores, ...]:
        """The scores of all rankers."""
        return (self.shared, self.own, *self.tastes)

    def __len__(self) -> int:
        return sum(len(level.of_keys) for level in self.levels)

    def __iter__(self) -> Iterator[str]:
        return (name for level in self.levels for name in level.of_keys)

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        level = next((level for level in self.levels if name in level.of_keys), None)
        if level is None:
            raise KeyError(name)
        of_candidates = np.take(level.of_keys[name], level.of_candidate, axis=1)
        n_users = len(next(iter(self.own.of_keys.values())))
        return np.repeat(of_candidates, n_users, axis=0) if len(of_candidates) < n_users else of_candidates

    def of_pairs(self, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
        """Signal to (n_pairs,) values: `score_` of rankers and rates, `share_` of the greatest of those in `scales`."""
        signals = {}
        for level in (*self.levels, self.rates):
            keys = level.of_candidate.take(cols)
            for name, values in level.of_keys.items():
                cells = cells_of(values, rows, keys)
                signals[f"score_{name}"] = values.ravel().take(cells)
                if name in self.scales:
                    signals[f"share_{name}"] = self.filled[name].ravel().take(cells) * _of_people(
                        self.scales[name], rows
                    )
        return signals


def _of_people(values: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n_pairs,) value of each pair's person; where there is one alone it is everybody's."""
    return values.take(rows) if len(values) > 1 else np.full(len(rows), values[0])


def _zero_for_nan(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    missing = np.isnan(scores)
    if not missing.any():
        return scores
    filled = scores.copy()
    np.copyto(filled, 0.0, where=missing)
    return filled


def stage_one(catalogue: Catalogue, block: UserBlock, learners: Learners) -> FirstStage:
    """Scores of all rankers."""
    groups = catalogue.learner_keys
    candidates = groups.candidates[groups.first]
    columns = catalogue.levels[LEARNER_LEVEL]
    nums = learners.keys.nums_or_missing(catalogue.lookup.keys[LEARNER_LEVEL].ids[columns.keys])
    known = np.flatnonzero(nums >= 0)
    own = {"affinity": _affinity(catalogue, block, candidates)}
    for name, scores in learner_scores(catalogue, block, learners, nums[known]).items():
        own[name] = _spread(scores, known, len(candidates))
    near = np.take(catalogue.homes.lift_at(block.near), columns.of_candidate[candidates], axis=1)
    tastes = tuple(_tastes(catalogue, block, learners))
    rates = KeyScores(np.zeros(len(catalogue), dtype=np.int64), {})
    of_block = None
    if learners.wishes is not None:
        seen = seen_of(catalogue, block)
        of_keys = wish_rates(learners.wishes, catalogue, block, seen)
        wish, rates = _wishes(catalogue, of_keys)
        tastes = (*tastes, wish)
        of_block = None if learners.pull is None else pulled(learners.pull, catalogue, block, seen, of_keys)
    return FirstStage(catalogue.popularity, KeyScores(groups.of_candidate, own), groups, tastes, rates, near, of_block)


def _spread(scores: NDArray[np.float32], columns: NDArray[np.int64], n_columns: int) -> NDArray[np.float32]:
    """The scores in their columns of a wider matrix, NaN in the others."""
    if len(columns) == n_columns:
        return scores
    wide = np.full((len(scores), n_columns), np.nan, dtype=np.float32)
    wide[:, columns] = scores
    return wide


def _tastes(catalogue: Catalogue, block: UserBlock, learners: Learners) -> Iterator[KeyScores]:
    """Log chance of each candidate's kind and hour for each person; NaN for a key not known by then."""
    for level, weights in learners.tastes.items():
        if level not in catalogue.crowds:
            continue
        features = taste_features(
            catalogue.crowds[level], block.events, block.profiles, block.interests, catalogue.lookup
        )
        of_keys = taste_scores(features, weights).astype(np.float32)
        of_keys = np.append(of_keys, np.full((len(block), 1), np.nan, dtype=np.float32), axis=1)
        nums = catalogue.lookup.of_sessions[level][catalogue.session_nums]
        yield KeyScores(np.where(nums < 0, of_keys.shape[1] - 1, nums), {f"taste-{level}": of_keys})


def _wishes(catalogue: Catalogue, rates: NDArray[np.float64]) -> tuple[KeyScores, KeyScores]:
    """Log of the candidate's key's share of all that each person wants, and of how often the person wants it.

    A key not learned, that of a category first offered since, is wanted like the person's mean key: without a figure
    it would stand above them all, since logarithms of rates are far below 0.
    """
    rates = np.pad(rates, ((0, 0), (0, 1)), constant_values=np.nan)
    total = np.nansum(np.exp(rates), axis=1, keepdims=True)
    is_learned = ~np.isnan(rates).all(axis=0)
    if is_learned.any():
        rates[:, ~is_learned] = rates[:, is_learned].mean(axis=1, keepdims=True)
    shares = rates - np.log(np.where(total > 0, total, 1.0))
    nums = catalogue.lookup.of_sessions[WISH_LEVEL][catalogue.session_nums]
    of_candidate = np.where(nums < 0, rates.shape[1] - 1, nums)
    return (
        KeyScores(of_candidate, {WISH: shares.astype(np.float32)}),
        KeyScores(of_candidate, {"wish-rate": rates.astype(np.float32)}),
    )


def blend(first: FirstStage, weights: Mapping[str, float]) -> SummedScores:
    """Sum of the rankers' scores, each divided by its greatest of the row; what cannot be scored counts 0.

    What is the same for everybody is added last.

    Args:
        first: Scores.
        weights: By ranker; rankers that are not there and tastes do not count.
    """
    return SummedScores(first.groups, _sum(first, first.own, weights), _sum(first, first.shared, weights)[0])


def discovery(first: FirstStage) -> SummedScores:
    """What chooses among organisers that are new to a person: where they live, wishes, likeness and popularity.

    A key's wish is that of its first candidate; what cannot be scored adds nothing.
    """
    total = first.near + _sum(first, first.own, DISCOVERY_SHARES)
    for level in first.tastes:
        if WISH in level.of_keys:
            wish = level.of_candidate[first.groups.candidates[first.groups.first]]
            total += np.take(np.float32(DISCOVERY_WISH) * np.nan_to_num(level.of_keys[WISH]), wish, axis=1)
    popularity = first.shared.of_keys["popularity"][0]
    return SummedScores(first.groups, total, np.float32(DISCOVERY_POPULARITY) * np.log(popularity + _LEAST_POPULARITY))


def _sum(first: FirstStage, level: KeyScores, weights: Mapping[str, float]) -> NDArray[np.float32]:
    total = np.zeros_like(next(iter(level.of_keys.values())))
    part = np.empty_like(total)
    for name, weight in weights.items():
        if name in level.of_keys:
            total += np.multiply(first.filled[name], np.float32(weight) * first.scales[name][:, None], out=part)
    return total


def _affinity(catalogue: Catalogue, block: UserBlock, candidates: NDArray[np.int64]) -> NDArray[np.float32]:
    """Decayed past with each candidate's organiser, then its category; NaN for people without a past."""
    total = np.zeros((len(block), len(candidates)), dtype=np.float32)
    for level, weight in (("organiser", 1.0), ("category", 0.01)):
        columns = catalogue.levels[level]
        places = np.append(columns.place_of_key, -1)[block.events.keys(catalogue.lookup, level)]
        shape = (len(block), len(columns.keys) + 1)
        decayed = block.events.decayed(FAST_DAYS) + 0.1 * block.events.decayed(SLOW_DAYS)
        weighted = (weight * block.events.table(places, shape, decayed)).astype(np.float32)
        total += np.take(weighted, columns.of_candidate[candidates], axis=1)
    has_past = np.bincount(block.events.rows, minlength=len(block)) > 0
    total[~has_past] = np.nan
    return total


def booked_organisers(catalogue: Catalogue, block: UserBlock) -> NDArray[np.bool_]:
    """(n_users, n_keys) whether the person has booked the organiser of each of `learner_keys` before."""
    columns, groups = catalogue.levels["organiser"], catalogue.learner_keys
    events = block.events
    keys = np.where(events.sessions >= 0, events.keys(catalogue.lookup, "organiser"), -1)
    places = take_or_missing(columns.place_of_key, keys)
    booked = events.table(places, (len(block), len(columns.keys) + 1), np.ones(len(places))) > 0
    return booked[:, columns.of_candidate[groups.candidates[groups.first]]]
