"""Lists against what people would really book."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.ids import IdMap
from recsys.metrics import discounts
from recsys.simulation.oracle import Truth
from recsys.simulation.place import KM_PER_DEGREE
from recsys.simulation.scoring.list_rules import open_sessions, violations

RECOMMENDATION_COLUMNS = ("user_id", "rank", "activity_id", "session_id")
MAX_USERS = 30_000
"""More users than this are judged by a fixed sample."""

Lists = NDArray[np.int64]
"""(n_users, k) columns of recommended activities, -1: nothing."""


@dataclass(frozen=True)
class Judged:
    """Users and activities in question.

    Attributes:
        users: Rows of the truth's people, index 0..n.
        sessions: Open sessions in the window with a place left, with `activity` (column).
        activities: Columns.
        relevance: (n_users, n_activities) chance of a booking at `as_of` or later, 0 where not allowed.
        allowed: (n_users, n_activities) some session of it may be offered.
        hits: (n_users, n_activities) booked indeed.
        n_hits: (n_users,) all hits, also of what could not be offered; `n_cold_hits` those of cold activities.
        cold: (n_activities,) no booking before `as_of`.
    """

    users: pd.DataFrame
    sessions: pd.DataFrame
    activities: IdMap
    relevance: NDArray[np.float32]
    allowed: NDArray[np.bool_]
    hits: NDArray[np.bool_]
    n_hits: NDArray[np.int64]
    n_cold_hits: NDArray[np.int64]
    cold: NDArray[np.bool_]


def score_recommendations(truth: Truth, rows: pd.DataFrame, *, k: int = 10, window_days: int = 14) -> dict[str, Any]:
    """NDCG of the lists, of the oracle's and of simple rules', and rows that nobody should have been offered.

    `ndcg` has binary gain on what was booked, over users with a hit, ideal min(k, hits); `expected_ndcg` takes the true
    chance as gain, over all users, the ideal being the oracle's list. `cold` keeps only activities without a booking
    before `as_of`, in lists and hits alike.
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


def judge(truth: Truth, window_days: int) -> Judged:
    """Who and what is judged."""
    as_of, until = truth.as_of, truth.as_of + pd.Timedelta(days=window_days)
    people = truth.tables["people"]
    users = people[people["registered_at"] < as_of].reset_index(drop=True)
    if len(users) > MAX_USERS:
        chosen = np.random.default_rng(0).choice(len(users), MAX_USERS, replace=False)
        users = users.iloc[np.sort(chosen)].reset_index(drop=True)
    sessions = open_sessions(truth)
    sessions = sessions[sessions["starts_at"] < until].reset_index(drop=True)
    activities = IdMap.of(sessions["activity_id"].drop_duplicates(), "activity")
    columns = activities.nums(sessions["activity_id"])
    sessions = sessions.assign(activity=columns)
    fits = may(truth, users, sessions)
    allowed = np.zeros((len(users), len(activities)), dtype=bool)
    for num in range(len(sessions)):
        allowed[:, columns[num]] |= fits[:, num]
    ids = IdMap.of(users["user_id"], "user")
    outcome = truth.tables["outcomes"]
    later = outcome[(outcome["booked_at"] >= as_of) & ~outcome["cancelled"]]
    later = later[(later["starts_at"] < until) & (later["starts_at"] >= as_of)]
    later = later.drop_duplicates(["user_id", "activity_id"])
    later = later[ids.nums_or_missing(later["user_id"]) >= 0]
    all_sessions = truth.tables["sessions"]
    warm = set(all_sessions.loc[all_sessions["n_before"] > 0, "activity_id"])
    hit_user, hit_column = ids.nums(later["user_id"]), activities.nums_or_missing(later["activity_id"])
    hits = np.zeros_like(allowed)
    hits[hit_user[hit_column >= 0], hit_column[hit_column >= 0]] = True
    is_cold_hit = ~later["activity_id"].isin(warm).to_numpy()
    return Judged(
        users,
        sessions,
        activities,
        _relevance(truth, ids, sessions, fits, len(activities)),
        allowed,
        hits,
        np.bincount(hit_user, minlength=len(users)),
        np.bincount(hit_user, is_cold_hit, minlength=len(users)).astype(np.int64),
        np.array([a not in warm for a in activities.ids], dtype=bool),
    )


def may(truth: Truth, users: pd.DataFrame, sessions: pd.DataFrame) -> NDArray[np.bool_]:
    """(n_users, n_sessions) old enough, not booked, nothing held at that time."""
    least = sessions["min_age"].fillna(-1).to_numpy()
    year = sessions["starts_at"].dt.year.to_numpy()
    known = users["birth_known"].to_numpy()[:, None]
    age = year[None, :] - users["birth_year"].to_numpy()[:, None] - 1
    fits = np.where(known, age >= least, least < 18)
    outcome = truth.tables["outcomes"]
    held = outcome[outcome["held_at_as_of"]]
    ids = IdMap.of(users["user_id"], "user")
    ends = truth.tables["sessions"].set_index("session_id")["ends_at"]
    user = ids.nums_or_missing(held["user_id"])
    begin, end = held["starts_at"].to_numpy(), ends.reindex(held["session_id"]).to_numpy()
    for num, (start, stop) in enumerate(
        zip(sessions["starts_at"].to_numpy(), sessions["ends_at"].to_numpy(), strict=True)
    ):
        clash = user[(begin < stop) & (end > start) & (user >= 0)]
        fits[clash, num] = False
    return np.asarray(fits, dtype=bool)


def _relevance(
    truth: Truth, ids: IdMap, sessions: pd.DataFrame, fits: NDArray[np.bool_], n_activities: int
) -> NDArray[np.float32]:
    preferences = truth.tables["preferences"]
    wanted = IdMap.of(sessions["session_id"], "session")
    user, column = ids.nums_or_missing(preferences["user_id"]), wanted.nums_or_missing(preferences["session_id"])
    keep = (user >= 0) & (column >= 0)
    user, column, chance = user[keep], column[keep], preferences["chance"].to_numpy()[keep]
    chance = np.where(fits[user, column], chance, 0.0)
    log_none = np.zeros((len(ids), n_activities), dtype=np.float32)
    np.add.at(log_none, (user, sessions["activity"].to_numpy()[column]), np.log1p(-np.minimum(chance, 0.999)))
    return -np.expm1(log_none)


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
        "ndcg": float(gained.ndcg[with_hit].mean()) if with_hit.any() else 0.0,
        "expected_ndcg": float(expected) if counted.any() else 0.0,
        "n": int(with_hit.sum()),
        "n_expected": int(counted.sum()),
    }


def _ratio(part: float | int, whole: float | int) -> float:
    return float(part / whole) if whole else 0.0
