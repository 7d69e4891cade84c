"""Groups of people by profile: age, gender, home and interests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.ages import age_bands
from features.signals.known.lookup import Lookup, take_or_missing
from recsys.dataset import split_list
from recsys.regions import RegionTree

AGE_EDGES = (0, 7, 13, 18, 25, 35, 45, 55, 65, 75)


@dataclass(frozen=True)
class Profiles:
    """Groups of people by their profile.

    Attributes:
        groups: Name of the grouping to (n_users,) group number, -1 where unknown.
    """

    groups: dict[str, NDArray[np.int64]]


def profiles_of(users: pd.DataFrame, tree: RegionTree, year: int) -> Profiles:
    """Groups of the users in a local year; numbers mean the same in every table of users for the same tree."""
    band = age_bands(users["birth_year"], year, AGE_EDGES, unknown=0) - 1
    region = tree.ids.nums_or_missing(users["region_id"])
    gender = users["gender"].map({"f": 0, "m": 1}).astype(np.float64).fillna(-1).to_numpy(dtype=np.int64)
    township = take_or_missing(tree.ancestors_at("township"), region)
    county = take_or_missing(tree.ancestors_at("county"), region)
    both = np.where((band >= 0) & (gender >= 0), band * 2 + gender, -1)
    return Profiles({"age": band, "gender": gender, "age_gender": both, "township": township, "county": county})


def membership(groups: NDArray[np.int64], size: int) -> sparse.csr_array:
    """(size, n_users) 1.0 where the person is of the group; `groups` are -1 where unknown."""
    rows = np.flatnonzero(groups >= 0)
    return sparse.coo_array((np.ones(len(rows)), (groups[rows], rows)), shape=(size, len(groups))).tocsr()


def interests_of(named: pd.Series, lookup: Lookup) -> sparse.csr_array:
    """(n_users, n_categories) 1.0 where the person named the category; texts with `;` between."""
    categories = lookup.keys["category"]
    names = split_list(named.reset_index(drop=True))
    nums = categories.nums_or_missing(names)
    rows = names.index.to_numpy(dtype=np.int64)[nums >= 0]
    shape = (len(named), max(len(categories), 1))
    matrix = sparse.coo_array((np.ones(len(rows)), (rows, nums[nums >= 0])), shape=shape).tocsr()
    matrix.data[:] = 1.0
    return matrix
