"""Every known activity and session by row, with the lasting keys that history is kept on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.availability import nanoseconds
from recsys.dataset import Dataset, local_times
from recsys.ids import IdMap

ACTIVITY_LEVELS = ("activity", "series", "organiser", "programme", "category", "kind")
"""Keys of an activity, from the one that passes soonest to the one that lasts; a programme is organiser x category."""

LEVELS = (*ACTIVITY_LEVELS, "venue")
"""All keys; the venue is the session's."""

LEARNER_LEVEL = "programme"
"""Key that matrix learners work on: most candidates are new, their organiser and category are not."""

SEPARATOR = "\x1f"
"""Between the parts of a joined key: no id may be mistaken for two."""


@dataclass(frozen=True)
class Lookup:
    """Rows of activities and sessions, and each one's keys.

    Attributes:
        activities: Ids.
        sessions: Ids.
        session_activity: (n_sessions,) activity row.
        session_start: (n_sessions,) nanoseconds.
        session_slot: (n_sessions,) local hour of the week of the start, 0 to 167 from Monday 00:00.
        keys: Key ids by level.
        activity_keys: Level to (n_activities,) key row, -1 where there is none.
        session_venue: (n_sessions,) key row on the level `venue`, -1 where there is none.
    """

    activities: IdMap
    sessions: IdMap
    session_activity: NDArray[np.int64]
    session_start: NDArray[np.int64]
    session_slot: NDArray[np.int64]
    keys: dict[str, IdMap]
    activity_keys: dict[str, NDArray[np.int64]]
    session_venue: NDArray[np.int64]

    def session_keys(self, level: str) -> NDArray[np.int64]:
        """(n_sessions,) key row of every session on a level."""
        if level == "venue":
            return self.session_venue
        return take_or_missing(self.activity_keys[level], self.session_activity)


def lookup_of(dataset: Dataset) -> Lookup:
    """Rows for all activities and sessions of a data set."""
    activities = IdMap.of(dataset.activities["activity_id"], "activity_id")
    sessions = IdMap.of(dataset.sessions["session_id"], "session_id")
    keys, activity_keys = {}, {}
    for level, values in key_texts(dataset.activities).items():
        codes, ids = pd.factorize(values.to_numpy(dtype=object), use_na_sentinel=True)
        keys[level], activity_keys[level] = IdMap(np.asarray(ids, dtype=object), level), codes.astype(np.int64)
    venue_codes, venue_ids = pd.factorize(dataset.sessions["venue_id"].to_numpy(dtype=object), use_na_sentinel=True)
    keys["venue"] = IdMap(np.asarray(venue_ids, dtype=object), "venue_id")
    return Lookup(
        activities=activities,
        sessions=sessions,
        session_activity=activities.nums(dataset.sessions["activity_id"]),
        session_start=nanoseconds(dataset.sessions["starts_at"]),
        session_slot=week_slots(dataset.sessions["starts_at"], dataset.timezone),
        keys=keys,
        activity_keys=activity_keys,
        session_venue=venue_codes.astype(np.int64),
    )


def take_or_missing(values: NDArray[np.int64], nums: NDArray[np.int64]) -> NDArray[np.int64]:
    """`values` at `nums`, -1 where the number is -1; works on no values at all."""
    return np.append(values, -1)[nums]


def key_texts(activities: pd.DataFrame) -> dict[str, pd.Series]:
    """Key of every activity on each level, missing where it has none.

    A series is `series_id`, or else the organiser with the title less its digits and signs: the book club of
    March and of April. An activity that names no organiser stands with the others of its category.
    """
    category = activities["category"].astype(object)
    organiser = activities["organiser_id"].astype(object)
    organiser = organiser.where(organiser.notna(), SEPARATOR + category)
    title = plain_titles(activities["title"])
    titled = (organiser + SEPARATOR + title).where(title != "", SEPARATOR + activities["activity_id"].astype(object))
    series = activities["series_id"].astype(object)
    return {
        "activity": activities["activity_id"].astype(object),
        "series": series.where(series.notna(), titled),
        "organiser": organiser,
        "programme": organiser + SEPARATOR + category,
        "category": category,
        "kind": activities["kind"].astype(object),
    }


def plain_titles(titles: pd.Series) -> pd.Series:
    """Titles in lower case without digits and signs; empty where missing.

    >>> plain_titles(pd.Series(["Book Club #12: May", None])).tolist()
    ['book club may', '']
    """
    plain = titles.astype(object).fillna("").astype(str).str.lower()
    return plain.str.replace(r"[\W\d_]+", " ", regex=True).str.strip()


def week_slots(times: pd.Series, timezone: str) -> NDArray[np.int64]:
    """Local hour of the week of each instant, 0 to 167 from Monday 00:00."""
    local = local_times(times, timezone)
    return (local.dt.dayofweek * 24 + local.dt.hour).to_numpy(dtype=np.int64)
