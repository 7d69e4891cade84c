"""The ranking model and its answers: one path for the batch command, evaluation and HTTP.

A service keeps one `Catalogue` (made by `Catalogue`'s maker `catalogue_of` every minute or so) and, for each request,
reads the person's own rows and calls `answer`; `recommend` does the same for blocks of people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking_model import RankingModel, ReRanker, load_ranking
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.pairs import pair_signals
from features.signals.people import UserBlock, user_block
from features.signals.stage_one import FirstStage, blends, booked_organisers, stage_one
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.dataset import Dataset
from recsys.errors import UnknownIdError
from recsys.exploration import Exploration
from recsys.ids import IdMap
from recsys.operator_rules import Adjustment, RuleTable, adjustment
from recsys.ranking import MISSING, top_k
from recsys.variety import varied

__all__ = ["Lists", "Policy", "RankingModel", "ReRanker", "load_ranking", "rank_block", "recommend"]

BLOCK_CELLS = 2_000_000
BLOCK_PAIRS = 150_000
"""Users times candidates scored at once, and pairs with all their signals: they bound the memory of a batch."""

N_KNOWN = 60
N_NEW = 80
"""Candidates a person that the second stage orders: of organisers booked before, and of others."""

UNSEEN = -1.0
"""No candidate that the second stage left out has a higher score."""

STAGE_ONE_WEIGHTS: Mapping[str, float] = {"affinity": 1.0, "ease": 0.3, "item-knn": 0.2, "als": 0.2, "popularity": 0.1}

DISCOVERY_WEIGHTS: Mapping[str, float] = {"item-knn": 1.0, "als": 0.3, "ease": 0.3, "popularity": 0.5}
"""Weights of the blends that choose what goes on to the second stage, and that stand in where there is none."""

TWO_STAGE = "two-stage"
FIRST_STAGE = "first-stage"
"""Sources of a list made from the person's own past: with the re-ranker, or where there was too little to learn one."""
PROFILE = "profile"
"""Source of a list made from age, place or interests, for people without a past."""
POPULAR = "popular"
"""Source of a list that is not personal: people who opted out, or of whom nothing is known."""


@dataclass(frozen=True)
class Policy:
    """What is done to lists after scoring.

    Attributes:
        variety: Weight in [0, 1] of not repeating category, organiser and venue; 0 leaves the order alone.
        rules: Operators' rules; None for none.
        exploration: Draws of what has had little chance, for single answers; None for none.
    """

    variety: float = 0.0
    rules: RuleTable | None = None
    exploration: Exploration | None = None


PLAIN = Policy()
VARIETY_LABELS = (("category", 0.4), ("organiser", 0.4), ("venue", 0.2))
"""What makes two candidates alike, and how much."""
VARIETY_POOL = 4
"""Lists are this many times longer before variety chooses from them."""


@dataclass(frozen=True)
class Lists:
    """Ranked lists of a block of people.

    Attributes:
        columns: (n_users, k) candidate of each rank, -1 where the list has ended.
        scores: (n_users, k) scores, falling.
        sources: (n_users,) what made each list.
    """

    columns: NDArray[np.int64]
    scores: NDArray[np.float64]
    sources: NDArray[np.object_]


def rank_block(
    model: RankingModel,
    catalogue: Catalogue,
    block: UserBlock,
    k: int,
    wanted: NDArray[np.bool_] | None = None,
    policy: Policy = PLAIN,
) -> Lists:
    """Lists for a block of people.

    Args:
        model: The model.
        catalogue: Candidates at the instant of the answer.
        block: People asking.
        k: Length of a list.
        wanted: (n_candidates,) False for candidates that a filter of the request leaves out.
        policy: What is done after scoring; with variety, scores need not fall along a list.
    """
    allowed = offered(catalogue, block, wanted)
    scores = pair_scores(model, catalogue, block, allowed)
    if policy.rules is not None:
        scores = _adjustment(catalogue, policy.rules).applied(scores, allowed)
    columns = listed(catalogue, scores, allowed, k, policy.variety)
    return Lists(columns, _taken(scores, columns), _sources(model, block))


def listed(
    catalogue: Catalogue, scores: NDArray[np.floating], allowed: NDArray[np.bool_], k: int, variety: float
) -> NDArray[np.int64]:
    """(n_users, k) candidates in the order of their scores, spread by `variety`; -1 where a list has ended."""
    if variety <= 0:
        return top_k(scores, allowed, k)
    pool = top_k(scores, allowed, k * VARIETY_POOL)
    labels = [(catalogue.levels[level].of_candidate, share) for level, share in VARIETY_LABELS]
    return varied(pool, _taken(scores, pool), labels, k, variety)


def offered(catalogue: Catalogue, block: UserBlock, wanted: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """(n_users, n_candidates) what may be listed: offered, wanted, and the earliest session of its activity."""
    allowed = may_be_offered(catalogue.sessions, block.people)
    if wanted is not None:
        allowed &= wanted
    return earliest_of_each_activity(catalogue.sessions, allowed)


def pair_scores(
    model: RankingModel, catalogue: Catalogue, block: UserBlock, allowed: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(n_users, n_candidates) scores of both stages."""
    first = stage_one(catalogue, block, model.learners)
    scores = blends(first, [STAGE_ONE_WEIGHTS])[0].dense().astype(np.float64)
    if model.re_ranker is None:
        return scores
    # Who opted out is not seen by what they booked either: for them every candidate counts.
    return _re_ranked(model.re_ranker, catalogue, block, first, allowed | ~block.is_personal[:, None], scores)


def _taken(scores: NDArray[np.floating], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    padded = np.append(scores.astype(np.float64), np.zeros((len(scores), 1)), axis=1)
    return np.take_along_axis(padded, columns, axis=1)


def _sources(model: RankingModel, block: UserBlock) -> NDArray[np.object_]:
    has_past = np.bincount(block.events.rows, minlength=len(block)) > 0
    by_past = TWO_STAGE if model.re_ranker is not None else FIRST_STAGE
    return np.where(has_past, by_past, np.where(block.has_profile(), PROFILE, POPULAR)).astype(object)


def _adjustment(catalogue: Catalogue, rules: RuleTable) -> Adjustment:
    tree = catalogue.lookup.tree
    paths = [tuple(str(tree.ids.ids[num]) for num in path) for path in tree.paths()]
    of_candidate = np.empty(len(catalogue), dtype=object)
    of_candidate[:] = [paths[region] for region in catalogue.places.regions]
    values = {}
    for level in ("category", "organiser"):
        ids = np.array([*catalogue.lookup.keys[level].ids, None], dtype=object)
        values[level] = ids[catalogue.lookup.of_sessions[level][catalogue.session_nums]]
    return adjustment(rules, catalogue.at, values, of_candidate)


def shortlist(first: FirstStage, allowed: NDArray[np.bool_], is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_users, n_candidates) what goes on to the second stage: the first stage's best, new organisers apart.

    Args:
        first: Scores.
        allowed: (n_users, n_candidates) what may be offered.
        is_new: (n_users, n_keys) what the person has not booked the organiser of, by key of `learner_keys`.
    """
    chosen = np.zeros(allowed.shape, dtype=bool)
    chosen[shortlisted(first, allowed, is_new)] = True
    return chosen


def shortlisted(
    first: FirstStage, allowed: NDArray[np.bool_], is_new: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of `shortlist`, by row and column."""
    known, new = blends(first, (STAGE_ONE_WEIGHTS, DISCOVERY_WEIGHTS))
    found = known.best(~is_new, allowed, N_KNOWN), new.best(is_new, allowed, N_NEW)
    pairs = np.sort(np.concatenate([rows * allowed.shape[1] + cols for rows, cols in found]))
    return np.divmod(pairs, max(allowed.shape[1], 1))


def _re_ranked(
    re_ranker: ReRanker,
    catalogue: Catalogue,
    block: UserBlock,
    first: FirstStage,
    allowed: NDArray[np.bool_],
    scores: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Scores of the second stage; what the first stage left out follows in its own order."""
    is_new = ~booked_organisers(catalogue, block)
    rows, cols = shortlisted(first, allowed, is_new)
    signals = pair_signals(catalogue, block, first, allowed, rows, cols)
    values = re_ranker.predict(signals, len(rows)) if len(rows) else np.zeros(0)
    lowest = np.zeros(len(block))
    np.minimum.at(lowest, rows, values)
    result = lowest[:, None] - 2.0 + scores / (1.0 + scores)
    result[rows, cols] = values
    return result


def scores_of_pairs(
    model: RankingModel,
    catalogue: Catalogue,
    block: UserBlock,
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    wanted: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    """(n_pairs,) what `pair_scores` gives for some pairs, without scoring all others.

    Pairs that the second stage does not see have `UNSEEN`, which no score of theirs is above; those that may not be
    offered have -inf.

    Args:
        model: The model.
        catalogue: Candidates.
        block: People.
        rows: (n_pairs,) person.
        cols: (n_pairs,) candidate.
        wanted: (n_candidates,) the request's filter.
    """
    may = offered(catalogue, block, wanted)
    if model.re_ranker is None:
        scores = pair_scores(model, catalogue, block, may)[rows, cols]
    else:
        allowed = may | ~block.is_personal[:, None]
        first = stage_one(catalogue, block, model.learners)
        signals = pair_signals(catalogue, block, first, allowed, rows, cols)
        is_seen = shortlist(first, allowed, ~booked_organisers(catalogue, block))[rows, cols]
        scores = np.where(is_seen, model.re_ranker.predict(signals, len(rows)), UNSEEN)
    return np.where(may[rows, cols], scores, -np.inf)


def recommend(
    model: RankingModel,
    dataset: Dataset,
    at: pd.Timestamp,
    user_ids: Sequence[str] | None,
    k: int,
    window_days: float | None = None,
    policy: Policy = PLAIN,
) -> pd.DataFrame:
    """Ranked lists for users of the data set, in blocks of bounded memory.

    Args:
        model: The model; learned from data until `at` or earlier.
        dataset: What is known at `at`.
        at: Instant of the answer.
        user_ids: Whom to rank for, None for every user.
        k: Length of a list.
        window_days: Only sessions that start before `at` + window_days.
        policy: What is done after scoring.

    Returns:
        Rows `user_id, rank, activity_id, session_id, score, source`, ordered by user as asked and rank.

    Raises:
        UnknownIdError: names users without a row.
    """
    known = dataset.known_at(at) if dataset.data_until > at else dataset
    catalogue = catalogue_of(known, at, window_days)
    people = chosen_users(known, user_ids)
    frames = [
        list_frame(catalogue, block, rank_block(model, catalogue, block, k, policy=policy))
        for block in user_blocks(catalogue, known, people)
    ]
    return pd.concat(frames, ignore_index=True) if frames else _empty_frame()


def user_blocks(catalogue: Catalogue, dataset: Dataset, users: pd.DataFrame) -> Iterator[UserBlock]:
    """The users of a table a block at a time, each block with its own people's rows alone."""
    n_pairs = max(1, min(len(catalogue), N_KNOWN + N_NEW))
    size = max(1, min(BLOCK_CELLS // max(len(catalogue), 1), BLOCK_PAIRS // n_pairs))
    order = pd.Index(users["user_id"].astype(object))
    booked = _by_block(dataset.bookings, order, size)
    told = _by_block(dataset.feedback, order, size)
    for num, start in enumerate(range(0, len(users), size)):
        rows = users.iloc[start : start + size]
        yield user_block(catalogue, rows, booked(num), told(num), dataset.sessions, dataset.removed_tags)


def chosen_users(dataset: Dataset, user_ids: Sequence[str] | None) -> pd.DataFrame:
    """Rows of the users asked for, in the order asked.

    Raises:
        UnknownIdError: names users without a row.
    """
    if user_ids is None:
        return dataset.users
    index = IdMap.of(dataset.users["user_id"], "user_id")
    nums = index.nums_or_missing(user_ids)
    if (nums < 0).any():
        raise UnknownIdError("user_id", [u for u, num in zip(user_ids, nums, strict=True) if num < 0])
    return dataset.users.iloc[nums]


def list_frame(catalogue: Catalogue, block: UserBlock, lists: Lists) -> pd.DataFrame:
    """Lists as the contract's rows."""
    rows, places = np.nonzero(lists.columns != MISSING)
    columns = lists.columns[rows, places]
    return pd.DataFrame(
        {
            "user_id": block.user_ids[rows],
            "rank": places + 1,
            "activity_id": catalogue.sessions.activity_ids[columns],
            "session_id": catalogue.sessions.session_ids[columns],
            "score": lists.scores[rows, places],
            "source": lists.sources[rows],
        }
    )


def _by_block(frame: pd.DataFrame, users: pd.Index, size: int) -> Callable[[int], pd.DataFrame]:
    rows = users.get_indexer(pd.Index(frame["user_id"].astype(object)))
    block = np.where(rows >= 0, rows // size, -1)
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(-1, len(users) // size + 2), side="right")
    return lambda num: frame.iloc[order[ends[num] : ends[num + 1]]]


def _empty_frame() -> pd.DataFrame:
    columns = {"user_id": object, "rank": np.int64, "activity_id": object, "session_id": object}
    return pd.DataFrame({name: np.zeros(0, dtype=kind) for name, kind in columns.items()}).assign(
        score=np.zeros(0), source=np.zeros(0, dtype=object)
    )
