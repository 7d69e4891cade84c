"""The tree of series: which regions have one, and what they add up to."""

import numpy as np
import pandas as pd
import pytest

from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree

NOW = pd.Timestamp("2026-11-25", tz="UTC")


@pytest.fixture(scope="module")
def hierarchy() -> Hierarchy:
    dataset = Dataset.from_tables(
        {
            "regions": pd.DataFrame(
                {
                    "region_id": ["p", "c1", "c2", "t1", "t2", "v1", "empty"],
                    "name": list("abcdefg"),
                    "level": ["province", "county", "county", "township", "township", "village", "township"],
                    "parent_id": [None, "p", "p", "c1", "c1", "t2", "c2"],
                }
            ),
            "venues": pd.DataFrame({"venue_id": ["a", "b", "c"], "name": list("abc"), "region_id": ["t1", "v1", "c1"]}),
            "activities": pd.DataFrame({"activity_id": ["x", "y"], "category": ["art", "never offered"]}),
            "sessions": pd.DataFrame({"session_id": ["s"], "activity_id": ["x"], "starts_at": [NOW]}),
        },
        NOW,
    )
    return Hierarchy.of(dataset, RegionTree.of(dataset))


def test_regions_with_venues_their_ancestors_and_the_root(hierarchy: Hierarchy) -> None:
    assert set(hierarchy.node_ids.ids) == {"p", "c1", "t1", "t2"}
    assert list(hierarchy.categories.ids) == ["art"]


def test_an_inner_region_is_its_children_and_its_own_venues(hierarchy: Hierarchy) -> None:
    values = dict(zip(hierarchy.node_ids.ids, hierarchy.sums(np.ones((hierarchy.n_bottoms, 1))).ravel(), strict=True))
    # The root has a bottom of its own for online sessions, the county one for its own venue.
    assert values == {"p": 4, "c1": 3, "t1": 1, "t2": 1}


def test_the_smallest_region_around_each(hierarchy: Hierarchy) -> None:
    ids = hierarchy.node_ids.ids
    around = {ids[node]: ids[parent] if parent >= 0 else None for node, parent in enumerate(hierarchy.parents())}
    assert around == {"p": None, "c1": "p", "t1": "c1", "t2": "c1"}
