"""Every known activity and session by row, with the lasting keys that history is kept on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.availability import for_children
from recsys.dataset import Dataset, local_times
from recsys.ids import IdMap
from recsys.instants import nanoseconds
from recsys.regions import RegionTree, session_regions

ACTIVITY_LEVELS = ("activity", "series", "organiser", "programme", "theme", "category", "audience", "kind")
"""Keys of an activity, from the one that passes soonest to the one that lasts.

A programme is organiser x category, a theme category x audience.
"""

REGION_LEVELS = ("village", "township", "county", "city", "province")

SESSION_LEVELS = ("venue", *REGION_LEVELS, "weekday", "slot")
"""Keys of a session; `weekday` is the organiser's day of the week, `slot` part of a workday or of a weekend's day."""

SLOT_HOURS = 3

LEVELS = (*ACTIVITY_LEVELS, *SESSION_LEVELS)

LEARNER_LEVEL = "programme"
"""Key that matrix learners work on: most candidates are new, their organiser and category are not."""

WISH_LEVEL = "wish"
"""Key that wishes are told apart on: the category, for children apart from all others."""

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
        of_sessions: Level to (n_sessions,) key row, -1 where there is none.
        tree: The regions.
        timezone: Zone of its years, weeks and hours.
    """

    activities: IdMap
    sessions: IdMap
    session_activity: NDArray[np.int64]
    session_start: NDArray[np.int64]
    session_slot: NDArray[np.int64]
    keys: dict[str, IdMap]
    activity_keys: dict[str, NDArray[np.int64]]
    of_sessions: dict[str, NDArray[np.int64]]
    tree: RegionTree
    timezone: str


def lookup_of(dataset: Dataset) -> Lookup:
    """Rows for all activities and sessions of a data set."""
    activities = IdMap.of(dataset.activities["activity_id"], "activity_id")
    session_activity = activities.nums(dataset.sessions["activity_id"])
    tree = RegionTree.of(dataset)
    keys, activity_keys, of_sessions = {}, {}, {}
    for level, texts in key_texts(dataset.activities).items():
        activity_keys[level], keys[level] = _coded(texts, level)
        of_sessions[level] = take_or_missing(activity_keys[level], session_activity)
    for level, texts in _session_texts(dataset, tree, activity_keys["organiser"][session_activity]).items():
        of_sessions[level], keys[level] = _coded(texts, level)
    return Lookup(
        activities=activities,
        sessions=IdMap.of(dataset.sessions["session_id"], "session_id"),
        session_activity=session_activity,
        session_start=nanoseconds(dataset.sessions["starts_at"]),
        session_slot=week_slots(dataset.sessions["starts_at"], dataset.timezone),
        keys=keys,
        activity_keys=activity_keys,
        of_sessions=of_sessions,
        tree=tree,
        timezone=dataset.timezone,
    )


def _coded(texts: pd.Series, level: str) -> tuple[NDArray[np.int64], IdMap]:
    codes, ids = pd.factorize(texts.to_numpy(dtype=object), use_na_sentinel=True)
    return codes.astype(np.int64), IdMap(np.asarray(ids, dtype=object), level)


def _session_texts(dataset: Dataset, tree: RegionTree, organiser: NDArray[np.int64]) -> dict[str, pd.Series]:
    regions = session_regions(dataset, tree)
    ids = np.array([*tree.ids.ids, None], dtype=object)
    hours = week_slots(dataset.sessions["starts_at"], dataset.timezone)
    weekday = hours // 24
    return {
        "venue": dataset.sessions["venue_id"].astype(object),
        **{level: pd.Series(ids[tree.ancestors_at(level)[regions]], dtype=object) for level in REGION_LEVELS},
        "weekday": pd.Series(organiser * 7 + weekday, dtype=object),
        "slot": pd.Series((weekday >= 5) * 24 + hours % 24 // SLOT_HOURS, dtype=object),
    }


def take_or_missing(values: NDArray[np.int64], nums: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) `values` at `nums`, -1 where the number is -1; works on no values at all."""
    if not len(values):
        return np.full(len(nums), -1, dtype=np.int64)
    found = values.take(nums)
    found[nums < 0] = -1
    return found


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
        "theme": category + SEPARATOR + activities["audience"].astype(object).fillna(""),
        "category": category,
        "audience": activities["audience"].astype(object),
        "kind": activities["kind"].astype(object),
        WISH_LEVEL: (category + SEPARATOR).where(for_children(activities["max_age"]), category),
    }


def plain_titles(titles: pd.Series) -> pd.Series:
    """Titles in lower case without digits and signs; empty where missing.

    >>> plain_titles(pd.Series(["Book Club #12: May", None])).tolist()
    ['book club may', '']
    """
    plain = titles.astype(object).fillna("").astype(str).str.lower()
    return plain.str.replace(r"[\W\d_]+", " ", regex=True).str.strip()


def week_slots(times: pd.Series, timezone: str) -> NDArray[np.int64]:
    """(n,) local hour of the week of each instant, 0 to 167 from Monday 00:00."""
    local = local_times(times, timezone)
    return (local.dt.dayofweek * 24 + local.dt.hour).to_numpy(dtype=np.int64)
