import numpy as np
import pytest
from scipy import sparse

from features.willingness.equations import Block
from features.willingness.mixed import fit_mixed


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


def test_without_any_group_of_effects_courses_alone_are_found():
    course, _, _, luck, expected, _ = _rows(np.random.default_rng(2))
    counts = np.random.default_rng(3).poisson(expected * np.exp(luck[course]))
    fit = fit_mixed({}, course, counts, expected, 0.6)
    assert fit.effects == {}
    assert np.corrcoef(fit.courses, luck)[0, 1] > 0.95


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


def _plain(blocks, course, counts, expected, course_spread, size):
    """The same rounds with every course a column of its own, nothing taken out and nothing sparse."""
    n_courses = course.max() + 1
    design = np.hstack([*(block.matrix.toarray() for block in blocks), np.eye(n_courses)[course]])
    centre = np.concatenate([*(block.centre for block in blocks), np.zeros(n_courses)])
    spreads = np.repeat([block.spread for block in blocks], [len(block.centre) for block in blocks])
    effects, spread = centre.copy(), course_spread
    for _ in range(12):
        prior = np.diag(1 / np.square(np.concatenate([spreads, np.full(n_courses, spread)])))
        eta = design @ effects
        mean = expected * np.exp(eta)
        weight = mean / (1 + mean / size)
        covariance = np.linalg.inv(design.T @ (design * weight[:, None]) + prior)
        effects = covariance @ (design.T @ (weight * (eta + counts / mean - 1)) + prior @ centre)
        own = effects[-n_courses:]
        square = own @ own + np.trace(covariance[-n_courses:, -n_courses:])
        spread = np.sqrt((square + 2 * course_spread**2) / (n_courses + 2))
    return effects, covariance, spread


def test_courses_taken_out_of_sparse_equations_are_the_plain_solution():
    rng = np.random.default_rng(5)
    course = rng.permutation(np.repeat(np.arange(30), rng.integers(1, 7, 30)))
    n = len(course)
    hour, venue = rng.integers(0, 4, n), (course + rng.integers(0, 2, n)) % 9
    price = Block(sparse.csr_array(rng.uniform(0, 2, (n, 1))), 0.2, np.array([-0.1]), is_learned=False)
    blocks = {
        name: Block(Block.of_codes(code, k, 1.0).matrix, 0.3, np.linspace(-0.2, 0.2, k), is_learned=False)
        for name, code, k in (("hour", hour, 4), ("venue", venue, 9))
    } | {"price": price}
    expected = rng.uniform(10, 30, n)
    counts = rng.poisson(expected * np.exp(0.3 * rng.normal(size=30)[course])).astype(float)
    fit = fit_mixed(blocks, course, counts, expected, 0.4, size=9.0)
    effects, covariance, spread = _plain(list(blocks.values()), course, counts, expected, 0.4, 9.0)
    np.testing.assert_allclose(np.concatenate(list(fit.effects.values())), effects[:14], atol=1e-7)
    np.testing.assert_allclose(fit.courses, effects[14:], atol=1e-7)
    np.testing.assert_allclose(fit.covariance["venue"], covariance[4:13, 4:13], atol=1e-7)
    assert fit.course_spread == pytest.approx(spread, rel=1e-7)


@pytest.mark.parametrize("n_effects", [0, 3])
def test_without_rows_everything_stays_as_believed(n_effects):
    none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
    fit = fit_mixed({"code": Block.of_codes(none, n_effects, 0.5)}, none, nothing, nothing, 0.6)
    assert fit.effects["code"].tolist() == [0.0] * n_effects
    np.testing.assert_allclose(fit.covariance["code"], 0.25 * np.eye(n_effects))
    assert not len(fit.courses)
    assert fit.course_spread == pytest.approx(0.6)
