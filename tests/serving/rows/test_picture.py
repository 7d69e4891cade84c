"""What exploration is told of what was shown."""

import pandas as pd

from features.signals.known.lookup import SEPARATOR, lookup_of
from recsys.dataset import Dataset
from serving.rows.picture import organisers_shown
from tests.ranking_world import AT


def test_what_names_no_organiser_is_counted_with_the_others_of_its_category():
    activities = pd.DataFrame(
        {
            "activity_id": ["a", "b", "c", "d"],
            "category": ["x", "x", "x", "y"],
            "organiser_id": ["o", "o", None, None],
        }
    )
    sessions = activities[["activity_id"]].assign(session_id=["1", "2", "3", "4"], starts_at=AT)
    lookup = lookup_of(Dataset.from_tables({"activities": activities, "sessions": sessions}, AT))
    shown = pd.DataFrame({"activity_id": ["a", "b", "c", "d", "gone"], "n_shown": [1, 2, 4, 8, 16]})
    assert organisers_shown(lookup, shown) == {"o": 3.0, f"{SEPARATOR}x": 4.0, f"{SEPARATOR}y": 8.0}
    assert organisers_shown(lookup, shown.iloc[:0]) == {}
