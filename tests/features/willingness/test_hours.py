"""What hours seem to tell apart, and how much of it courses left out confirm."""

from dataclasses import replace

import numpy as np
import pytest

from features.geography.positions import positions
from features.willingness.config import LatentConfig
from features.willingness.equations import Block
from features.willingness.exposure import N_TIME_CELLS, TRAINING
from features.willingness.fit import Willingness, fit_willingness
from features.willingness.hours import LEAST_CONFIRMED, confirmed, days_alike
from features.willingness.mixed import Regression, fit_mixed
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from tests.opening_world import world


def _regression(rng, n_courses, effects, luck, spread, is_learned):
    """Courses of six sessions, each at an hour of its own."""
    hour = rng.integers(0, len(effects), n_courses)
    course = np.repeat(np.arange(n_courses), 6)
    mean = 20 * np.exp(effects[hour] + rng.normal(0, luck, n_courses))[course]
    block = replace(Block.of_codes(hour[course], len(effects), spread), is_learned=is_learned)
    return Regression({"hour": block}, course, rng.poisson(mean).astype(float), np.full(len(course), 20.0), 0.5)


def test_hours_that_differ_are_confirmed():
    effects = np.array([-0.6, -0.2, 0.0, 0.3, 0.5])
    found = [confirmed(_regression(np.random.default_rng(n), 300, effects, 0.3, 0.5, True)) for n in range(3)]
    assert np.mean(found) == pytest.approx(1.0, abs=0.1)


def test_hours_that_differ_by_the_luck_of_their_few_courses_are_not():
    found = [confirmed(_regression(np.random.default_rng(n), 40, np.zeros(10), 0.8, 2.0, False)) for n in range(8)]
    assert np.mean(found) < 0.6
    assert min(found) == LEAST_CONFIRMED


def test_what_venues_make_of_their_hours_is_not_laid_to_the_hours():
    effects, rng = np.array([-0.6, -0.2, 0.0, 0.3, 0.5]), np.random.default_rng(0)
    alone = _regression(rng, 300, effects, 0.3, 0.5, True)
    hour = alone.blocks["hour"].matrix.indices
    venue = (hour >= 3) ^ (rng.random(300)[alone.course] < 0.1)
    counts = rng.poisson(alone.counts * np.exp(-1.5 * venue)).astype(float)
    among = replace(
        alone, blocks={**alone.blocks, "venue": Block.of_codes(venue.astype(np.int64), 2, 0.5)}, counts=counts
    )
    assert confirmed(among) == pytest.approx(1.0, abs=0.2)


def test_where_courses_tell_little_all_is_believed():
    alike = _regression(np.random.default_rng(0), 60, np.zeros(5), 0.3, 1e-3, False)
    assert confirmed(alike) == pytest.approx(1.0, abs=0.01)
    shrunk = _regression(np.random.default_rng(0), 12, np.array([-0.6, -0.2, 0.0, 0.3, 0.5]), 0.1, 0.1, False)
    assert 1.1 < confirmed(shrunk) < 1.6, "far below the slope that they alone would tell"


def test_of_fewer_courses_than_parts_all_is_believed():
    assert confirmed(_regression(np.random.default_rng(0), 4, np.zeros(3), 0.5, 0.5, True)) == 1.0


def test_days_of_a_kind_lend_each_other_and_none_of_the_other_kind():
    course = np.arange(60)
    monday = Block.of_codes(np.zeros(60, dtype=np.int64), 7, 0.5, days_alike())
    counts, expected = np.full(60, 20.0), np.full(60, 10.0)
    days = fit_mixed({"weekday": monday}, course, counts, expected, 0.3, learns_spreads=False).effects["weekday"]
    assert days[0] > 0.5
    np.testing.assert_allclose(days[1:5], 0.8 * days[0], rtol=0.02)
    np.testing.assert_allclose(days[5:], 0.0, atol=1e-9)


def test_a_day_without_sessions_fares_as_days_of_its_kind_do(dataset):
    day = dataset.sessions["starts_at"].dt.tz_convert("Asia/Shanghai").dt.dayofweek
    sessions = dataset.sessions[day != 2]
    bookings = dataset.bookings[dataset.bookings["session_id"].isin(sessions["session_id"])]
    fit = np.log(_learned(replace(dataset, sessions=sessions, bookings=bookings)).circumstances.weekday_fit)
    others = np.array([0, 1, 3, 4])
    assert abs(fit[others]).max() > 1e-3
    # The mean of four that correlate by 0.8 with it and each other, drawn to 0 by what their mean leaves open.
    assert fit[2] == pytest.approx(4 * 0.8 / (1 + 3 * 0.8) * fit[others].mean(), rel=0.05)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return world(2, n_users=600, weeks=16).dataset


@pytest.fixture(scope="module")
def learned(dataset) -> Willingness:
    return _learned(dataset)


def _learned(dataset: Dataset) -> Willingness:
    tree = RegionTree.of(dataset)
    return fit_willingness(dataset, tree, positions(dataset, tree), LatentConfig(curvatures=(0.5,)))


def _with(learned: Willingness, share: float) -> Willingness:
    return replace(learned, circumstances=replace(learned.circumstances, confirmed=share))


def test_which_courses_are_left_out_together_is_no_matter_of_the_order_of_sessions(dataset, learned):
    shuffled = dataset.sessions.sample(frac=1, random_state=1).reset_index(drop=True)
    again = _learned(replace(dataset, sessions=shuffled))
    assert again.circumstances.confirmed == learned.circumstances.confirmed
    assert LEAST_CONFIRMED < learned.circumstances.confirmed != 1.0


def test_new_classes_differ_by_hours_as_far_as_is_confirmed(learned):
    weekday, cell = np.repeat(np.arange(7), N_TIME_CELLS), np.tile(np.arange(N_TIME_CELLS), 7)
    plain = learned.slot_fit(weekday, cell)
    np.testing.assert_allclose(_with(learned, 1.0).new_slot_fit(weekday, cell), plain)
    half = _with(learned, 0.5).new_slot_fit(weekday, cell)
    np.testing.assert_allclose(np.log(half).std(axis=1), 0.5 * np.log(plain).std(axis=1))
    assert np.log(plain).std(axis=1).min() > 0.01


def test_at_the_hours_of_training_new_classes_fit_as_ever_in_the_mean(learned):
    o = learned.exposure
    training = o.kinds[o.kind] == TRAINING
    at = (o.weekday[training], o.cell[training])
    means = (_with(learned, share).new_slot_fit(*at).mean(axis=1) for share in (0.3, 1.0))
    np.testing.assert_allclose(*means)
