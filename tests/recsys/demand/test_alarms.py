"""Breaks and drifts are found where they are, and nowhere else."""

import numpy as np

from recsys.demand.alarms import level_shifts


def alike(rng: np.random.Generator, n_series: int, n_weeks: int) -> np.ndarray:
    """Factors of weeks that are like those before them."""
    drawn = rng.standard_normal((n_series, n_weeks))
    for week in range(1, n_weeks):
        drawn[:, week] = 0.4 * drawn[:, week - 1] + np.sqrt(1 - 0.4**2) * drawn[:, week]
    return np.exp(0.3 * drawn - 0.3**2 / 2)


def test_a_closure_is_found_with_its_start() -> None:
    counts = np.random.default_rng(0).poisson(30, (20, 60)).astype(float)
    counts[3, -5:] = 2
    found = level_shifts(counts, np.ones(counts.shape))
    assert found.series.tolist() == [3]
    assert found.kind.tolist() == ["break"]
    assert found.weeks[0] == 5
    assert found.ratio[0] < 0.2


def test_what_else_moved_is_told_of_the_same_weeks() -> None:
    counts = np.random.default_rng(0).poisson(30, (3, 60)).astype(float)
    counts[1, -5:] = 2
    sessions = np.full(counts.shape, 4.0)
    sessions[1, -5:] = 1.0
    found = level_shifts(counts, np.ones(counts.shape))
    np.testing.assert_allclose(found.ratios_of(sessions), [0.25])


def test_few_false_alarms() -> None:
    rng = np.random.default_rng(1)
    mean = rng.gamma(2, 5, (3000, 1))
    counts = rng.poisson(mean * rng.gamma(5, 1 / 5, (3000, 60))).astype(float)
    assert len(level_shifts(counts, np.ones(counts.shape)).series) <= 15
    counts = rng.poisson(mean * alike(rng, 3000, 130)).astype(float)
    assert len(level_shifts(counts, np.ones(counts.shape)).series) <= 24


def test_a_slow_fall_is_a_drift_with_its_beginning_and_where_it_has_come_to() -> None:
    rng = np.random.default_rng(4)
    level = np.append(np.ones(104), 1 - 0.6 * np.arange(1, 27) / 26)
    counts = rng.poisson(20 * level * alike(rng, 400, 130)).astype(float)
    found = level_shifts(counts, np.ones(counts.shape))
    assert len(found.series) > 0.5 * len(counts)
    drifts = found.kind == "drift"
    assert drifts.mean() > 0.5
    assert np.median(found.weeks[drifts]) == 26
    assert abs(np.median(found.ratio[drifts]) - 0.47) < 0.1, "the mean of the last six weeks"


def test_what_fell_to_nothing_in_a_year_is_said_to_be_nearly_nothing() -> None:
    level = np.append(np.ones(104), np.maximum(1 - np.arange(1, 53) / 40, 0))
    counts = np.random.default_rng(5).poisson(np.tile(30 * level, (5, 1))).astype(float)
    found = level_shifts(counts, np.ones(counts.shape))
    assert len(found.series) == 5
    assert ((found.ratio > 0) & (found.ratio < 0.2)).all()


def test_a_crowd_half_a_year_ago_is_no_drift() -> None:
    level = np.ones(156)
    level[-30:-16] = 6
    counts = np.random.default_rng(8).poisson(np.tile(10 * level, (20, 1))).astype(float)
    assert "drift" not in level_shifts(counts, np.ones(counts.shape)).kind


def test_a_drift_that_the_calendar_explains_is_none() -> None:
    factors = np.tile(np.append(np.ones(104), np.linspace(1, 0.4, 26)), (20, 1))
    counts = np.random.default_rng(6).poisson(30 * factors).astype(float)
    assert len(level_shifts(counts, factors).series) == 0
    assert (level_shifts(counts, np.ones(factors.shape)).kind == "drift").sum() > 15


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


def test_many_small_series_do_not_hide_what_a_large_one_does() -> None:
    rng = np.random.default_rng(7)
    small = rng.poisson(rng.gamma(0.2, 5, (300, 130))).astype(float)
    large = rng.poisson(200 * np.exp(0.1 * rng.standard_normal((1, 130)))).astype(float)
    large[:, -26:] = np.round(large[:, -26:] * np.linspace(1, 0.6, 26))
    counts = np.concatenate([small, large])
    found = level_shifts(counts, np.ones(counts.shape))
    assert found.kind[found.series == 300].tolist() == ["drift"]


def test_half_a_year_tells_of_breaks_and_drifts() -> None:
    rng = np.random.default_rng(9)
    since = np.arange(1, 28) - 27
    for level, least, least_drifts, most_drifts in (
        (np.where(since > -8, 0.5, 1.0), 0.34, 0.0, 0.2),
        (np.where(since > -12, 0.4, 1.0), 0.73, 0.0, 0.1),
        (1 - 0.6 * np.clip((since + 13) / 13, 0, 1), 0.25, 0.15, 0.6),
    ):
        counts = rng.poisson(30 * level * alike(rng, 600, 27)).astype(float)
        found = level_shifts(counts, np.ones(counts.shape))
        assert len(found.series) > least * len(counts)
        assert least_drifts <= (found.kind == "drift").mean() <= most_drifts
    usual = rng.poisson(30 * alike(rng, 3000, 27)).astype(float)
    assert len(level_shifts(usual, np.ones(usual.shape)).series) <= 60


def test_crowds_in_half_a_year_are_no_breaks() -> None:
    rng = np.random.default_rng(10)
    mean = np.exp(rng.uniform(np.log(15), np.log(60), (3000, 1)))
    counts = rng.poisson(mean * np.where(rng.random((3000, 27)) < 0.1, 3.0, 1.0)).astype(float)
    assert len(level_shifts(counts, np.ones(counts.shape)).series) <= 30
