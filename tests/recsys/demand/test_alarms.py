"""Level shifts are found where they are, and nowhere else."""

import numpy as np

from recsys.demand.alarms import level_shifts


def test_a_closure_is_found_with_its_start() -> None:
    counts = np.random.default_rng(0).poisson(30, (20, 60)).astype(float)
    counts[3, -5:] = 2
    found = level_shifts(counts, np.ones(counts.shape))
    assert found.series.tolist() == [3]
    assert found.weeks[0] == 5
    assert found.ratio[0] < 0.2


def test_few_false_alarms() -> None:
    rng = np.random.default_rng(1)
    mean = rng.gamma(2, 5, (3000, 1))
    counts = rng.poisson(mean * rng.gamma(5, 1 / 5, (3000, 60))).astype(float)
    assert len(level_shifts(counts, np.ones(counts.shape)).series) <= 15


def test_a_house_that_closes_is_said_however_much_its_weeks_vary() -> None:
    rng = np.random.default_rng(3)
    counts = rng.poisson(20 * rng.gamma(5, 1 / 5, (300, 60))).astype(float)
    counts[:, -4:] = 0
    found = level_shifts(counts, np.ones(counts.shape))
    assert len(found.series) > 0.97 * len(counts)
    assert (found.ratio < 1).all()
    assert np.median(found.ratio) < 0.05


def test_a_festival_that_the_calendar_explains_is_no_break() -> None:
    factors = np.ones((1, 60))
    factors[0, -4:] = 0.2
    counts = np.random.default_rng(2).poisson(50 * factors).astype(float)
    assert len(level_shifts(counts, factors).series) == 0
    assert len(level_shifts(counts, np.ones((1, 60))).series) == 1


def test_a_class_that_starts_is_no_break_and_short_histories_say_nothing() -> None:
    counts = np.zeros((1, 60))
    counts[0, -6:] = 40
    assert len(level_shifts(counts, np.ones(counts.shape)).series) == 0
    assert len(level_shifts(np.full((1, 5), 9.0), np.ones((1, 5))).series) == 0
