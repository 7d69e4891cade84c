"""The ranking model and its answers: one path for the batch command, evaluation and HTTP.

A service keeps one `Catalogue` (made by `Catalogue`'s maker `catalogue_of` every minute or so) and, for each request,
reads the person's own rows and calls `answer`; `recommend` does the same for blocks of people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking.model import RankingModel, load_ranking
from features.ranking.two_stages import N_KNOWN, N_NEW, BlockScores, block_scores, offered
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.learned.stage_one import FirstStage, stage_one
from features.signals.people import UserBlock, user_block
from recsys.dataset import Dataset, places_among
from recsys.errors import UnknownIdError
from recsys.ids import IdMap
from recsys.ranking.exploration import Exploration
from recsys.ranking.operator_rules import Adjustment, RuleTable, adjustment
from recsys.ranking.top_k import MISSING, taken, top_k
from recsys.ranking.variety import varied

__all__ = ["Lists", "Policy", "RankingModel", "load_ranking", "rank_block", "recommend"]

BLOCK_CELLS = 16_000_000
BLOCK_PAIRS = 150_000
"""Users times candidates scored at once, and pairs with all their signals: they bound the memory of a batch."""

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
        allowed: (n_users, n_candidates) what may be listed.
        first: Scores of the first stage.
        found: Scores that the lists were made by.
        is_buried: (n_candidates,) pushed back by operators' rules.
    """

    columns: NDArray[np.int64]
    scores: NDArray[np.float64]
    sources: NDArray[np.object_]
    allowed: NDArray[np.bool_]
    first: FirstStage
    found: BlockScores
    is_buried: NDArray[np.bool_]


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
        wanted: (n_users, n_candidates) False for candidates that a filter of the person's request leaves out.
        policy: What is done after scoring; with variety, scores need not fall along a list.
    """
    allowed = offered(catalogue, block, wanted)
    first = stage_one(catalogue, block, model.learners)
    found = block_scores(model, catalogue, block, allowed, first)
    is_buried = np.zeros(len(catalogue), dtype=bool)
    if policy.rules is None and policy.variety <= 0:
        return Lists(*found.best(allowed, k), _sources(model, block), allowed, first, found, is_buried)
    scores = found.dense()
    if policy.rules is not None:
        ruled = _adjustment(catalogue, policy.rules, block.at)
        scores, is_buried = ruled.applied(scores, allowed), ruled.is_buried
    columns = listed(catalogue, scores, allowed, k, policy.variety)
    return Lists(columns, taken(scores, columns, 0.0), _sources(model, block), allowed, first, found, is_buried)


def listed(
    catalogue: Catalogue, scores: NDArray[np.floating], allowed: NDArray[np.bool_], k: int, variety: float
) -> NDArray[np.int64]:
    """(n_users, k) candidates in the order of their scores, spread by `variety`; -1 where a list has ended."""
    if variety <= 0:
        return top_k(scores, allowed, k)
    pool = top_k(scores, allowed, k * VARIETY_POOL)
    labels = [(catalogue.levels[level].of_candidate, share) for level, share in VARIETY_LABELS]
    return varied(pool, taken(scores, pool, 0.0), labels, k, variety)


def _sources(model: RankingModel, block: UserBlock) -> NDArray[np.object_]:
    has_past = np.bincount(block.events.rows, minlength=len(block)) > 0
    by_past = TWO_STAGE if model.re_ranker is not None else FIRST_STAGE
    return np.where(has_past, by_past, np.where(block.has_profile, PROFILE, POPULAR)).astype(object)


def _adjustment(catalogue: Catalogue, rules: RuleTable, at: pd.Timestamp) -> Adjustment:
    tree = catalogue.lookup.tree
    paths = [tuple(str(tree.ids.ids[num]) for num in path) for path in tree.paths()]
    of_candidate = np.empty(len(catalogue), dtype=object)
    of_candidate[:] = [paths[region] for region in catalogue.places.regions]
    values = {}
    for level in ("category", "organiser"):
        ids = np.array([*catalogue.lookup.keys[level].ids, None], dtype=object)
        values[level] = ids[catalogue.lookup.of_sessions[level][catalogue.session_nums]]
    return adjustment(rules, at, values, of_candidate, N_KNOWN + N_NEW)


def recommend(
    model: RankingModel,
    dataset: Dataset,
    at: pd.Timestamp,
    user_ids: Sequence[str] | None,
    k: int,
    window_days: float | None = None,
    policy: Policy = PLAIN,
) -> Iterator[pd.DataFrame]:
    """Ranked lists for users of the data set, in blocks of bounded memory.

    Args:
        model: The model; learned from data until `at` or earlier.
        dataset: What is known at `at`.
        at: Instant of the answer.
        user_ids: Whom to rank for, None for every user.
        k: Length of a list.
        window_days: Only sessions that start before `at` + window_days.
        policy: What is done after scoring.

    Yields:
        Rows `user_id, rank, activity_id, session_id, score, source`, ordered by user as asked and rank; without
        users one table without rows.

    Raises:
        UnknownIdError: names users without a row.
    """
    known = dataset.known_at(at) if dataset.data_until > at else dataset
    catalogue = catalogue_of(known, at, window_days)
    people = chosen_users(known, user_ids)
    for block in user_blocks(catalogue, known, people):
        yield list_frame(catalogue, block, rank_block(model, catalogue, block, k, policy=policy))
    if people.empty:
        yield _empty_frame()


def user_blocks(catalogue: Catalogue, dataset: Dataset, users: pd.DataFrame) -> Iterator[UserBlock]:
    """The users of a table a block at a time, each block with its own people's rows alone."""
    n_pairs = max(1, min(len(catalogue), N_KNOWN + N_NEW))
    size = max(1, min(BLOCK_CELLS // max(len(catalogue), 1), BLOCK_PAIRS // n_pairs))
    booked = _by_block(dataset.bookings, users["user_id"], size)
    told = _by_block(dataset.feedback, users["user_id"], size)
    for num, start in enumerate(range(0, len(users), size)):
        rows = users.iloc[start : start + size]
        yield user_block(catalogue, rows, booked(num), told(num), dataset.sessions, dataset.removed_tags)


def chosen_users(dataset: Dataset, user_ids: Sequence[str] | None) -> pd.DataFrame:
    """Rows of the users asked for, in the order asked; who is asked for twice has one row.

    Raises:
        UnknownIdError: names users without a row.
    """
    if user_ids is None:
        return dataset.users
    index = IdMap.of(dataset.users["user_id"], "user_id")
    user_ids = list(dict.fromkeys(user_ids))
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


def _by_block(frame: pd.DataFrame, users: pd.Series, size: int) -> Callable[[int], pd.DataFrame]:
    rows = places_among(frame["user_id"], users)
    block = np.where(rows >= 0, rows // size, -1)
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(-1, len(users) // size + 2), side="right")
    return lambda num: frame.iloc[order[ends[num] : ends[num + 1]]]


def _empty_frame() -> pd.DataFrame:
    columns = {"user_id": object, "rank": np.int64, "activity_id": object, "session_id": object}
    return pd.DataFrame({name: np.zeros(0, dtype=kind) for name, kind in columns.items()}).assign(
        score=np.zeros(0), source=np.zeros(0, dtype=object)
    )
