"""Which effects a session can have."""

import numpy as np
import pandas as pd

from features.panel_sessions import session_book
from recsys.dataset import Dataset
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.forecasters.session_design import is_serial

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")


def test_a_course_that_is_not_published_whole_is_one_as_those_of_its_series_were() -> None:
    n_dates = {"whole": 6, "begun": 2, "single": 1}
    weeks = [-6, -5, -4, -3, -2, -1, 1, 2, -1]
    names = [name for name, count in n_dates.items() for _ in range(count)]
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{place}" for place in range(len(names))],
            "activity_id": names,
            "starts_at": [NOW + pd.Timedelta(weeks=week, hours=10) for week in weeks],
        }
    )
    activities = pd.DataFrame({"activity_id": list(n_dates), "category": "guitar", "series_id": ["line", "line", None]})
    dataset = Dataset.from_tables({"activities": activities, "sessions": sessions}, NOW)
    tree = RegionTree.of(dataset)
    book = session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160)
    by_start = np.argsort(weeks, kind="stable")
    expected = np.array([{"whole": 1, "begun": 1, "single": 0}[names[place]] for place in by_start])
    assert is_serial(book).tolist() == expected.tolist()
