"""What people do not want to be described by: removed tags, taken out before anything is said of a person."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.signals.known.lookup import Lookup, take_or_missing
from recsys.dataset import TEXT, is_among, split_list

PROFILE_TAGS = {"age": ["birth_year"], "gender": ["gender"], "home": ["lat", "lon", "region_id"]}
"""Columns of the profile behind each tag that is not a list."""

EVENT_TAGS = {"category": "category", "organiser": "organiser_id", "series": "series_id"}
"""Column of the activity behind each tag that comes from what the person did; its name is a level of the lookup."""


def profiles_less(users: pd.DataFrame, removed: pd.DataFrame) -> pd.DataFrame:
    """Profiles less what their removed tags stand for.

    Args:
        users: Contract rows.
        removed: Columns `user_id, tag`, as `Dataset.removed_tags`.
    """
    mine = removed[is_among(removed["user_id"], users["user_id"])]
    if mine.empty:
        return users
    kind = mine["tag"].str.partition(":")[0]
    for tag, columns in PROFILE_TAGS.items():
        shown = ~is_among(users["user_id"], mine["user_id"][kind == tag])
        users = users.assign(**{c: users[c].where(shown) for c in columns})
    interests = mine[kind == "interest"]
    touched = users.index[is_among(users["user_id"], interests["user_id"])]
    if touched.empty:
        return users
    tags = {user: set(own) for user, own in interests.groupby(interests["user_id"].astype(object))["tag"]}
    kept = users["interests"].astype(object)
    for row in touched:
        gone = tags[users["user_id"][row]]
        named = split_list(users.loc[[row], "interests"].astype(TEXT))
        kept[row] = ";".join(one for one in named if f"interest:{one}" not in gone) or None
    return users.assign(interests=kept.astype(users["interests"].dtype))


def is_removed(
    user_ids: pd.Series, activities: NDArray[np.int64], lookup: Lookup, removed: pd.DataFrame
) -> NDArray[np.bool_]:
    """(n_rows,) rows of what people did whose activity carries a tag that the same person removed.

    Args:
        user_ids: (n_rows,) who.
        activities: (n_rows,) activity row of the lookup, -1 where it has none.
        lookup: Activities and their keys.
        removed: Columns `user_id, tag`.
    """
    drop = np.zeros(len(user_ids), dtype=bool)
    mine = removed[is_among(removed["user_id"], user_ids)]
    if mine.empty:
        return drop
    people = pd.Index(mine["user_id"].astype(object).unique())
    rows = people.get_indexer(pd.Index(user_ids, dtype=object))
    parts = mine["tag"].str.partition(":")
    for level in EVENT_TAGS:
        of_level = (parts[0] == level).to_numpy(dtype=bool)
        keys = take_or_missing(lookup.activity_keys[level], activities)
        gone = lookup.keys[level].nums_or_missing(parts[2][of_level])
        width = len(lookup.keys[level]) + 1
        codes = people.get_indexer(pd.Index(mine["user_id"][of_level], dtype=object)) * width + gone
        drop |= (rows >= 0) & (keys >= 0) & np.isin(rows * width + keys, codes[gone >= 0])
    return drop
