import numpy as np
import pytest

from features.willingness.mixed import Block, fit_mixed


def _rows(rng, n_courses=150, n_each=8, course_spread=0.5):
    course = np.repeat(np.arange(n_courses), n_each)
    code = rng.integers(0, 5, len(course))
    effects = np.array([-0.6, -0.2, 0.0, 0.3, 0.5])
    luck = rng.normal(0, course_spread, n_courses)
    expected = rng.uniform(5, 20, len(course))
    mean = expected * np.exp(effects[code] + luck[course])
    return course, code, effects, luck, expected, rng.poisson(mean)


def test_effects_spreads_and_luck_are_found():
    course, code, effects, luck, expected, counts = _rows(np.random.default_rng(0))
    fit = fit_mixed({"code": Block.of_codes(code, 5, 0.5)}, course, counts, expected, 0.6)
    np.testing.assert_allclose(fit.effects["code"] - fit.effects["code"][2], effects, atol=0.06)
    assert fit.course_spread == pytest.approx(0.5, rel=0.15)
    assert np.corrcoef(fit.courses, luck)[0, 1] > 0.97


def test_an_effect_nothing_is_known_of_stays_where_it_was_believed():
    course, code, _, _, expected, counts = _rows(np.random.default_rng(1))
    block = Block.of_codes(code, 6, 0.5)
    believed = Block(block.matrix, 0.5, np.array([0, 0, 0, 0, 0, -0.5]))
    fit = fit_mixed({"code": believed}, course, counts, expected, 0.6)
    assert fit.effects["code"][5] == pytest.approx(-0.5, abs=1e-6)
    assert fit.covariance["code"][5, 5] > 10 * fit.covariance["code"][0, 0]


def test_effects_that_are_alike_lend_each_other():
    course = np.arange(60)
    code = np.zeros(60, dtype=np.int64)
    counts, expected = np.full(60, 20.0), np.full(60, 10.0)
    alike = Block.of_codes(code, 2, 0.5, np.array([[1.0, 0.8], [0.8, 1.0]]))
    fit = fit_mixed({"code": alike}, course, counts, expected, 0.3, learns_spreads=False, size=8.0)
    first, second = fit.effects["code"]
    assert first > 0.5
    assert second == pytest.approx(0.8 * first, rel=0.02)


def test_order_of_rows_changes_nothing():
    rng = np.random.default_rng(2)
    course, code, _, _, expected, counts = _rows(rng)
    order = rng.permutation(len(course))
    one = fit_mixed({"code": Block.of_codes(code, 5, 0.5)}, course, counts, expected, 0.6)
    two = fit_mixed({"code": Block.of_codes(code[order], 5, 0.5)}, course[order], counts[order], expected[order], 0.6)
    np.testing.assert_allclose(two.effects["code"], one.effects["code"], atol=1e-8)
    np.testing.assert_allclose(two.courses, one.courses, atol=1e-8)


def test_a_spread_that_is_not_learned_holds():
    rng = np.random.default_rng(4)
    code = np.repeat(np.arange(8), 50)
    counts = rng.poisson(20 * np.exp(np.where(code % 2, 0.7, -0.7))).astype(float)
    course, expected = np.arange(400), np.full(400, 20.0)

    def spread_of(**more):
        block = Block(Block.of_codes(code, 8, 0.1).matrix, 0.02, np.zeros(8), **more)
        return np.ptp(fit_mixed({"code": block}, course, counts, expected, 0.3).effects["code"])

    assert spread_of(is_learned=True) > 1.2
    assert spread_of(is_learned=False) < 0.6


def test_effects_that_no_row_has_are_left_out_of_the_equations_and_change_nothing() -> None:
    rng = np.random.default_rng(11)
    codes = rng.choice(np.arange(0, 40, 3), 300)
    course = np.arange(300) // 3
    counts = rng.poisson(4 * np.exp(0.4 * np.sin(codes)), 300).astype(float)
    one = Block.of_codes(codes, 40, 0.3)
    # Effects that hang together are never left out; this correlation makes them independent all the same.
    every = Block.of_codes(codes, 40, 0.3, (1 - 1e-3) * np.eye(40))
    found, expected = (fit_mixed({"venue": block}, course, counts, np.full(300, 4.0), 0.3) for block in (one, every))
    assert len(one.seen()) == 14
    assert len(every.seen()) == 40
    np.testing.assert_allclose(found.effects["venue"], expected.effects["venue"], atol=1e-6)
    np.testing.assert_allclose(found.covariance["venue"], expected.covariance["venue"], atol=1e-6)
    np.testing.assert_allclose(found.courses, expected.courses, atol=1e-6)
