"""What a class would add, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.simulation.setting.tastes import N_SLOTS
from recsys.simulation.truth.latent import with_class


def test_a_class_adds_what_it_does_in_the_mean_of_the_weeks() -> None:
    base = np.array([[0.0, 3.0]], dtype=np.float32)
    attraction = np.full((1, N_SLOTS), 0.5, dtype=np.float32)
    attraction[0, 4] = 1.0
    added, drawn = with_class(base, attraction, np.array([0.1]), np.ones(2, dtype=np.float32), "logit")
    # Alone 1 / 2; beside 3 it makes 4 / 5 of 3 / 4, and a quarter of those who come are its own.
    assert added == pytest.approx([0.1 * (0.5 + 0.05) / 2])
    assert drawn == pytest.approx(0.1 * (0.5 + 0.2) / 2)


def test_weeks_count_by_their_season() -> None:
    base = np.array([[0.0, 3.0]], dtype=np.float32)
    attraction = np.ones((1, N_SLOTS), dtype=np.float32)
    season = np.array([0.5, 2.0], dtype=np.float32)
    added, drawn = with_class(base, attraction, np.array([0.1]), season, "logit")
    assert added == pytest.approx([0.1 * (0.5 * 0.5 + 2.0 * 0.05) / 2])
    assert drawn == pytest.approx(0.1 * (0.5 * 0.5 + 2.0 * 0.2) / 2)


def test_the_hour_is_the_one_that_adds_most_people() -> None:
    base = np.zeros((2, 3), dtype=np.float32)
    attraction = np.full((2, N_SLOTS), 1e-3, dtype=np.float32)
    attraction[0, 1], attraction[1, 6] = 1.0, 1.0
    added, _ = with_class(base, attraction, np.array([0.1, 0.3]), np.ones(3, dtype=np.float32), "gravity")
    assert added == pytest.approx([0.1 * (1 - np.exp(-0.8e-3)), 0.3 * (1 - np.exp(-0.8))], rel=1e-3)


def test_the_hour_is_chosen_beside_what_runs() -> None:
    """At the first hour most would come, but they find all they want already."""
    base = np.array([[20.0, 20.0], [0.0, 0.0]], dtype=np.float32)
    attraction = np.full((2, N_SLOTS), 1e-3, dtype=np.float32)
    attraction[0, 1], attraction[1, 6] = 1.0, 1.0
    added, _ = with_class(base, attraction, np.array([0.3, 0.1]), np.ones(2, dtype=np.float32), "gravity")
    assert added == pytest.approx([0.0, 0.1 * (1 - np.exp(-0.8))], abs=1e-6)
