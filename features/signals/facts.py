"""Signals of a candidate alone, whoever asks: times, price, places, and how it fills."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.events import NS_PER_DAY, Events
from features.signals.filling import filling_facts
from features.signals.lookup import Lookup
from recsys.availability import OpenSessions
from recsys.dataset import Dataset

PLACE_STEP = 1e6
"""Between the keys in a sorted list of days."""

USUAL_DAYS = 365.0
"""Age of the oldest session that says how early an organiser's sessions fill."""

CROWD_FACTS = ("booked_", "expected_", "filled_", "so_far_", "usual_")
"""Beginnings of the facts that are made of everybody's bookings."""


def session_facts(
    known: Dataset,
    sessions: OpenSessions,
    session_nums: NDArray[np.int64],
    lookup: Lookup,
    everybody: Events,
    at: pd.Timestamp,
) -> dict[str, NDArray[np.float64]]:
    """What a candidate is like, whoever asks: times, price, places, and how fast it fills."""
    rows = known.sessions.iloc[session_nums]
    activity = known.activities.iloc[lookup.session_activity[session_nums]]
    took = everybody.is_taking & (everybody.sessions >= 0)
    n_sessions = len(lookup.sessions)
    so_far = np.bincount(everybody.sessions[took], minlength=n_sessions)[session_nums].astype(np.float64)
    lately = took & (everybody.days < 3)
    recent = np.bincount(everybody.sessions[lately], minlength=n_sessions)[session_nums].astype(np.float64)
    slots = lookup.session_slot[session_nums]
    published = rows["published_at"].to_numpy(dtype="datetime64[ns]").astype(np.int64)
    on_offer = np.where(rows["published_at"].isna(), np.nan, (at.value - published) / NS_PER_DAY)
    capacity = rows["capacity"].to_numpy(dtype=np.float64)
    lead_days = (sessions.starts - at.value) / NS_PER_DAY
    usual = _usual_so_far(everybody, lookup, session_nums, at)
    shown, opened = (
        _told(known, lookup, kind)[lookup.session_activity[session_nums]] for kind in ("impression", "view")
    )
    return {
        "usual_so_far": usual,
        "so_far_lift": np.log((so_far + 1.0) / (usual + 1.0)),
        "shown": shown,
        "opened": opened,
        "open_rate": np.divide(opened, shown + 10.0, out=np.full(len(shown), np.nan), where=shown > 0),
        "lead_days": lead_days,
        "hour": (slots % 24).astype(np.float64),
        "weekday": (slots // 24).astype(np.float64),
        "hours_long": np.where(rows["ends_at"].isna(), np.nan, (sessions.ends - sessions.starts) / NS_PER_DAY * 24),
        "price": rows["price"].to_numpy(dtype=np.float64),
        "capacity": capacity,
        "places_left": sessions.places_left,
        "share_left": np.divide(sessions.places_left, capacity, out=np.full(len(capacity), np.nan), where=capacity > 0),
        "days_on_offer": on_offer,
        "booked_so_far": so_far,
        "booked_lately": recent,
        "min_age": activity["min_age"].to_numpy(dtype=np.float64),
        "max_age": activity["max_age"].to_numpy(dtype=np.float64),
        "online": activity["online"].to_numpy(dtype=np.float64),
        **filling_facts(known.sessions, session_nums, lookup, everybody, at),
    }


def _told(known: Dataset, lookup: Lookup, kind: str) -> NDArray[np.float64]:
    """(n_activities,) feedback of a kind, from everybody."""
    ids = known.feedback["activity_id"][(known.feedback["kind"] == kind).to_numpy(dtype=bool)]
    nums = lookup.activities.nums_or_missing(ids)
    return np.bincount(nums[nums >= 0], minlength=len(lookup.activities)).astype(np.float64)


def _usual_so_far(
    everybody: Events, lookup: Lookup, session_nums: NDArray[np.int64], at: pd.Timestamp
) -> NDArray[np.float64]:
    """(n_candidates,) bookings that a held session of the organiser had as long before its start; NaN without any."""
    organiser = lookup.of_sessions["organiser"]
    days_ago = (at.value - lookup.session_start) / NS_PER_DAY
    is_held = (days_ago >= 0) & (days_ago < USUAL_DAYS) & (organiser >= 0)
    n_held = np.bincount(organiser[is_held], minlength=len(lookup.keys["organiser"]) + 1)
    of_held = everybody.only(everybody.is_taking & (everybody.sessions >= 0))
    of_held = of_held.only(is_held[of_held.sessions])
    lead = np.clip(of_held.days - days_ago[of_held.sessions], 0, USUAL_DAYS)
    sorted_leads = np.sort(organiser[of_held.sessions] * PLACE_STEP + lead)
    wanted = organiser[session_nums]
    first = np.searchsorted(sorted_leads, wanted * PLACE_STEP + np.clip(-days_ago[session_nums], 0, USUAL_DAYS))
    n_by_then = np.searchsorted(sorted_leads, (wanted + 1) * PLACE_STEP) - first
    return np.divide(n_by_then, n_held[wanted], out=np.full(len(wanted), np.nan), where=n_held[wanted] > 0)
