from typing import cast

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from serving.planning.participation import MIN_PEOPLE, _table, hidden_groups
from serving.planning.visits import Activity
from serving.planning.workbook import safe_cell


@given(st.lists(st.integers(0, 60), max_size=12))
def test_nothing_small_is_shown_and_no_difference_gives_it_away(people):
    counts = np.array(people, dtype=np.int64)
    hidden = hidden_groups(people)
    assert not (~hidden & (counts > 0) & (counts < 5)).any()
    assert not hidden[counts == 0].any()
    if hidden.any() and (counts > 0).sum() > 1:
        # Who subtracts what is shown from the total finds at least five people in at least two groups.
        assert hidden.sum() >= 2
        assert counts[hidden].sum() >= 5 or hidden.sum() == (counts > 0).sum()


def test_a_cell_cannot_run():
    assert [safe_cell(v) for v in ("=1", "+1", "@x", "ok", 5, None)] == ["'=1", "'+1", "'@x", "ok", 5, None]


def test_ages_come_the_youngest_first():
    bands = ["65-74", "7-14", "75+", "unknown", "0-6", "18-24"]
    people = np.arange(MIN_PEOPLE * len(bands))
    visits = pd.DataFrame({"age_band": np.resize(bands, len(people)), "user_id": people, "places": 1.0})
    rows = _table(cast(Activity, None), visits, "age")
    assert [row.name for row in rows] == ["0-6", "7-14", "18-24", "65-74", "75+", "unknown"]
