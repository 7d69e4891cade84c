"""The ranking model and its answers: one path for the batch command, evaluation and HTTP.

A service keeps one `Catalogue` (made by `Catalogue`'s maker `catalogue_of` every minute or so) and, for each request,
reads the person's own rows and calls `answer`; `recommend` does the same for blocks of people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.people import UserBlock, user_block
from features.signals.stage_one import Learners, blend, stage_one
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.bundle import BundleWriter, ModelBundle
from recsys.dataset import Dataset
from recsys.errors import UnknownIdError
from recsys.ids import IdMap
from recsys.rankers.store import load_ranker
from recsys.ranking import MISSING, top_k

BLOCK_CELLS = 2_000_000
"""Users times candidates scored at once: bounds the memory of a batch."""

STAGE_ONE_WEIGHTS: Mapping[str, float] = {"affinity": 1.0, "ease": 0.3, "item-knn": 0.2, "als": 0.2, "popularity": 0.1}

PERSONAL = "two-stage"
"""Source of a list made from the person's own past and profile."""
POPULAR = "popular"
"""Source of a list that is the same for everybody: people who opted out, or of whom nothing is known."""


@dataclass(frozen=True)
class RankingModel:
    """What ranking learned.

    Attributes:
        learners: Candidate rankers.
        data_until: First instant not used in learning.
    """

    learners: Learners
    data_until: pd.Timestamp

    def save(self, writer: BundleWriter) -> None:
        """Adds the model to a bundle under `ranking/`."""
        writer.json(
            "ranking/model",
            {
                "data_until": self.data_until.isoformat(),
                "rankers": sorted(self.learners.rankers),
                "keys": self.learners.keys.ids.tolist(),
            },
        )
        for name, ranker in self.learners.rankers.items():
            ranker.save(writer, f"ranking/{name}")


def load_ranking(bundle: ModelBundle) -> RankingModel:
    """The model that `RankingModel.save` wrote."""
    model = bundle.json("ranking/model")
    rankers = {name: load_ranker(bundle, f"ranking/{name}") for name in model["rankers"]}
    return RankingModel(Learners(IdMap.of(model["keys"], "programme"), rankers), pd.Timestamp(model["data_until"]))


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
) -> Lists:
    """Lists for a block of people.

    Args:
        model: The model.
        catalogue: Candidates at the instant of the answer.
        block: People asking.
        k: Length of a list.
        wanted: (n_candidates,) False for candidates that a filter of the request leaves out.
    """
    allowed = may_be_offered(catalogue.sessions, block.people)
    if wanted is not None:
        allowed &= wanted
    allowed = earliest_of_each_activity(catalogue.sessions, allowed)
    scores = blend(stage_one(catalogue, block, model.learners), STAGE_ONE_WEIGHTS)
    columns = top_k(scores, allowed, k)
    listed = np.take_along_axis(np.append(scores, np.zeros((len(block), 1), np.float32), axis=1), columns, axis=1)
    has_past = np.bincount(block.events.rows, minlength=len(block)) > 0
    return Lists(columns, listed.astype(np.float64), np.where(has_past, PERSONAL, POPULAR).astype(object))


def recommend(
    model: RankingModel,
    dataset: Dataset,
    at: pd.Timestamp,
    user_ids: Sequence[str] | None,
    k: int,
    window_days: float | None = None,
) -> pd.DataFrame:
    """Ranked lists for users of the data set, in blocks of bounded memory.

    Args:
        model: The model; learned from data until `at` or earlier.
        dataset: What is known at `at`.
        at: Instant of the answer.
        user_ids: Whom to rank for, None for every user.
        k: Length of a list.
        window_days: Only sessions that start before `at` + window_days.

    Returns:
        Rows `user_id, rank, activity_id, session_id, score, source`, ordered by user as asked and rank.

    Raises:
        UnknownIdError: names users without a row.
    """
    known = dataset.known_at(at) if dataset.data_until > at else dataset
    catalogue = catalogue_of(known, at, window_days)
    people = chosen_users(known, user_ids)
    size = max(1, BLOCK_CELLS // max(len(catalogue), 1))
    frames = [
        list_frame(catalogue, block, rank_block(model, catalogue, block, k))
        for block in user_blocks(catalogue, known, people, size)
    ]
    return pd.concat(frames, ignore_index=True) if frames else _empty_frame()


def user_blocks(catalogue: Catalogue, dataset: Dataset, users: pd.DataFrame, size: int) -> Sequence[UserBlock]:
    """The users of a table, `size` at a time, each block with its own people's rows alone."""
    order = pd.Index(users["user_id"].astype(object))
    booked = _by_block(dataset.bookings, order, size)
    told = _by_block(dataset.feedback, order, size)
    return [
        user_block(
            catalogue,
            users.iloc[start : start + size],
            booked(start),
            told(start),
            dataset.sessions,
        )
        for start in range(0, len(users), size)
    ]


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


def _by_block(frame: pd.DataFrame, users: pd.Index, size: int):  # type: ignore[no-untyped-def]
    rows = users.get_indexer(pd.Index(frame["user_id"].astype(object)))
    block = np.where(rows >= 0, rows // size, -1)
    order = np.argsort(block, kind="stable")
    ends = np.searchsorted(block[order], np.arange(-1, len(users) // size + 2), side="right")

    def of(start: int) -> pd.DataFrame:
        num = start // size
        return frame.iloc[order[ends[num] : ends[num + 1]]]

    return of


def _empty_frame() -> pd.DataFrame:
    columns = {"user_id": object, "rank": np.int64, "activity_id": object, "session_id": object}
    return pd.DataFrame({name: np.zeros(0, dtype=kind) for name, kind in columns.items()}).assign(
        score=np.zeros(0), source=np.zeros(0, dtype=object)
    )
