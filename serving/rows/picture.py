"""Rows as they are at one version of the store, and what can be offered of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from scipy import sparse

from features.signals.catalogue import Catalogue
from features.signals.known.lookup import Lookup, take_or_missing
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from serving.planning.visits import Activity, activity_of
from serving.similarity import similarity_rows


@dataclass(frozen=True)
class Picture:
    """The store at one version; what is derived from it is made once, when first asked for.

    Attributes:
        version: The store's version.
        dataset: All rows.
    """

    version: int
    dataset: Dataset

    @cached_property
    def shown(self) -> dict[str, dict[str, Any]]:
        """By session, what lists showed of it so far."""
        return {}

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """Sessions by id."""
        return self.dataset.sessions.set_index("session_id", drop=False)

    @cached_property
    def activities(self) -> pd.DataFrame:
        """Activities by id."""
        return self.dataset.activities.set_index("activity_id", drop=False)

    @cached_property
    def venues(self) -> pd.DataFrame:
        """Venues by id."""
        return self.dataset.venues.set_index("venue_id", drop=False)

    @cached_property
    def tree(self) -> RegionTree:
        """The regions."""
        return RegionTree.of(self.dataset)

    @cached_property
    def activity(self) -> Activity:
        """Visits and sessions joined, for planners' questions."""
        return activity_of(self.dataset, self.tree)

    @cached_property
    def similarity(self) -> sparse.csr_array:
        """Rows of activities for comparing them, see `similarity_rows`."""
        return similarity_rows(self.dataset, self.tree)

    def region_name(self, region_id: str) -> str:
        """Name of a region."""
        return str(self.tree.names[int(self.tree.ids.nums([region_id])[0])])


@dataclass(frozen=True)
class Offer:
    """Candidates for lists, and the picture that they and all names in a list come from.

    Attributes:
        picture: The rows.
        catalogue: Candidates.
        n_shown: Times that each organiser was shown within `serving.rows.live.SHOWN_DAYS`.
    """

    picture: Picture
    catalogue: Catalogue
    n_shown: Mapping[str, float]


def organisers_shown(lookup: Lookup, shown: pd.DataFrame) -> dict[str, float]:
    """How often each organiser was shown, by its key: what names none stands with the others of its category."""
    activities = lookup.activities.nums_or_missing(shown["activity_id"])
    keys = take_or_missing(lookup.activity_keys["organiser"], activities)
    n_shown = shown["n_shown"].groupby(keys).sum()
    ids = lookup.keys["organiser"].ids
    return {str(ids[key]): float(n) for key, n in n_shown.items() if key >= 0}
