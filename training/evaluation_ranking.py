"""Back-tests of lists: hits as the contract defines them, segments, intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking import offered, pair_scores
from features.ranking_model import RankingModel
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.lookup import take_or_missing
from features.signals.people import UserBlock
from features.signals.stage_one import stage_one
from recsys.dataset import Dataset
from recsys.metrics import coverage, ndcg_at_k, novelty, recall_at_k
from recsys.ranking import MISSING, top_k
from training.contenders import ContenderConfig, Contenders, fit_contenders
from training.windows import asked, hits_of

SERVED = "two-stage"


@dataclass(frozen=True)
class JudgedLists:
    """What every ranker's lists were worth on one window.

    Attributes:
        window: The cut-off.
        user_ids: (n_users,) people with a hit.
        segment: (n_users,) `hot`, `warm` or `cold`.
        n_candidates: Candidates of the window.
        figures: By model and metric, (n_users,): `ndcg`, `recall` (those `new` for organisers not booked before; NaN
            where nothing is relevant), `novelty`, `listed` (1: a list was given).
        coverage: By model, the share of the candidates that stand in some list.
    """

    window: str
    user_ids: NDArray[np.object_]
    segment: NDArray[np.object_]
    n_candidates: int
    figures: dict[str, dict[str, NDArray[np.float64]]]
    coverage: dict[str, float]


def judge_lists(
    model: RankingModel,
    dataset: Dataset,
    known: Dataset,
    cut_off: pd.Timestamp,
    window_days: float,
    k: int,
    contenders: ContenderConfig | None = None,
) -> JudgedLists:
    """The lists of a model, its candidate rankers and others on one window.

    A ranker that cannot score a user (NaN) gives no list and counts 0 in NDCG and recall: `share listed` says for how
    many it could. So that nobody looks good against a ranker that is silent, one baseline backs off: the person's
    own past, else what their region books.
    """
    catalogue = catalogue_of(known, cut_off, window_days)
    others = fit_contenders(known, catalogue, contenders or ContenderConfig())
    hits = hits_of(dataset, cut_off, window_days)
    blocks: dict[str, list[dict[str, NDArray[np.float64]]]] = {}
    lists: dict[str, list[NDArray[np.int64]]] = {}
    user_ids: list[NDArray[np.object_]] = []
    segments: list[NDArray[np.object_]] = []
    for block, relevant, outside in asked(catalogue, known, _with_strangers(known, hits), hits):
        user_ids.append(np.asarray(block.user_ids, dtype=object))
        segments.append(_segments(block))
        is_new = ~_known_organisers(catalogue, block)
        allowed = offered(catalogue, block)
        for name, scores in _all_scores(model, others, catalogue, block, allowed):
            listed, listed_new = top_k(scores, allowed, k), top_k(scores, allowed & is_new, k)
            found = _judge((listed, listed_new), relevant, outside, is_new, catalogue)
            blocks.setdefault(name, []).append(found)
            lists.setdefault(name, []).append(listed)
    nobody = np.zeros(0, dtype=object)
    return JudgedLists(
        window=cut_off.isoformat(),
        user_ids=np.concatenate([nobody, *user_ids]),
        segment=np.concatenate([nobody, *segments]),
        n_candidates=len(catalogue),
        figures={name: {m: np.concatenate([p[m] for p in parts]) for m in parts[0]} for name, parts in blocks.items()},
        coverage={name: coverage(np.concatenate(parts), len(catalogue)) for name, parts in lists.items()},
    )


def _all_scores(
    model: RankingModel,
    others: Contenders,
    catalogue: Catalogue,
    block: UserBlock,
    allowed: NDArray[np.bool_],
) -> Iterator[tuple[str, NDArray[np.floating]]]:
    yield SERVED, pair_scores(model, catalogue, block, allowed)
    first = stage_one(catalogue, block, model.learners)
    yield from first.items()
    yield from others.scores(catalogue, block, first["affinity"]).items()


def _judge(
    lists: tuple[NDArray[np.int64], NDArray[np.int64]],
    relevant: NDArray[np.bool_],
    outside: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    catalogue: Catalogue,
) -> dict[str, NDArray[np.float64]]:
    n_relevant = _n_activities(relevant, catalogue) + outside
    columns, columns_new = lists
    hit = np.take_along_axis(np.append(relevant, np.zeros((len(relevant), 1), bool), axis=1), columns, axis=1)
    new_relevant = relevant & is_new
    new_hit = np.take_along_axis(
        np.append(new_relevant, np.zeros((len(relevant), 1), bool), axis=1), columns_new, axis=1
    )
    n_new = _n_activities(new_relevant, catalogue)
    organiser = catalogue.levels["organiser"]
    shares = (np.append(organiser.n_users, 0)[organiser.of_candidate] + 1) / (catalogue.n_people + 1)
    return {
        "ndcg": ndcg_at_k(hit, n_relevant),
        "recall": recall_at_k(hit, n_relevant),
        "new ndcg": ndcg_at_k(new_hit, n_new),
        "new recall": recall_at_k(new_hit, n_new),
        "novelty": novelty(columns, shares),
        "listed": (columns[:, :1] != MISSING).any(axis=1).astype(np.float64),
    }


def _n_activities(relevant: NDArray[np.bool_], catalogue: Catalogue) -> NDArray[np.int64]:
    first = catalogue.sessions.activity_starts == np.arange(len(catalogue))
    return (relevant & first).sum(axis=1)


def _segments(block: UserBlock) -> NDArray[np.object_]:
    """(n_users,) hot: has booked; warm: only a profile; cold: neither."""
    is_hot = np.bincount(block.people.booked_rows, minlength=len(block)) > 0
    return np.where(is_hot, "hot", np.where(block.has_profile(), "warm", "cold")).astype(object)


def _known_organisers(catalogue: Catalogue, block: UserBlock) -> NDArray[np.bool_]:
    """(n_users, n_candidates) whether the person booked the candidate's organiser before; those who opted out too."""
    organiser = catalogue.levels["organiser"]
    sessions = catalogue.lookup.sessions.nums_or_missing(block.people.booked_ids)
    key = take_or_missing(catalogue.lookup.of_sessions["organiser"], sessions)
    booked = np.zeros((len(block), len(organiser.keys) + 1), dtype=bool)
    booked[block.people.booked_rows, take_or_missing(organiser.place_of_key, key)] = True
    booked[:, -1] = False
    return booked[:, organiser.of_candidate]


def _with_strangers(known: Dataset, hits: pd.DataFrame) -> pd.DataFrame:
    """Rows of the users with a hit; those who came after the cut-off are known by nothing but their id."""
    users = known.users[known.users["user_id"].isin(hits["user_id"])]
    strangers = hits.loc[~hits["user_id"].isin(users["user_id"]), "user_id"].unique()
    if not len(strangers):
        return users
    rows = Dataset.from_tables({"users": pd.DataFrame({"user_id": strangers})}, known.data_until).users
    return pd.concat([users, rows], ignore_index=True)
