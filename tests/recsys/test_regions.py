import numpy as np
import pandas as pd
import pytest

from recsys.dataset import Dataset
from recsys.errors import DataError
from recsys.regions import ROOT, RegionTree, session_regions

UNTIL = pd.Timestamp("2026-01-01", tz="UTC")


def town(rows: list[tuple[str, str, str | None]], **tables: pd.DataFrame) -> Dataset:
    regions = pd.DataFrame(rows, columns=["region_id", "level", "parent_id"])
    return Dataset.from_tables({"regions": regions.assign(name=regions["region_id"]), **tables}, UNTIL)


ROWS = [("v", "village", "t"), ("t", "township", "c"), ("c", "county", None), ("w", "village", "c")]


def test_parents_come_first_and_villages_count_in_their_township() -> None:
    tree = RegionTree.of(town(ROWS))
    assert tree.root_id == "c"
    paths = {tree.ids.ids[path[0]]: [tree.ids.ids[num] for num in path] for path in tree.paths()}
    assert paths == {"c": ["c"], "t": ["t", "c"], "w": ["w", "c"], "v": ["v", "t", "c"]}
    series = dict(zip(tree.ids.ids, tree.ids.ids[tree.series_regions()], strict=True))
    assert series == {"c": "c", "t": "t", "w": "c", "v": "t"}
    assert set(tree.ids.ids[tree.under(int(tree.ids.nums(["t"])[0]))]) == {"t", "v"}


def test_a_root_is_added_unless_there_is_exactly_one() -> None:
    assert RegionTree.of(Dataset.from_tables({}, UNTIL)).root_id == ROOT
    two = RegionTree.of(town([("a", "county", None), ("b", "county", None)]))
    assert (two.root_id, len(two)) == (ROOT, 3)
    np.testing.assert_array_equal(two.parents, [-1, 0, 0])


def test_regions_that_are_their_own_ancestors_are_named() -> None:
    with pytest.raises(DataError, match="own ancestors"):
        RegionTree.of(town([("a", "county", "b"), ("b", "county", "a"), ("c", "county", None)]))


def test_a_session_lies_where_its_venue_does_or_at_the_root() -> None:
    sessions = pd.DataFrame(
        {
            "session_id": ["1", "2", "3"],
            "activity_id": ["a", "a", "b"],
            "starts_at": UNTIL,
            "venue_id": ["hall", None, "hall"],
        }
    )
    venues = pd.DataFrame({"venue_id": ["hall"], "name": ["Hall"], "region_id": ["t"]})
    activities = pd.DataFrame({"activity_id": ["a", "b"], "category": "x", "online": [False, True]})
    dataset = town(ROWS, sessions=sessions, venues=venues, activities=activities)
    tree = RegionTree.of(dataset)
    assert tree.ids.ids[session_regions(dataset, tree)].tolist() == ["t", "c", "c"]
