"""What is known of users, as named features."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from features.encoding.encoders import flagged, many_hot, one_hot, region_paths, side_by_side
from recsys.ages import local_year, local_years
from recsys.closed import Closed
from recsys.dataset import Dataset, split_list
from recsys.ids import IdMap
from recsys.matrices import NamedFeatures
from recsys.regions import RegionTree

OLDEST = 120
"""Years; somebody older has a birth year that is a mistake."""


class UserFeatureConfig(Closed):
    """How users are described."""

    age_bands: tuple[int, ...] = Field(
        default=(0, 7, 13, 18, 25, 35, 45, 55, 65, 75),
        min_length=1,
        description="first year of age of each band, rising; the last band is open",
    )
    child_below: int = Field(default=18, ge=1, description="years of age below which an attendee is a child")


DEFAULT_USER_FEATURES = UserFeatureConfig()


def user_features(
    dataset: Dataset, tree: RegionTree, config: UserFeatureConfig = DEFAULT_USER_FEATURES
) -> NamedFeatures:
    """Age band, gender, every level of the region path, interests, and whether the user books for children.

    Rows are those of `dataset.users`; a user of whom nothing is known has an empty row.
    """
    users = dataset.users
    home = tree.ids.nums_or_missing(users["region_id"])
    year = local_year(dataset.data_until, dataset.timezone)
    return side_by_side(
        [
            one_hot("age_band", age_bands(users["birth_year"], year, config.age_bands)),
            one_hot("gender", users["gender"]),
            region_paths(np.arange(len(users)), home, len(users), tree),
            many_hot("interest", users["interests"]),
            flagged("family:children", books_for_children(dataset, config.child_below)),
        ]
    )


def age_bands(birth_years: pd.Series, year: int, starts: tuple[int, ...]) -> pd.Series:
    """Band of the age reached in `year`, such as `25-34`; missing where the age is, or cannot be true.

    >>> age_bands(pd.Series([2000, 1900, 2030, None]), 2026, (0, 18, 65)).fillna("?").tolist()
    ['18-64', '?', '?', '?']
    """
    ages = year - birth_years.astype("float64")
    ages = ages.where((ages >= starts[0]) & (ages <= OLDEST))
    labels = [f"{low}-{high - 1}" for low, high in pairwise(starts)] + [f"{starts[-1]}+"]
    return pd.cut(ages, [*starts, np.inf], right=False, labels=labels).astype(object)


def books_for_children(dataset: Dataset, child_below: int) -> NDArray[np.bool_]:
    """(n_users,) True for those who booked for somebody who was a child in the year of the session."""
    bookings = dataset.bookings
    starts = bookings["session_id"].map(dataset.sessions.set_index("session_id")["starts_at"])
    years = pd.Series(local_years(starts, dataset.timezone), index=starts.index)
    born = pd.to_numeric(split_list(bookings["attendee_birth_years"].astype(object)), errors="coerce").dropna()
    age = years.reindex(born.index).to_numpy() - born.to_numpy(dtype=np.float64)
    parents = bookings["user_id"].reindex(born.index[(age >= -1) & (age < child_below)])
    is_parent = np.zeros(len(dataset.users), dtype=bool)
    is_parent[IdMap.of(dataset.users["user_id"], "user_id").nums(parents)] = True
    return is_parent
