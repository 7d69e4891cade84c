"""Events by user and column, looked up by pairs: against a plain loop, in a table and by halving what is likely."""

import numpy as np
import pytest

from features.signals.known import events
from features.signals.known.events import Events


@pytest.mark.parametrize(("most_cells", "slots"), [(10_000, 8), (0, 8), (0, 1 << 18)])
def test_groups_of_pairs_are_found_either_way(most_cells, slots, monkeypatch):
    monkeypatch.setattr(events, "MOST_CELLS", most_cells)
    monkeypatch.setattr(events, "SLOTS", slots)
    rng = np.random.default_rng(0)
    n, width = 60, 7
    rows, columns = np.sort(rng.integers(0, 9, n)), rng.integers(-1, width, n)
    nothing = np.zeros(n, dtype=np.int64)
    found = Events(rows, nothing, nothing, np.ones(n), np.ones(n), nothing > 0, nothing > 0).grouped(columns, width)
    asked_rows, asked = rng.integers(0, 5, 200), rng.integers(-1, width, 200)
    at = found.at(asked_rows, asked)
    for row, column, group in zip(asked_rows, asked, at, strict=True):
        there = np.flatnonzero((rows == row) & (columns == column) & (column >= 0))
        assert found.sums(np.ones(n))[group] == len(there)
        assert (group == len(found.codes)) == (len(there) == 0)


def test_sums_by_user_and_column_are_those_of_a_plain_loop():
    rng = np.random.default_rng(1)
    n, shape = 80, (9, 6)
    rows, columns, values = np.sort(rng.integers(0, 9, n)), rng.integers(-1, 6, n), rng.random(n)
    nothing = np.zeros(n, dtype=np.int64)
    some = Events(rows, nothing, nothing, np.ones(n), np.ones(n), nothing > 0, nothing > 0)
    expected = np.zeros(shape)
    for row, column, value in zip(rows, columns, values, strict=True):
        if column >= 0:
            expected[row, column] += value
    np.testing.assert_array_equal(some.table(columns, shape, values), expected)
    np.testing.assert_array_equal(some.matrix(columns, shape, values).toarray(), expected)
