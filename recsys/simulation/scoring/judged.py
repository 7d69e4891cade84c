"""Who is judged by what: users, the activities that may be offered to them, true chances and hits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.ids import IdMap
from recsys.simulation.scoring.list_rules import open_sessions
from recsys.simulation.truth.oracle import Truth

MAX_USERS = 30_000
"""More users than this are judged by a fixed sample."""


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


def judge(truth: Truth, window_days: int) -> Judged:
    """Who and what is judged."""
    until = truth.as_of + pd.Timedelta(days=window_days)
    users = _judged_users(truth)
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
    later = _booked_later(truth, ids, until)
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


def _judged_users(truth: Truth) -> pd.DataFrame:
    """Who had registered by then; a fixed sample of many."""
    people = truth.tables["people"]
    users = people[people["registered_at"] < truth.as_of].reset_index(drop=True)
    if len(users) > MAX_USERS:
        chosen = np.random.default_rng(0).choice(len(users), MAX_USERS, replace=False)
        users = users.iloc[np.sort(chosen)].reset_index(drop=True)
    return users


def _booked_later(truth: Truth, users: IdMap, until: pd.Timestamp) -> pd.DataFrame:
    """What users booked at `as_of` or later in the window and kept, an activity once."""
    outcome = truth.tables["outcomes"]
    later = outcome[(outcome["booked_at"] >= truth.as_of) & ~outcome["cancelled"]]
    later = later[(later["starts_at"] < until) & (later["starts_at"] >= truth.as_of)]
    later = later.drop_duplicates(["user_id", "activity_id"])
    return later[users.nums_or_missing(later["user_id"]) >= 0]


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
