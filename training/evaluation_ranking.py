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
from recsys.metrics import bootstrap_interval, coverage, ndcg_at_k, novelty, recall_at_k
from recsys.ranking import MISSING, top_k
from training.contenders import BACKED_OFF, REGIONAL, ContenderConfig, Contenders, fit_contenders
from training.windows import asked, hits_of

SERVED = "two-stage"
BASELINES = ("popularity", "affinity", REGIONAL, BACKED_OFF)
COLUMNS = ["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"]


@dataclass(frozen=True)
class _Judged:
    """One model's figures by user."""

    ndcg: list[NDArray[np.float64]]
    recall: list[NDArray[np.float64]]
    new_ndcg: list[NDArray[np.float64]]
    new_recall: list[NDArray[np.float64]]
    novelty: list[NDArray[np.float64]]
    lists: list[NDArray[np.int64]]


def evaluate_lists(
    model: RankingModel,
    dataset: Dataset,
    known: Dataset,
    cut_off: pd.Timestamp,
    window_days: float,
    k: int,
    seed: int,
    contenders: ContenderConfig | None = None,
) -> pd.DataFrame:
    """The evaluation table of a model, its candidate rankers and others on one window.

    A ranker that cannot score a user (NaN) gives no list and counts 0 in NDCG and recall: `share listed` says for how
    many it could. So that nobody looks good against a ranker that is silent, one baseline backs off: the person's
    own past, else what their region books.
    """
    catalogue = catalogue_of(known, cut_off, window_days)
    others = fit_contenders(known, catalogue, contenders or ContenderConfig())
    hits = hits_of(dataset, cut_off, window_days)
    judged: dict[str, _Judged] = {}
    segments: list[NDArray[np.object_]] = []
    for block, relevant, outside in asked(catalogue, known, _with_strangers(known, hits), hits):
        segments.append(_segments(block))
        is_new = ~_known_organisers(catalogue, block)
        allowed = offered(catalogue, block)
        for name, scores in _all_scores(model, others, catalogue, block, allowed):
            figures = judged.setdefault(name, _Judged([], [], [], [], [], []))
            listed, listed_new = top_k(scores, allowed, k), top_k(scores, allowed & is_new, k)
            _judge(figures, (listed, listed_new), relevant, outside, is_new, catalogue)
    window = cut_off.isoformat()
    segment = np.concatenate(segments) if segments else np.zeros(0, dtype=object)
    rows = [row for name, figures in judged.items() for row in _rows(name, figures, segment, len(catalogue), k, seed)]
    return pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "window"]).assign(window=window)[COLUMNS]


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
    figures: _Judged,
    lists: tuple[NDArray[np.int64], NDArray[np.int64]],
    relevant: NDArray[np.bool_],
    outside: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    catalogue: Catalogue,
) -> None:
    n_relevant = _n_activities(relevant, catalogue) + outside
    columns, columns_new = lists
    hit = np.take_along_axis(np.append(relevant, np.zeros((len(relevant), 1), bool), axis=1), columns, axis=1)
    figures.ndcg.append(ndcg_at_k(hit, n_relevant))
    figures.recall.append(recall_at_k(hit, n_relevant))
    new_relevant = relevant & is_new
    hit = np.take_along_axis(np.append(new_relevant, np.zeros((len(relevant), 1), bool), axis=1), columns_new, axis=1)
    n_new = _n_activities(new_relevant, catalogue)
    figures.new_ndcg.append(ndcg_at_k(hit, n_new))
    figures.new_recall.append(recall_at_k(hit, n_new))
    organiser = catalogue.levels["organiser"]
    shares = (np.append(organiser.n_users, 0)[organiser.of_candidate] + 1) / (catalogue.n_people + 1)
    figures.novelty.append(novelty(columns, shares))
    figures.lists.append(columns)


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


def _rows(
    name: str, figures: _Judged, segment: NDArray[np.object_], n_candidates: int, k: int, seed: int
) -> Iterator[tuple[object, ...]]:
    role = "served" if name == SERVED else "baseline" if name in BASELINES else "learner"
    per_user = {
        f"ndcg@{k}": np.concatenate(figures.ndcg),
        f"recall@{k}": np.concatenate(figures.recall),
        "novelty": np.concatenate(figures.novelty),
        "share listed": (np.concatenate(figures.lists)[:, :1] != MISSING).any(axis=1).astype(np.float64),
    }
    new = {f"ndcg@{k}": np.concatenate(figures.new_ndcg), f"recall@{k}": np.concatenate(figures.new_recall)}
    for part in ("all", "hot", "warm", "cold", "new organisers"):
        inside = segment == part if part in ("hot", "warm", "cold") else np.ones(len(segment), dtype=bool)
        for metric, values in (new if part == "new organisers" else per_user).items():
            chosen = values[inside]
            mean, low, high = bootstrap_interval(chosen, np.random.default_rng(seed))
            yield "ranking", name, role, part, metric, mean, low, high, int((~np.isnan(chosen)).sum())
    covered = coverage(np.concatenate(figures.lists), n_candidates)
    yield "ranking", name, role, "all", f"coverage@{k}", covered, covered, covered, n_candidates
