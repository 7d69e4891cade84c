"""What a candidate has so far against what its organiser usually has by then: bookings, impressions, views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.candidates.keys import PLACE_STEP
from features.signals.known.events import Events
from features.signals.known.lookup import Lookup
from recsys.instants import NS_PER_DAY, nanoseconds

USUAL_DAYS = 365.0
"""Age of the oldest session that says how early an organiser's sessions fill."""


@dataclass(frozen=True)
class Counts:
    """What happened to sessions, or to activities, before an instant.

    Attributes:
        organiser: (n_things,) organiser of each, -1 for none.
        days_ago: (n_things,) days since its start, negative ahead; that of an activity is its last session's.
        things: (n,) the thing of each event.
        days: (n,) days before the instant of each event.
    """

    organiser: NDArray[np.int64]
    days_ago: NDArray[np.float64]
    things: NDArray[np.int64]
    days: NDArray[np.float64]

    @classmethod
    def of_bookings(cls, everybody: Events, lookup: Lookup, at: pd.Timestamp) -> Counts:
        """Bookings that took a place, by session."""
        took = everybody.only(everybody.is_taking & (everybody.sessions >= 0))
        days_ago = (at.value - lookup.session_start) / NS_PER_DAY
        return cls(lookup.of_sessions["organiser"], days_ago, took.sessions, took.days)

    @classmethod
    def of_feedback(cls, feedback: pd.DataFrame, kind: str, lookup: Lookup, at: pd.Timestamp) -> Counts:
        """Feedback of a kind, by activity."""
        told = feedback[(feedback["kind"] == kind).to_numpy(dtype=bool)]
        nums = lookup.activities.nums_or_missing(told["activity_id"])
        days = (at.value - nanoseconds(told["occurred_at"])) / NS_PER_DAY
        days_ago = np.full(len(lookup.activities), np.inf)
        np.minimum.at(days_ago, lookup.session_activity, (at.value - lookup.session_start) / NS_PER_DAY)
        kept = (nums >= 0) & (days > 0)
        return cls(lookup.activity_keys["organiser"], days_ago, nums[kept], days[kept])

    def so_far(self, wanted: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_wanted,) events of some things."""
        return np.bincount(self.things, minlength=len(self.organiser))[wanted].astype(np.float64)

    def usual(self, wanted: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_wanted,) events that a past thing of the organiser had as long before its start.

        NaN for an organiser without past things, and where nothing of the kind is ever told.
        """
        if not len(self.things):
            return np.full(len(wanted), np.nan)
        is_held = (self.days_ago >= 0) & (self.days_ago < USUAL_DAYS) & (self.organiser >= 0)
        n_held = np.bincount(self.organiser[is_held], minlength=int(self.organiser.max(initial=-1)) + 2)
        of_held = is_held[self.things]
        things, days = self.things[of_held], self.days[of_held]
        lead = np.clip(days - self.days_ago[things], 0, USUAL_DAYS)
        leads = np.sort(self.organiser[things] * PLACE_STEP + lead)
        whose = self.organiser[wanted]
        first = np.searchsorted(leads, whose * PLACE_STEP + np.clip(-self.days_ago[wanted], 0, USUAL_DAYS))
        by_then = np.searchsorted(leads, (whose + 1) * PLACE_STEP) - first
        return np.divide(by_then, n_held[whose], out=np.full(len(whose), np.nan), where=n_held[whose] > 0)


def lift(so_far: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) logarithm of what there is over what is usual, both with one added; NaN where nothing is usual."""
    return np.log((so_far + 1.0) / (usual + 1.0))
