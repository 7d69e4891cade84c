"""Decay of distance and what is left across borders, from counts."""

import numpy as np
import pytest

from features.geography.decay import BAND_EDGES_KM, PRIOR_BOOKINGS, fit_decay

KM = np.append((BAND_EDGES_KM[:-2] + BAND_EDGES_KM[1:-1]) / 2, 200.0)
TRUE = np.exp(-KM / 6)


def counts(border: float, across: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Bookings by side and band, and those at reach 1, of `across` times as many across where far."""
    at_one = np.stack([np.full(len(KM), 4000.0), across * 4000.0 * KM])
    return at_one * TRUE * np.array([[1.0], [border]]), 0.3 * at_one


@pytest.mark.parametrize("border", [0.0, 0.3, 1.0])
def test_border_and_distance_are_told_apart(border: float) -> None:
    decay = fit_decay(*counts(border), KM)
    assert decay.border == pytest.approx(border, abs=0.01)
    near = KM < 30
    np.testing.assert_allclose(np.log(decay.reach(KM.astype(np.float32))[near]), -(KM[near] - KM[0]) / 6, atol=0.1)


def test_without_a_border_somewhere_there_is_none() -> None:
    observed, expected = counts(0.3, across=0.0)
    assert fit_decay(observed, expected, KM).border == 1.0


def test_few_bookings_say_little_of_a_border() -> None:
    observed, expected = counts(0.0)
    due = (counts(1.0)[0])[1].sum()
    few = fit_decay(observed, expected * np.array([[1.0], [10.0 / due]]), KM).border
    assert few == pytest.approx(PRIOR_BOOKINGS / (PRIOR_BOOKINGS + 10.0), abs=0.02)


def test_who_is_across_comes_by_what_is_left_and_who_is_of_unknown_distance_as_the_mean() -> None:
    decay = fit_decay(*counts(0.25), KM)
    km = np.array([3.0, 40.0, np.nan], dtype=np.float32)
    within, half, across = (decay.reach(km, np.full(3, share, dtype=np.float32)) for share in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(within, decay.reach(km))
    np.testing.assert_allclose(across[:2], decay.border * within[:2], rtol=1e-5)
    np.testing.assert_allclose(half[:2], (within + across)[:2] / 2, rtol=1e-5)
    assert within[2] == half[2] == across[2] == np.float32(decay.unknown)
    observed, expected = counts(0.25)
    assert decay.unknown == pytest.approx(0.3 * observed.sum() / expected.sum(), rel=0.1)
