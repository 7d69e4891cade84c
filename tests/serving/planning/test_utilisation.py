"""Hours of venues in use, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from serving.planning.utilisation import ASSUMED_HOURS, by_hour


def test_hours_go_over_midnight_over_the_week_and_to_their_own_venue():
    sessions = pd.DataFrame(
        {
            # Monday, Sunday, and a Wednesday whose end nobody states.
            "local_start": pd.to_datetime(["2026-01-19T23:30", "2026-01-25T23:00", "2026-01-21T10:15"]),
            "hours": [2.0, 2.0, np.nan],
        }
    )
    grid = by_hour(sessions, np.array([0, 1, 1]), 3, weeks=2.0) * 2
    assert grid[0, 0, 23] == 0.5
    assert grid[0, 1, :2].tolist() == [1.0, 0.5]
    assert grid[1, 6, 23] == grid[1, 0, 0] == 1.0
    assert grid[1, 2, 10:12].tolist() == [0.75, 0.75]
    assert grid.sum(axis=(1, 2)).tolist() == pytest.approx([2.0, 2.0 + ASSUMED_HOURS, 0.0])
    nothing = by_hour(sessions.iloc[:0], np.zeros(0, dtype=np.int64), 2, weeks=1.0)
    assert nothing.shape == (2, 7, 24)
    assert not nothing.any()
