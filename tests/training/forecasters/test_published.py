"""What is on hand of a session, and what it says of what is to come."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.forecasters.published import Pace, PublishedRows, fit_pace


def rows(level: NDArray[np.float64], on_hand: NDArray[np.float64], lead: int) -> PublishedRows:
    whole = np.full(len(level), lead)
    return PublishedRows(
        session=np.arange(len(level)),
        origin=np.zeros(len(level), dtype=np.int64),
        ahead=whole,
        lead=whole,
        open_for=np.full(len(level), np.nan),
        on_hand=on_hand,
        level=level,
        unknown=np.zeros(len(level)),
        features=np.zeros((len(level), 1), dtype=np.float32),
    )


def test_levels_that_missed_in_the_past_do_not_move_those_of_now() -> None:
    drawn = np.random.default_rng(0).poisson(20.0, 400).astype(np.float64)
    # A quarter was on hand a week before; levels said twice as many as came.
    past = rows(np.full(400, 40.0), np.round(drawn / 4), lead=1)
    pace = fit_pace(past, drawn, n_leads=3)
    assert pace.so_far[1, -1] == pytest.approx(0.25, abs=0.01)
    ahead = rows(np.array([30.0]), np.array([0.25 * 30.0]), lead=1)
    np.testing.assert_allclose(pace.means(ahead), 30.0, rtol=0.03)


def test_many_on_hand_promise_many_more_where_sessions_differ() -> None:
    rng = np.random.default_rng(1)
    true = 20.0 * rng.gamma(2.0, 0.5, 2000)
    early, late = rng.poisson(true / 2), rng.poisson(true / 2)
    pace = fit_pace(rows(np.full(2000, 20.0), early.astype(float), lead=1), (early + late).astype(float), n_leads=2)
    found = pace.means(rows(np.full(3, 20.0), np.array([2.0, 10.0, 25.0]), lead=1))
    # A gamma of shape 2 with a Poisson half seen: 10 (2 + seen) / 12 are still to come.
    np.testing.assert_allclose(found, [2 + 10 * 4 / 12, 20.0, 25 + 10 * 27 / 12], rtol=0.1)


def test_nobody_gives_up_more_places_than_are_held() -> None:
    pace = Pace(so_far=np.ones((2, 7)), firmness=4.0)
    np.testing.assert_allclose(pace.means(rows(np.array([10.0]), np.array([3.0]), lead=0)), 3.0)
