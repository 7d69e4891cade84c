"""Back-tests of lists: hits as the contract defines them, segments, intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.ranking import BLOCK_CELLS, RankingModel, rank_block, user_blocks
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.lookup import take_or_missing
from features.signals.people import UserBlock
from features.signals.stage_one import stage_one
from recsys.availability import earliest_of_each_activity, may_be_offered
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.metrics import bootstrap_interval, coverage, ndcg_at_k, novelty, recall_at_k
from recsys.ranking import top_k

SERVED = "two-stage"
BASELINES = ("popularity", "affinity")
COLUMNS = ["task", "model", "role", "segment", "metric", "window", "mean", "low", "high", "n"]


def hits_of(dataset: Dataset, cut_off: pd.Timestamp, window_days: float) -> pd.DataFrame:
    """Pairs `user_id, activity_id`: a session in the window that was booked at the cut-off or later, not cancelled."""
    until = cut_off + pd.Timedelta(days=window_days)
    sessions = dataset.sessions[(dataset.sessions["starts_at"] >= cut_off) & (dataset.sessions["starts_at"] < until)]
    booked = dataset.bookings[(dataset.bookings["booked_at"] >= cut_off) & (dataset.bookings["status"] != "cancelled")]
    pairs = booked.merge(sessions[["session_id", "activity_id"]], on="session_id")
    return pairs[["user_id", "activity_id"]].drop_duplicates(ignore_index=True)


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
) -> pd.DataFrame:
    """The evaluation table of a model and its candidate rankers on one window."""
    catalogue = catalogue_of(known, cut_off, window_days)
    hits = hits_of(dataset, cut_off, window_days)
    judged: dict[str, _Judged] = {}
    segments: list[NDArray[np.object_]] = []
    for block, relevant, outside in _asked(catalogue, known, hits):
        segments.append(_segments(block))
        is_new = ~_booked_organisers(catalogue, block)
        for name, lists in _all_lists(model, catalogue, block, k):
            figures = judged.setdefault(name, _Judged([], [], [], [], [], []))
            _judge(figures, lists, relevant, outside, is_new, catalogue, k)
    window = cut_off.isoformat()
    segment = np.concatenate(segments) if segments else np.zeros(0, dtype=object)
    rows = [row for name, figures in judged.items() for row in _rows(name, figures, segment, len(catalogue), k, seed)]
    return pd.DataFrame(rows, columns=[c for c in COLUMNS if c != "window"]).assign(window=window)[COLUMNS]


def _asked(
    catalogue: Catalogue, known: Dataset, hits: pd.DataFrame
) -> Iterator[tuple[UserBlock, NDArray[np.bool_], NDArray[np.int64]]]:
    """Users with a hit in blocks: (n_users, n_candidates) relevant, and relevant activities beyond the candidates."""
    users = known.users[known.users["user_id"].isin(hits["user_id"])]
    size = max(1, BLOCK_CELLS // max(len(catalogue), 1))
    for block in user_blocks(catalogue, known, users, size):
        mine = hits[hits["user_id"].isin(block.user_ids)]
        rows = IdMap(block.user_ids).nums(mine["user_id"])
        activity = catalogue.lookup.activities.nums_or_missing(mine["activity_id"])
        member = np.zeros((len(block), len(catalogue.lookup.activities) + 1), dtype=bool)
        member[rows[activity >= 0], activity[activity >= 0]] = True
        relevant = member[:, catalogue.activities]
        in_candidates = np.isin(activity, catalogue.activities)
        outside = np.bincount(rows[~in_candidates], minlength=len(block))
        yield block, relevant, outside


def _all_lists(
    model: RankingModel, catalogue: Catalogue, block: UserBlock, k: int
) -> Iterator[tuple[str, Callable[[NDArray[np.bool_] | None], NDArray[np.int64]]]]:
    allowed = may_be_offered(catalogue.sessions, block.people)

    yield SERVED, lambda wanted: rank_block(model, catalogue, block, k, wanted).columns
    for name, scores in stage_one(catalogue, block, model.learners).items():
        filled = np.where(np.isnan(scores), -np.inf, scores)

        def lists(wanted: NDArray[np.bool_] | None, filled: NDArray[np.float32] = filled) -> NDArray[np.int64]:
            may = allowed if wanted is None else allowed & wanted
            return top_k(filled, earliest_of_each_activity(catalogue.sessions, may), k)

        yield name, lists


def _judge(
    figures: _Judged,
    lists: Callable[[NDArray[np.bool_] | None], NDArray[np.int64]],
    relevant: NDArray[np.bool_],
    outside: NDArray[np.int64],
    is_new: NDArray[np.bool_],
    catalogue: Catalogue,
    k: int,
) -> None:
    n_relevant = _n_activities(relevant, catalogue) + outside
    columns = lists(None)
    hit = np.take_along_axis(np.append(relevant, np.zeros((len(relevant), 1), bool), axis=1), columns, axis=1)
    figures.ndcg.append(ndcg_at_k(hit, n_relevant))
    figures.recall.append(recall_at_k(hit, n_relevant))
    new_relevant = relevant & is_new
    columns_new = lists(is_new)
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
    is_hot = np.bincount(block.events.rows, minlength=len(block)) > 0
    return np.where(is_hot, "hot", "warm").astype(object)


def _booked_organisers(catalogue: Catalogue, block: UserBlock) -> NDArray[np.bool_]:
    columns = catalogue.levels["organiser"]
    events = block.events
    is_booking = events.sessions >= 0
    keys = np.where(is_booking, events.keys(catalogue.lookup, "organiser"), -1)
    places = take_or_missing(columns.place_of_key, keys)
    booked = events.matrix(places, (len(block), len(columns.keys) + 1), np.ones(len(places))).toarray() > 0
    return booked[:, columns.of_candidate]


def _rows(
    name: str, figures: _Judged, segment: NDArray[np.object_], n_candidates: int, k: int, seed: int
) -> Iterator[tuple[object, ...]]:
    role = "served" if name == SERVED else "baseline" if name in BASELINES else "learner"
    per_user = {
        f"ndcg@{k}": np.concatenate(figures.ndcg),
        f"recall@{k}": np.concatenate(figures.recall),
        "novelty": np.concatenate(figures.novelty),
    }
    new = {f"ndcg@{k}": np.concatenate(figures.new_ndcg), f"recall@{k}": np.concatenate(figures.new_recall)}
    for part in ("all", "hot", "warm", "new organisers"):
        inside = segment == part if part in ("hot", "warm") else np.ones(len(segment), dtype=bool)
        for metric, values in (new if part == "new organisers" else per_user).items():
            chosen = values[inside]
            mean, low, high = bootstrap_interval(chosen, np.random.default_rng(seed))
            yield "ranking", name, role, part, metric, mean, low, high, int((~np.isnan(chosen)).sum())
    covered = coverage(np.concatenate(figures.lists), n_candidates)
    yield "ranking", name, role, "all", f"coverage@{k}", covered, covered, covered, n_candidates
