"""Signals of a candidate alone, whoever asks: times, price, places, and how it fills."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.candidates.filling import Filling, filling_facts
from features.signals.candidates.usual import Counts, lift
from features.signals.known.events import Events
from features.signals.known.lookup import Lookup
from recsys.dataset import Dataset
from recsys.instants import NS_PER_DAY, nanoseconds
from recsys.open_sessions import OpenSessions

_LATELY_DAYS = 3.0
_FEW_SHOWN = 10.0
"""Impressions beside which views are few."""

CROWD_FACTS = ("booked_", "expected_", "filled_", "so_far_", "usual_")
"""Beginnings of the facts that are made of everybody's bookings."""


def session_facts(
    known: Dataset,
    sessions: OpenSessions,
    session_nums: NDArray[np.int64],
    lookup: Lookup,
    everybody: Events,
    filling: Filling,
    at: pd.Timestamp,
) -> dict[str, NDArray[np.float64]]:
    """(n_candidates,) each: what a candidate is like, whoever asks: times, price, places, and how fast it fills."""
    activity = known.activities.iloc[lookup.session_activity[session_nums]]
    took = Counts.of_bookings(everybody, lookup, at)
    recent = np.bincount(took.things[took.days < _LATELY_DAYS], minlength=len(lookup.sessions))[session_nums]
    return {
        **_against_usual(known.feedback, session_nums, lookup, took, at),
        **_stated(known.sessions.iloc[session_nums], sessions, lookup.session_slot[session_nums], at),
        "booked_so_far": took.so_far(session_nums),
        "booked_lately": recent.astype(np.float64),
        **{name: activity[name].to_numpy(dtype=np.float64) for name in ("min_age", "max_age", "online")},
        **filling_facts(filling, session_nums, lookup),
    }


def _against_usual(
    feedback: pd.DataFrame, session_nums: NDArray[np.int64], lookup: Lookup, took: Counts, at: pd.Timestamp
) -> dict[str, NDArray[np.float64]]:
    """Bookings of the session, and impressions and views of its activity, against what its organiser usually has."""
    usual = took.usual(session_nums)
    found = {"usual_so_far": usual, "so_far_lift": lift(took.so_far(session_nums), usual)}
    activity_nums = lookup.session_activity[session_nums]
    for name, kind in (("shown", "impression"), ("opened", "view")):
        told = Counts.of_feedback(feedback, kind, lookup, at)
        found[name] = told.so_far(activity_nums)
        found[f"{name}_lift"] = lift(found[name], told.usual(activity_nums))
    shown = found["shown"]
    rate = np.divide(found["opened"], shown + _FEW_SHOWN, out=np.full(len(shown), np.nan), where=shown > 0)
    return found | {"open_rate": rate}


def _stated(
    rows: pd.DataFrame, sessions: OpenSessions, slots: NDArray[np.int64], at: pd.Timestamp
) -> dict[str, NDArray[np.float64]]:
    """Times, price and places, as the session's row states them."""
    capacity = rows["capacity"].to_numpy(dtype=np.float64)
    published = nanoseconds(rows["published_at"])
    return {
        "lead_days": (sessions.starts - at.value) / NS_PER_DAY,
        "hour": (slots % 24).astype(np.float64),
        "weekday": (slots // 24).astype(np.float64),
        "hours_long": np.where(rows["ends_at"].isna(), np.nan, (sessions.ends - sessions.starts) / NS_PER_DAY * 24),
        "price": rows["price"].to_numpy(dtype=np.float64),
        "capacity": capacity,
        "places_left": sessions.places_left,
        "share_left": np.divide(sessions.places_left, capacity, out=np.full(len(capacity), np.nan), where=capacity > 0),
        "days_on_offer": np.where(rows["published_at"].isna(), np.nan, (at.value - published) / NS_PER_DAY),
    }
