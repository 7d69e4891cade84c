"""The tree of series: which regions have one, what they add up to, and paths that follow it."""

import numpy as np
import pandas as pd
import pytest

from recsys.dataset import Dataset
from recsys.hierarchy import Hierarchy
from recsys.paths import factor_variances, parents, sample_paths
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


def test_parents_are_the_regions_right_above(hierarchy: Hierarchy) -> None:
    above = parents(hierarchy)
    ids = hierarchy.node_ids.ids
    named = {ids[i]: None if above[i] < 0 else ids[above[i]] for i in range(len(ids))}
    assert named == {"p": None, "c1": "p", "t1": "c1", "t2": "c1"}


def test_paths_add_up_are_counts_and_keep_mean_and_spread(hierarchy: Hierarchy) -> None:
    means = np.full((hierarchy.n_bottoms, 1, 2), 8.0)
    linear = np.full((hierarchy.n_nodes, 2), 1.5)
    quadratic = np.array([[0.05], [0.05], [0.2], [0.2]]) * np.ones(2)
    assert factor_variances(hierarchy, quadratic).max(axis=1).tolist() == pytest.approx([0.05, 0, 0.15, 0.15])
    (paths,) = sample_paths(hierarchy, means, linear, quadratic, 20_000, np.random.default_rng(0))
    assert (paths >= 0).all()
    np.testing.assert_array_equal(paths, np.round(paths))
    town = list(hierarchy.node_ids.ids).index("t1")
    assert paths[:, town].mean() == pytest.approx(8, rel=0.02)
    # The factors multiply, so the relative variance is a little over their sum.
    assert paths[:, town].var() == pytest.approx(1.5 * 8 + 0.2 * 64, rel=0.12)
    rest = paths[:, 0] - paths[:, 1]
    assert (rest >= 0).all()
    assert rest.mean() == pytest.approx(8, rel=0.02)
