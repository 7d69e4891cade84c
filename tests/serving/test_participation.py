import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from serving.participation import hidden_groups
from serving.workbook import safe_cell


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
