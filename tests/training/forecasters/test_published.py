"""What is on hand of a session, and what it says of what is to come."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from training.forecasters.booking_curve import BookingCurve, PublishedRows, fit_booking_curve


def rows(level: NDArray[np.float64], on_hand: NDArray[np.float64], lead: int) -> PublishedRows:
    whole = np.full(len(level), lead)
    return PublishedRows(
        session=np.arange(len(level)),
        origin=np.zeros(len(level), dtype=np.int64),
        ahead=whole,
        days=7 * whole,
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
    curve = fit_booking_curve(past, drawn, n_leads=3)
    assert curve.so_far[7, -1] == pytest.approx(0.25, abs=0.01)
    ahead = rows(np.array([30.0]), np.array([0.25 * 30.0]), lead=1)
    np.testing.assert_allclose(curve.means(ahead), 30.0, rtol=0.03)


def test_many_on_hand_promise_many_more_where_sessions_differ() -> None:
    rng = np.random.default_rng(1)
    true = 20.0 * rng.gamma(2.0, 0.5, 2000)
    early, late = rng.poisson(true / 2), rng.poisson(true / 2)
    curve = fit_booking_curve(
        rows(np.full(2000, 20.0), early.astype(float), lead=1), (early + late).astype(float), n_leads=2
    )
    found = curve.means(rows(np.full(3, 20.0), np.array([2.0, 10.0, 25.0]), lead=1))
    # A gamma of shape 2 with a Poisson half seen: 10 (2 + seen) / 12 are still to come.
    np.testing.assert_allclose(found, [2 + 10 * 4 / 12, 20.0, 25 + 10 * 27 / 12], rtol=0.1)


def test_nobody_gives_up_more_places_than_are_held() -> None:
    curve = BookingCurve(so_far=np.ones((14, 7)), own_variance=0.25, unknown_share=0.0)
    np.testing.assert_allclose(curve.means(rows(np.array([10.0]), np.array([3.0]), lead=0)), 3.0)


def test_what_is_on_hand_says_more_of_an_event_that_nobody_knows() -> None:
    rng = np.random.default_rng(2)
    unknown = np.repeat([0.02, 0.8], 3000)
    true = 20.0 * rng.gamma(1 / unknown, unknown)
    early, late = rng.poisson(true / 2).astype(float), rng.poisson(true / 2)
    curve = fit_booking_curve(
        replace(rows(np.full(6000, 20.0), early, lead=1), unknown=unknown), early + late, n_leads=2
    )
    few = replace(rows(np.full(2, 20.0), np.full(2, 2.0), lead=1), unknown=np.array([0.02, 0.8]))
    known, unheard = curve.means(few)
    assert known > 10.0
    assert unheard == pytest.approx(2 + 10 * (1.25 + 2) / (1.25 + 10), rel=0.2)


def test_more_is_on_hand_on_the_last_day_than_a_week_before() -> None:
    rng = np.random.default_rng(3)
    whole = rows(np.full(2000, 20.0), np.zeros(2000), lead=0)
    days = np.arange(2000) % 7
    drawn = np.full(2000, 20.0)
    on_hand = rng.binomial(20, 0.9 - 0.1 * days).astype(float)
    curve = fit_booking_curve(replace(whole, days=days, on_hand=on_hand), drawn, n_leads=1)
    np.testing.assert_allclose(curve.so_far[:, -1], 0.9 - 0.1 * np.arange(7), atol=0.03)
