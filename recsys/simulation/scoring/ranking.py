"""Lists against what people would really book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.ids import IdMap
from recsys.ranking.metrics import discounts
from recsys.simulation.scoring.judged import Judged, judge
from recsys.simulation.scoring.list_rules import violations
from recsys.simulation.setting.place import KM_PER_DEGREE
from recsys.simulation.truth.oracle import Truth

RECOMMENDATION_COLUMNS = ("user_id", "rank", "activity_id", "session_id")
Lists = NDArray[np.int64]
"""(n_users, k) columns of recommended activities, -1: nothing."""


def score_recommendations(truth: Truth, rows: pd.DataFrame, *, k: int = 10, window_days: int = 14) -> dict[str, Any]:
    """NDCG of the lists, of the oracle's and of simple rules', and rows that nobody should have been offered.

    `ndcg` has binary gain on what was booked, over users with a hit, ideal min(k, hits); `expected_ndcg` takes the true
    chance as gain, over all users, the ideal being the oracle's list. `cold` keeps only activities without a booking
    before `as_of`, in lists and hits alike. NaN where nobody has a hit, or nothing has a chance.
    """
    judged = judge(truth, window_days)
    lists = {"given": given_lists(judged, rows, k), "oracle": best_lists(judged.relevance, judged.allowed, k)}
    lists |= {name: best_lists(score, judged.allowed, k) for name, score in _rules(truth, judged).items()}
    results = {name: _figures(judged, one, k) for name, one in lists.items()}
    shares = {
        segment: {
            metric: _ratio(results["given"][segment][metric], results["oracle"][segment][metric])
            for metric in ("ndcg", "expected_ndcg")
        }
        for segment in results["given"]
    }
    return {
        "k": k,
        "window_days": window_days,
        "n_users": len(judged.users),
        "n_candidates": len(judged.sessions),
        "share_of_oracle": shares,
        **results,
        "violations": violations(truth, rows),
    }


def given_lists(judged: Judged, rows: pd.DataFrame, k: int) -> Lists:
    """Lists of a file of `RECOMMENDATION_COLUMNS`."""
    lists = np.full((len(judged.users), k), -1, dtype=np.int64)
    ids = IdMap.of(judged.users["user_id"], "user")
    ranked = rows.sort_values(["user_id", "rank"], kind="stable").drop_duplicates(["user_id", "activity_id"])
    place = ranked.groupby("user_id").cumcount().to_numpy()
    user = ids.nums_or_missing(ranked["user_id"].astype(str))
    column = judged.activities.nums_or_missing(ranked["activity_id"].astype(str))
    keep = (user >= 0) & (place < k)
    # What is unknown or outside the window holds its rank and earns nothing.
    lists[user[keep], place[keep]] = column[keep]
    return lists


def best_lists(scores: NDArray[np.float32], allowed: NDArray[np.bool_], k: int) -> Lists:
    """The k highest scores among what is allowed."""
    masked = np.where(allowed, scores, -np.inf)
    order = np.argsort(-masked, axis=1, kind="stable")[:, :k]
    lists = np.where(np.take_along_axis(allowed, order, axis=1), order, -1).astype(np.int64)
    if lists.shape[1] < k:
        lists = np.pad(lists, ((0, 0), (0, k - lists.shape[1])), constant_values=-1)
    return lists


def _rules(truth: Truth, judged: Judged) -> dict[str, NDArray[np.float32]]:
    """Scores of popularity (bookings of the activity before `as_of`), nearest, random."""
    n_users, n = judged.allowed.shape
    before = truth.tables["sessions"].groupby("activity_id")["n_before"].sum()
    popular = before.reindex(list(judged.activities.ids)).fillna(0).to_numpy(dtype=np.float32)
    first = judged.sessions.drop_duplicates("activity")
    venues = truth.tables["venues"]
    at = venues.iloc[first["venue_num"].clip(lower=0).to_numpy()]
    lat, lon = judged.users["lat"].to_numpy()[:, None], judged.users["lon"].to_numpy()[:, None]
    km = np.hypot(lat - at["lat"].to_numpy(), (lon - at["lon"].to_numpy()) * 0.8) * KM_PER_DEGREE
    km = np.where(first["venue_num"].to_numpy() < 0, 1e3, km)
    near = np.full((n_users, n), -np.inf, dtype=np.float32)
    near[:, first["activity"].to_numpy()] = -km
    rng = np.random.default_rng(1)
    return {
        "popularity": np.broadcast_to(popular, (n_users, n)),
        "nearest": near,
        "random": rng.random((n_users, n), dtype=np.float32),
    }


def _figures(judged: Judged, lists: Lists, k: int) -> dict[str, dict[str, float | int]]:
    hot = judged.users["n_before"].to_numpy() > 0
    every = gains(judged, lists, k)
    figures = {name: _segment(every, here) for name, here in (("all", np.ones_like(hot)), ("hot", hot), ("warm", ~hot))}
    return figures | {"cold sessions": _segment(gains(judged, lists, k, cold=True), np.ones_like(hot))}


def _only(lists: Lists, keep: NDArray[np.bool_]) -> Lists:
    """Lists without other activities, closed up."""
    stays = (lists >= 0) & np.append(keep, False)[lists]
    order = np.argsort(~stays, axis=1, kind="stable")
    return np.where(np.take_along_axis(stays, order, axis=1), np.take_along_axis(lists, order, axis=1), -1)


@dataclass(frozen=True)
class Gains:
    """What lists are worth, a row each user.

    Attributes:
        ndcg: (n,) realised, NaN without a hit.
        worth: (n,) discounted true chances; `best`: (n,) the highest that can be had.
    """

    ndcg: NDArray[np.float64]
    worth: NDArray[np.float64]
    best: NDArray[np.float64]


def gains(judged: Judged, lists: Lists, k: int, *, cold: bool = False) -> Gains:
    """Each user's gains; `cold`: of activities that nobody has booked alone, in lists, hits and chances alike."""
    lists = _only(lists, judged.cold) if cold else lists
    n_hits = judged.n_cold_hits if cold else judged.n_hits
    gain = np.append(discounts(k), 0.0)
    found = (lists >= 0) & np.take_along_axis(judged.hits, np.maximum(lists, 0), axis=1)
    ideal = np.append(0.0, discounts(k).cumsum())[np.minimum(n_hits, k)]
    ndcg = np.full(len(lists), np.nan)
    np.divide((found * gain[:k]).sum(axis=1), ideal, out=ndcg, where=ideal > 0)
    relevance = np.where(judged.cold, judged.relevance, 0.0) if cold else judged.relevance
    worth = np.where(lists >= 0, np.take_along_axis(relevance, np.maximum(lists, 0), axis=1), 0.0)
    top = -np.sort(-np.where(judged.allowed, relevance, 0.0), axis=1)[:, :k]
    return Gains(ndcg, (worth * gain[:k]).sum(axis=1), (top * gain[: top.shape[1]]).sum(axis=1))


def _segment(gained: Gains, here: NDArray[np.bool_]) -> dict[str, float | int]:
    with_hit, counted = here & ~np.isnan(gained.ndcg), here & (gained.best > 0)
    expected = gained.worth[counted].sum() / max(gained.best[counted].sum(), 1e-12)
    return {
        "ndcg": float(gained.ndcg[with_hit].mean()) if with_hit.any() else np.nan,
        "expected_ndcg": float(expected) if counted.any() else np.nan,
        "n": int(with_hit.sum()),
        "n_expected": int(counted.sum()),
    }


def _ratio(part: float | int, whole: float | int) -> float:
    """NaN where the oracle has nothing: there is no share of it."""
    return float(part / whole) if whole > 0 else np.nan
