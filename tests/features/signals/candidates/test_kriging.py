"""Kriging of attendances: against solved systems, and what it is there for."""

from __future__ import annotations

import numpy as np

from features.signals.candidates.kriging import Alike, kriging_weights


def _alike(days: np.ndarray, words: np.ndarray, of: np.ndarray | None = None) -> Alike:
    words_of, days_of = (words, days) if of is None else (words[of], days[of])
    apart = np.abs(days_of[:, None] - days)
    hour = np.exp(-0.5 * apart % 7)
    return Alike(words_of @ words.T, hour, apart)


def _sessions(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    words = np.abs(rng.normal(size=(n, 5)))
    return rng.uniform(0, 300, n), words / np.linalg.norm(words, axis=1, keepdims=True)


def test_weights_solve_the_system() -> None:
    days, words = _sessions(9)
    past = _alike(days, words)
    to_past = _alike(days, words, np.array([2, 5]))
    weights = kriging_weights(to_past, past)
    lately, lasting = np.exp(-past.days / 60), np.exp(-past.days / 400)
    covariance = 0.2 * lately + lasting * (0.5 * past.words + 0.15 * past.hour + 0.15 * past.words * past.hour)
    np.testing.assert_allclose(weights @ (covariance + 1.2 * np.eye(9)), covariance[[2, 5]], atol=1e-12)


def test_one_that_is_the_same_in_all_counts_by_its_share_of_the_variance() -> None:
    one = np.ones((1, 1))
    same = Alike(one, one, 0 * one)
    np.testing.assert_allclose(kriging_weights(same, same), [[1.0 / 2.2]])


def test_ten_that_are_the_same_say_a_quarter_more_than_three() -> None:
    def told(n_same: int) -> float:
        past, to_past = (
            Alike(np.ones(shape), np.ones(shape), np.zeros(shape)) for shape in ((n_same,) * 2, (1, n_same))
        )
        return float(kriging_weights(to_past, past).sum())

    np.testing.assert_allclose(told(10) / told(3), 1.25, rtol=1e-12)


def test_what_is_said_many_times_counts_less_each_time() -> None:
    def weights(n_alike: int) -> np.ndarray:
        words = np.array([[1.0, 0.0]] * n_alike + [[0.0, 1.0]])
        days = np.zeros(n_alike + 1)
        past = Alike(words @ words.T, words @ words.T, np.abs(days[:, None] - days))
        candidate = np.array([[0.7, 0.7]]) @ words.T
        return kriging_weights(Alike(candidate, candidate, np.zeros((1, n_alike + 1))), past)[0]

    few, many = weights(1), weights(10)
    np.testing.assert_allclose(few[0], few[-1])
    assert many[0] < 0.4 * few[0]
    assert many[:-1].sum() > few[0]
    assert many[-1] > 4 * many[0]


def test_a_row_does_not_depend_on_other_candidates() -> None:
    days, words = _sessions(40)
    past = _alike(days, words)
    to_past = _alike(days, words, np.arange(37))
    whole = kriging_weights(to_past, past)
    for row in (0, 17, 36):
        one = Alike(**{name: values[[row]] for name, values in vars(to_past).items()})
        np.testing.assert_array_equal(kriging_weights(one, past)[0], whole[row])


def test_nearer_in_time_weighs_more() -> None:
    words = np.ones((3, 1))
    days = np.array([1.0, 50.0, 200.0])
    past = Alike(words @ words.T, words @ words.T, np.abs(days[:, None] - days))
    weights = kriging_weights(Alike(words.T, words.T, days[None]), past)[0]
    assert weights[0] > weights[1] > weights[2]
