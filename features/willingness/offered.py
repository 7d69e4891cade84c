"""Reads from a data set what its users could have gone to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.outliers import plausible
from features.willingness.ages import Cohorts, cohorts
from features.willingness.exposure import TRAINING, Exposure, time_cell
from recsys.dataset import Dataset, is_among, local_times, week_starts
from recsys.ids import IdMap
from recsys.sums import sums_by

WAITED_SHARE = 0.2
"""Share of full sessions with a waiting list from which a platform is believed to keep them."""

UNPLACED = "online or without a venue"


def courses(dataset: Dataset, activity_ids: pd.Series) -> NDArray[np.object_]:
    """(n,) what sessions have their luck in common with: the series of their activity, else the activity."""
    series = dataset.activities.set_index("activity_id")["series_id"].astype(object).reindex(activity_ids)
    activities = activity_ids.to_numpy(dtype=object)
    found = series.where(series.notna(), activities).to_numpy(dtype=object)
    return np.array(
        [f"{'series' if one else 'activity'} {key}" for one, key in zip(series.notna(), found, strict=True)],
        dtype=object,
    )


def attending(bookings: pd.DataFrame) -> pd.Series:
    """Whether each booking's person came: marked as attended, or still booked where nobody is ever marked."""
    came = bookings["status"] == "attended"
    return came if came.any() else bookings["status"] == "booked"


def _audiences(facts: pd.DataFrame) -> NDArray[np.int64]:
    """(n,) number of each stated audience (missing is one), the commonest of those without age limits first."""
    stated = facts["audience"].astype(object).fillna("not stated")
    order = stated[facts["min_age"].isna() & facts["max_age"].isna()].value_counts().index
    names = pd.Index([*order, *sorted(set(stated) - set(order))])
    return np.asarray(names.get_indexer(stated), dtype=np.int64)


def _keeps_waiting(
    asked: NDArray[np.float64],
    session: NDArray[np.int64],
    waits: NDArray[np.bool_],
    capacity: NDArray[np.float64],
) -> bool:
    """Whether a fair share of the sessions whose places were all asked for have somebody waiting."""
    full = (asked >= capacity) & (capacity > 0)
    waited = sums_by(session, waits, len(capacity)) > 0
    return bool(full.any() and waited[full].mean() >= WAITED_SHARE)


def _held(dataset: Dataset, history_weeks: int) -> pd.DataFrame:
    """Sessions to learn from by id, in whatever order they are told: courses are numbered, and left out, by it."""
    sessions = dataset.sessions
    held = sessions[(sessions["starts_at"] < dataset.data_until) & sessions["cancelled_at"].isna()]
    booked = held.loc[is_among(held["session_id"], dataset.bookings["session_id"]), "starts_at"]
    last = booked.max() if len(booked) else held["starts_at"].max()
    return held[held["starts_at"].between(last - pd.Timedelta(weeks=history_weeks), last)].sort_values("session_id")


def _kinds(stated: pd.Series, unplaced: NDArray[np.bool_]) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Names of kinds, and (n_sessions,) the row of each session's."""
    of_session = stated.fillna(TRAINING).to_numpy(dtype=object)
    names = np.array([*sorted({TRAINING, *of_session}), UNPLACED], dtype=object)
    row = np.searchsorted(names[:-1].astype(str), of_session.astype(str))
    return names, np.where(unplaced, len(names) - 1, row).astype(np.int64)


def _asked(
    dataset: Dataset, session_ids: IdMap, admission: Cohorts
) -> tuple[pd.DataFrame, NDArray[np.int64], NDArray[np.int64]]:
    """Bookings that were not cancelled of people whom the session admits, with rows of user and session."""
    bookings = dataset.bookings[dataset.bookings["status"] != "cancelled"]
    row = session_ids.nums_or_missing(bookings["session_id"])
    bookings, row = bookings[row >= 0], row[row >= 0]
    user = IdMap.of(dataset.users["user_id"], "user_id").nums(bookings["user_id"])
    own = admission.admits[admission.of_user[user], row] > 0
    return bookings[own], user[own], row[own]


def _described(dataset: Dataset, sessions: pd.DataFrame) -> dict[str, Any]:
    """Fields of `Exposure` that say what sessions are, and where."""
    facts = dataset.activities.set_index("activity_id").reindex(sessions["activity_id"])
    course, course_ids = pd.factorize(courses(dataset, sessions["activity_id"]))
    categories = np.array(sorted(dataset.activities["category"].dropna().unique()), dtype=object)
    venue = IdMap.of(dataset.venues["venue_id"], "venue_id").nums_or_missing(sessions["venue_id"])
    unplaced = (venue < 0) | facts["online"].to_numpy(dtype=bool)
    kinds, kind = _kinds(facts["kind"], unplaced)
    return {
        "categories": categories,
        "kinds": kinds,
        "category": np.searchsorted(categories.astype(str), facts["category"].to_numpy(dtype=str)),
        "course": course.astype(np.int64),
        "course_ids": IdMap(np.asarray(course_ids, dtype=object), "course"),
        "venue": np.where(unplaced, len(dataset.venues), venue).astype(np.int64),
        "kind": kind,
        "audience": _audiences(facts),
        "price": sessions["price"].fillna(0.0).clip(lower=0.0).to_numpy(dtype=np.float64),
        "capacity": sessions["capacity"].fillna(np.inf).to_numpy(dtype=np.float64),
    }


def _timed(dataset: Dataset, sessions: pd.DataFrame) -> dict[str, Any]:
    """Fields of `Exposure` that say when sessions were held, and from when on users were there."""
    local = local_times(sessions["starts_at"], dataset.timezone)
    weeks = week_starts(sessions["starts_at"], dataset.timezone)
    monday = weeks.min() if len(weeks) else dataset.data_until.tz_convert(None).normalize()
    week = ((weeks - monday).dt.days // 7).to_numpy(dtype=np.int64)
    weekday = local.dt.dayofweek.to_numpy(dtype=np.int64)
    registered = local_times(dataset.users["registered_at"], dataset.timezone)
    return {
        "week": week,
        "cell": time_cell(weekday, local.dt.hour.to_numpy(dtype=np.int64)),
        "weekday": weekday,
        "day": local.to_numpy().astype("datetime64[D]"),
        "n_weeks": int(week.max()) + 1 if len(week) else 0,
        "first_monday": np.datetime64(monday, "D"),
        "first_week": ((registered - monday).dt.days // 7).fillna(-1).to_numpy(dtype=np.int64),
    }


def exposure(dataset: Dataset, history_weeks: int) -> Exposure:
    """Sessions of the last `history_weeks` in which anything was booked, not cancelled, with their bookings.

    The weeks end with the last session that anybody booked: silence since tells of the platform, not of people.
    Bookings by people whom a session does not admit are for somebody else, and left out.
    """
    sessions = _held(dataset, history_weeks)
    session_ids, admission = IdMap.of(sessions["session_id"], "session_id"), cohorts(dataset, sessions)
    bookings, user, row = _asked(dataset, session_ids, admission)
    described = _described(dataset, sessions)
    capacity = described["capacity"]
    people = plausible(bookings["party_size"].to_numpy(dtype=np.float64), row, described["category"], capacity)
    asked = sums_by(row, people, len(capacity))
    return Exposure(
        session_ids=session_ids,
        **described,
        **_timed(dataset, sessions),
        booking_user=user,
        booking_session=row,
        people=people,
        asked=asked,
        stands_for=1.0,
        keeps_waiting=_keeps_waiting(asked, row, (bookings["status"] == "waitlisted").to_numpy(), capacity),
        cohorts=admission,
    )
