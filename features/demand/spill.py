"""People turned away from a full session who took a place in another: counted in both, they would be wanted twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys.dataset import Dataset
from recsys.schema import TAKING_STATUSES

REACH_DAYS = 7
"""Another session of the category that starts within so many days of the full one may stand in for it."""

_PRIOR_PEOPLE = 20.0


@dataclass(frozen=True)
class Spill:
    """How many of those turned away went elsewhere.

    Attributes:
        n_turned_away: People (with a session each) left on a waitlist of a session that has begun.
        share: Of them, who then booked another session of the category about that day because of it: their share less
            that of people who had a place in the same sessions and booked another all the same; drawn to nothing as
            if by twenty people of whom none did.
    """

    n_turned_away: int
    share: float


def spill_share(dataset: Dataset) -> Spill:
    """Spill of a data set, from its waitlists; nothing without any."""
    sessions = dataset.sessions[dataset.sessions["cancelled_at"].isna()]
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    facts = pd.DataFrame(
        {"session_id": sessions["session_id"], "category": category, "starts_at": sessions["starts_at"]}
    )
    held = dataset.bookings[["user_id", "session_id", "booked_at", "status"]].merge(facts, on="session_id")
    begun = held[held["starts_at"] < dataset.data_until]
    waited = begun[begun["status"] == "waitlisted"]
    placed = begun[begun["status"].isin(TAKING_STATUSES) & begun["session_id"].isin(waited["session_id"])]
    taken = held[held["status"].isin(TAKING_STATUSES)]
    if waited.empty:
        return Spill(0, 0.0)
    turned, usual = _went_elsewhere(waited, taken), _went_elsewhere(placed, taken)
    base = float(usual.mean()) if len(usual) else 0.0
    extra = max(float(turned.sum()) - base * len(turned), 0.0)
    return Spill(len(turned), extra / (len(turned) + _PRIOR_PEOPLE))


def _went_elsewhere(people: pd.DataFrame, taken: pd.DataFrame) -> np.ndarray:
    """(n_people,) whether each then took a place in another session of the category about that day."""
    people = people.reset_index(drop=True).reset_index(names="row")
    both = people.merge(taken, on=["user_id", "category"], suffixes=("", "_other"))
    apart = (both["starts_at_other"] - both["starts_at"]).abs() <= pd.Timedelta(days=REACH_DAYS)
    is_other = (both["session_id"] != both["session_id_other"]) & (both["booked_at_other"] > both["booked_at"])
    found = np.zeros(len(people), dtype=bool)
    found[both.loc[apart & is_other, "row"].to_numpy(dtype=np.int64)] = True
    return found
