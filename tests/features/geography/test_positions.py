"""Distances by the tree, for who or what has no place of its own."""

import numpy as np
import pandas as pd

from features.geography.positions import FAR_KM, TREE_KM, Positions
from recsys.dataset import Dataset
from recsys.regions import RegionTree


def made_up_tree() -> RegionTree:
    """Two counties of a city, each with two townships, some of them with villages; one level that nobody knows."""
    rows = [("p", "province", None), ("k", "city", "p"), ("far", "city", "p")]
    for county in ("c1", "c2"):
        rows.append((county, "county", "k"))
        rows += [(f"{county}t{i}", "township", county) for i in range(2)]
        rows += [(f"{county}t0w{i}", "village", f"{county}t0") for i in range(2)]
    table = pd.DataFrame(rows, columns=["region_id", "level", "parent_id"]).assign(name="x")
    return RegionTree.of(Dataset.from_tables({"regions": table}, pd.Timestamp("2026-01-01", tz="UTC")))


def by_hand(tree: RegionTree, a: int, b: int) -> float:
    """The loop: the first region above the one that is above the other."""
    if a < 0 or b <= 0:
        return np.nan
    paths = tree.paths()
    shared = next(num for num in paths[b] if num in paths[a])
    return TREE_KM.get(str(tree.levels[shared]), FAR_KM)


def test_who_has_no_place_is_as_far_as_the_smallest_region_that_holds_both() -> None:
    tree = made_up_tree()
    rng = np.random.default_rng(1)
    n = len(tree)
    users, venues = np.arange(-1, n), np.arange(0, n)
    at = rng.uniform([36.0, 117.0], [36.2, 117.3], (len(users), 2))
    to = rng.uniform([36.0, 117.0], [36.2, 117.3], (len(venues), 2))
    near = Positions(at, to, users, venues, np.full((n, 2), np.nan)).km(tree)
    assert np.isfinite(near).all()
    at[::2], to[::3] = np.nan, np.nan
    found = Positions(at, to, users, venues, np.full((n, 2), np.nan)).km(tree)
    for i, a in enumerate(users):
        for j, b in enumerate(venues):
            is_lost = np.isnan(at[i]).any() or np.isnan(to[j]).any()
            expected = by_hand(tree, a, b) if is_lost else near[i, j]
            np.testing.assert_allclose(found[i, j], expected, rtol=1e-3)
