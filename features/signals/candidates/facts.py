"""Signals of a candidate alone, whoever asks: times, price, places, and how it fills."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.candidates.filling import Filling, filling_facts
from features.signals.candidates.usual import Counts, lift
from features.signals.known.events import Events
from features.signals.known.lookup import Lookup
from recsys.availability import NS_PER_DAY, OpenSessions
from recsys.dataset import Dataset

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
    """What a candidate is like, whoever asks: times, price, places, and how fast it fills."""
    rows = known.sessions.iloc[session_nums]
    activity = known.activities.iloc[lookup.session_activity[session_nums]]
    took = Counts.of_bookings(everybody, lookup, at)
    so_far, usual = took.so_far(session_nums), took.usual(session_nums)
    recent = np.bincount(took.things[took.days < 3], minlength=len(lookup.sessions))[session_nums].astype(np.float64)
    slots = lookup.session_slot[session_nums]
    published = rows["published_at"].to_numpy(dtype="datetime64[ns]").astype(np.int64)
    on_offer = np.where(rows["published_at"].isna(), np.nan, (at.value - published) / NS_PER_DAY)
    capacity = rows["capacity"].to_numpy(dtype=np.float64)
    lead_days = (sessions.starts - at.value) / NS_PER_DAY
    told = {kind: Counts.of_feedback(known.feedback, kind, lookup, at) for kind in ("impression", "view")}
    activity_nums = lookup.session_activity[session_nums]
    (shown, usually_shown), (opened, usually_opened) = (
        (counts.so_far(activity_nums), counts.usual(activity_nums)) for counts in told.values()
    )
    return {
        "usual_so_far": usual,
        "so_far_lift": lift(so_far, usual),
        "shown": shown,
        "shown_lift": lift(shown, usually_shown),
        "opened": opened,
        "opened_lift": lift(opened, usually_opened),
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
        **filling_facts(filling, session_nums, lookup),
    }
