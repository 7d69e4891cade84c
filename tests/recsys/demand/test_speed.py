"""What it says of those turned away how quickly a session filled."""

import numpy as np
import pytest

from recsys.demand.speed import Speed
from recsys.demand.unconstrain import unconstrain_sessions

N, LIMIT, SIZE = 6_000, 12, 2.0


@pytest.fixture(scope="module")
def filled() -> tuple[np.ndarray, Speed]:
    """Demand of gamma-Poisson sessions that came evenly over the time for booking, and how quickly they filled."""
    rng = np.random.default_rng(3)
    demand = rng.poisson(10.0 * rng.gamma(SIZE, 1 / SIZE, N)).astype(float)
    due, last_due, reached = np.full(N, np.nan), np.full(N, np.nan), np.zeros(N)
    for row in np.flatnonzero(demand):
        times = np.sort(rng.random(int(demand[row])))[:LIMIT]
        reached[row] = np.ceil(0.9 * len(times))
        due[row], last_due[row] = times[int(reached[row]) - 1], times[-1]
    return demand, Speed(reached, due, last_due, np.ones(N))


def unconstrained(demand: np.ndarray, speed: Speed | None, *, left: float = 0.0) -> np.ndarray:
    """By places taken of `LIMIT` and places that nobody took."""
    zeros = np.zeros(N, dtype=np.int64)
    limits = np.full(N, LIMIT + left)
    return unconstrain_sessions(np.minimum(demand, LIMIT), limits, np.zeros(N), [zeros], zeros, speed)


def test_sessions_that_filled_at_once_turned_most_people_away(filled: tuple[np.ndarray, Speed]) -> None:
    demand, speed = filled
    full = demand >= LIMIT
    errors = [np.abs(one - demand)[full].mean() for one in (unconstrained(demand, None), unconstrained(demand, speed))]
    assert errors[1] < 0.6 * errors[0]
    found = unconstrained(demand, speed)
    assert found.sum() / demand.sum() == pytest.approx(1, abs=0.01)
    quick = full & (speed.due < 0.5)
    assert found[quick].sum() / demand[quick].sum() == pytest.approx(1, abs=0.03)


def test_without_times_nothing_is_told(filled: tuple[np.ndarray, Speed]) -> None:
    demand, speed = filled
    nothing = np.full(N, np.nan)
    unknown = Speed(speed.reached, nothing, nothing, speed.party)
    np.testing.assert_array_equal(unconstrained(demand, unknown), unconstrained(demand, None))


def test_a_session_that_stopped_filling_was_full(filled: tuple[np.ndarray, Speed]) -> None:
    demand, speed = filled
    # One place is left that no party fits into: nobody is told to have been turned away.
    assert unconstrained(demand, None, left=1).sum() / demand.sum() < 0.9
    assert unconstrained(demand, speed, left=1).sum() / demand.sum() == pytest.approx(1, abs=0.05)
    # Whoever filled on the last day, or has many places left, is taken as it is.
    late = (speed.last_due > 0.95) & (demand > 0)
    np.testing.assert_array_equal(unconstrained(demand, speed, left=1)[late], np.minimum(demand, LIMIT)[late])
    np.testing.assert_array_equal(unconstrained(demand, speed, left=9), np.minimum(demand, LIMIT))


def test_where_waitlists_are_kept_they_tell_who_was_turned_away(filled: tuple[np.ndarray, Speed]) -> None:
    demand, speed = filled
    zeros = np.zeros(N, dtype=np.int64)
    waiting = np.zeros(N)
    waiting[np.argmax(demand)] = 1.0
    found = unconstrain_sessions(np.minimum(demand, LIMIT), np.full(N, LIMIT + 1.0), waiting, [zeros], zeros, speed)
    np.testing.assert_array_equal(found, np.minimum(demand, LIMIT) + waiting)


def test_parties_tell_as_much_as_single_places() -> None:
    ones = np.ones(1)
    alone = Speed(8 * ones, 0.2 * ones, 0.3 * ones, ones).tails(10 * ones, 10 * ones, SIZE)[0]
    pairs = Speed(8 * ones, 0.2 * ones, 0.3 * ones, 2 * ones).tails(10 * ones, 10 * ones, SIZE)[0]
    assert 10 < pairs[0] < alone[0]


def test_parties_are_counted_when_it_is_asked_who_is_still_due() -> None:
    places, limits, half = np.array([9.0, 9.0]), np.array([10.0, 10.0]), np.array([0.5, 0.5])
    # Nine places alone, or four and a half parties of two, are due in the other half of the time.
    assert Speed(places, half, half, np.array([1.0, 2.0])).has_stopped(places, limits).tolist() == [True, False]


def test_what_is_to_come_by_hand() -> None:
    """Nothing is to be reached any more: a gamma factor of mean 1 after what came by a fifth of the time."""
    one = np.ones(1)
    alone = Speed(10 * one, 0.2 * one, 0.3 * one, one).tails(10 * one, 10 * one, SIZE)
    to_come = 0.8 * (2 + 10) / (2 / 10 + 0.2)
    np.testing.assert_allclose(alone[0], 10 + to_come)
    np.testing.assert_allclose(alone[1], to_come**2 * (1 + 1 / 12) + 2 * 10 * to_come + 10 * 9)
    pairs = Speed(10 * one, 0.2 * one, 0.3 * one, 2 * one).tails(10 * one, 10 * one, SIZE)
    np.testing.assert_allclose(pairs[0], 10 + 0.8 * (2 + 5) / (2 / 10 + 0.1))


def test_no_more_is_reached_than_the_places_that_are_explained() -> None:
    one = np.ones(1)
    cut, whole = (Speed(reached * one, 0.2 * one, 0.3 * one, one) for reached in (25, 10))
    np.testing.assert_array_equal(cut.tails(10 * one, 10 * one, SIZE), whole.tails(10 * one, 10 * one, SIZE))


def test_a_session_with_room_for_a_party_has_not_stopped() -> None:
    limits = np.array([20.0, 21.0, 22.0, 23.0])
    early = Speed(np.full(4, 20.0), np.full(4, 0.5), np.full(4, 0.5), np.ones(4))
    assert early.has_stopped(np.full(4, 20.0), limits).tolist() == [True, True, True, False]
    assert not early.has_stopped(np.zeros(4), np.ones(4)).any()
