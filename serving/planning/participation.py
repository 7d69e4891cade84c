"""Who takes part, counted so that nobody can be found in the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.groups import in_words
from recsys.sentences import Language
from serving.planning.visits import AGE_NAMES, UNKNOWN, Activity
from serving.schemas.participation import GroupRow

MIN_PEOPLE = 5
"""Groups of fewer people are hidden."""


@dataclass(frozen=True)
class Participation:
    """Tables of groups with their totals; None where a total would give a hidden group away."""

    people: int | None
    visits: int | None
    tables: dict[str, list[GroupRow]]


def hidden_groups(people: Sequence[int]) -> NDArray[np.bool_]:
    """(n_groups,) which groups must be hidden so that neither they nor their difference to the total shows.

    Small groups are hidden, then the next smallest until at least two are and together they hold at least
    `MIN_PEOPLE`. Groups without people stay: that nobody came says nothing of anybody.

    >>> hidden_groups([40, 3, 12, 0]).tolist()
    [False, True, True, False]
    >>> hidden_groups([40, 12]).tolist()
    [False, False]
    """
    counts = np.asarray(people, dtype=np.int64)
    hidden = (counts > 0) & (counts < MIN_PEOPLE)
    if not hidden.any():
        return hidden
    for num in np.argsort(counts, kind="stable"):
        if hidden.sum() >= 2 and counts[hidden].sum() >= MIN_PEOPLE:
            break
        if counts[num] > 0:
            hidden[num] = True
    return hidden


def participation(
    activity: Activity,
    chosen: NDArray[np.bool_],
    by: Sequence[str],
    *,
    category: str | None = None,
    region_id: str | None = None,
    lang: Language = "zh",
) -> Participation:
    """Counts of people and visits in the sessions of a mask, narrowed to a category and a region.

    A narrowed question is answered only if its group is shown among its siblings: else the group that was
    hidden beside a small one could be asked for by itself and taken off the total.
    """
    in_category = activity.of_category(category)
    in_region = activity.under(region_id)
    visits = activity.visits_of(chosen & in_category & in_region)
    guarded = _gives_away(activity, chosen, in_category, in_region, category, region_id)
    n_people = int(visits["user_id"].nunique())
    if guarded or 0 < n_people < MIN_PEOPLE:
        return Participation(None, None, {name: [] for name in by})
    tables = {name: _table(activity, visits, name, lang) for name in by}
    return Participation(n_people, round(float(visits["places"].sum())), tables)


def _gives_away(
    activity: Activity,
    chosen: NDArray[np.bool_],
    in_category: NDArray[np.bool_],
    in_region: NDArray[np.bool_],
    category: str | None,
    region_id: str | None,
) -> bool:
    if category is not None:
        visits = activity.visits_of(chosen & in_region)
        people = _people(activity, visits, "category")
        if (people.index[hidden_groups(people.tolist())] == category).any():
            return True
    if region_id is not None:
        num = int(activity.tree.ids.nums([region_id])[0])
        parent = activity.tree.parents[num]
        if parent >= 0:
            siblings = np.flatnonzero(activity.tree.parents == parent)
            counts = [
                activity.visits_of(chosen & in_category & activity.under(str(activity.tree.ids.ids[s])))["user_id"]
                for s in siblings
            ]
            hidden = hidden_groups([int(c.nunique()) for c in counts])
            return bool(hidden[siblings == num][0])
    return False


def _people(activity: Activity, visits: pd.DataFrame, by: str) -> pd.Series:
    """Different people of each group, groups in their order."""
    people = visits["user_id"].groupby(_names(activity, visits, by)).nunique()
    return people.reindex([name for name in AGE_NAMES if name in people.index]) if by == "age" else people


def _table(activity: Activity, visits: pd.DataFrame, by: str, lang: Language) -> list[GroupRow]:
    people = _people(activity, visits, by)
    places = visits["places"].groupby(_names(activity, visits, by)).sum()
    hidden = hidden_groups(people.tolist())
    labels = dict(zip(activity.tree.ids.ids, activity.tree.names, strict=True)) if by == "region" else {}
    return [
        GroupRow(
            name=str(name),
            label=in_words(by, str(labels.get(name, name))).told(lang),
            people=None if is_hidden else int(n),
            visits=None if is_hidden else round(float(places[name])),
            is_hidden=bool(is_hidden),
        )
        for (name, n), is_hidden in zip(people.items(), hidden, strict=True)
    ]


def _names(activity: Activity, visits: pd.DataFrame, by: str) -> NDArray[Any]:
    if by == "age":
        return visits["age_band"].to_numpy(dtype=object)
    if by in ("gender", "channel"):
        return visits[by].to_numpy(dtype=object)
    if by == "category":
        return activity.sessions["category"].to_numpy(dtype=object)[visits["session_num"].to_numpy(dtype=np.int64)]
    return home_names(activity, visits["home_num"].to_numpy(dtype=np.int64))


def home_names(activity: Activity, home_nums: NDArray[np.int64]) -> NDArray[np.object_]:
    """Region ids of homes on the township level, or the region stated where it lies above; `unknown` without."""
    tree = activity.tree
    shown = tree.series_regions()
    ids = tree.ids.ids[shown[np.maximum(home_nums, 0)]]
    return np.where(home_nums >= 0, ids, UNKNOWN).astype(object)
