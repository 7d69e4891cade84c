"""From when until when sessions can be booked."""

import numpy as np
import pandas as pd

from features.demand.booking_window import booking_window, stages

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")


def test_a_session_can_be_booked_from_the_later_of_both_until_it_closes_or_starts() -> None:
    days = [(-9.0, -5.0, 2.0), (-5.0, -9.0, None), (None, -5.0, None), (-5.0, None, None), (None, None, None)]
    sessions = pd.DataFrame(days, columns=["published_at", "booking_opens_at", "booking_closes_at"])
    sessions = sessions.apply(lambda column: NOW + pd.to_timedelta(column, unit="D")).assign(
        starts_at=NOW + pd.Timedelta(days=3)
    )
    opened, closed = booking_window(sessions, NOW)
    np.testing.assert_allclose(opened, [-5, -5, -5, -5, np.nan])
    np.testing.assert_allclose(closed, [2, 3, 3, 3, 3])


def test_a_stage_is_the_share_of_that_time_and_an_hour_at_least() -> None:
    opened, closed = np.array([-6.0, -6.0, 1.0, 0.0, np.nan]), np.array([2.0, -1.0, 3.0, 0.0, 2.0])
    np.testing.assert_allclose(stages(opened, closed, 0.0), [0.75, 1, 0, 0, np.nan])
    np.testing.assert_allclose(stages(opened, closed, 1 / 48)[3], 0.5)
