"""How much what is expected of a pair counts beside the trees: told on windows that the trees were kept from."""

import numpy as np
import pandas as pd
import pytest

from training.ranking.reranker import TreeConfig, fit_re_ranker, stacked_weights
from training.ranking.windows import WindowPairs

CONFIG = TreeConfig(n_trees=20, min_leaf_pairs=20, kinds=("lambdamart", "drawn-odds"))
N_PEOPLE, N_CANDIDATES = 150, 20


def drawn_windows(slope: float, noise: float, seed: int = 0, n: int = 8) -> list[WindowPairs]:
    """One booking a person, drawn by a conditional logit of what is expected, `slope` times, and of another signal.

    Trees see the other signal, and what is expected with `noise`.
    """
    rng = np.random.default_rng(seed)
    windows = []
    for _ in range(n):
        expected, other = rng.normal(size=(2, N_PEOPLE, N_CANDIDATES))
        utility = slope * expected + other + rng.gumbel(size=expected.shape)
        is_hit = utility == utility.max(axis=1, keepdims=True)
        seen = expected + noise * rng.normal(size=expected.shape)
        signals = pd.DataFrame({"expected": expected.ravel(), "seen": seen.ravel(), "other": other.ravel()})
        person = np.repeat(np.arange(N_PEOPLE), N_CANDIDATES)
        windows.append(WindowPairs(signals.astype(np.float32), is_hit.ravel(), person))
    return windows


def without(windows: list[WindowPairs], name: str) -> list[WindowPairs]:
    return [WindowPairs(window.signals.drop(columns=name), window.is_hit, window.person) for window in windows]


def weight(windows: list[WindowPairs], config: TreeConfig = CONFIG) -> float:
    return stacked_weights(windows, config, 0)["expected"]


def attended(windows: list[WindowPairs]) -> list[WindowPairs]:
    """What is expected stands for the attendance that is: its logarithm."""
    return [
        WindowPairs(
            window.signals.drop(columns="expected").assign(
                own_organiser_expected=np.exp((window.signals["expected"] - 2.0).clip(-3.9, 0.0))
            ),
            window.is_hit,
            window.person,
        )
        for window in windows
    ]


def test_what_is_expected_counts_where_it_tells_more_than_trees_have_learned():
    assert weight(drawn_windows(1.5, 1.0)) > 0.2


def test_it_counts_on_the_scale_of_the_trees():
    slow = CONFIG.model_copy(update={"learning_rate": CONFIG.learning_rate / 8})
    windows = drawn_windows(1.5, 1.0)
    assert 0.0 < weight(windows, slow) < 0.5 * weight(windows)


def test_what_says_nothing_counts_nothing():
    assert weight(drawn_windows(0.0, 1.0)) == pytest.approx(0.0, abs=0.1)
    assert weight(drawn_windows(-1.0, 1.0)) == 0.0


def test_without_the_signal_or_with_few_windows_it_counts_nothing():
    windows = drawn_windows(1.5, 1.0)
    assert stacked_weights(without(windows, "expected"), CONFIG, 0) == {}
    assert stacked_weights(windows[:1], CONFIG, 0) == {}


def test_the_attendance_that_is_expected_counts_too():
    windows = attended(drawn_windows(1.5, 1.0))
    assert stacked_weights(windows, CONFIG, 0)["own_organiser_expected"] > 0.05
    noise = np.random.default_rng(1)
    both = [
        WindowPairs(window.signals.assign(expected=noise.normal(size=len(window.person))), window.is_hit, window.person)
        for window in windows
    ]
    beside = stacked_weights(both, CONFIG, 0)
    assert beside["own_organiser_expected"] > 0.05
    assert beside["expected"] == pytest.approx(0.0, abs=0.05)


def test_attendance_that_says_nothing_counts_nothing():
    assert stacked_weights(attended(drawn_windows(-1.0, 1.0)), CONFIG, 0) == {"own_organiser_expected": 0.0}


def test_who_never_came_counts_as_the_many_who_seldom_come():
    windows = attended(drawn_windows(1.5, 1.0))
    re_ranker = fit_re_ranker(windows, CONFIG, 0)
    columns = {str(name): values.to_numpy() for name, values in windows[0].signals.items()}
    scores = {}
    for value in (np.nan, 0.1, -1.0, 0.02):
        columns["own_organiser_expected"] = np.full(len(windows[0].person), value, dtype=np.float32)
        trees = re_ranker.tree_scores(columns, len(windows[0].person))
        scores[value] = np.log(1 / (1 / re_ranker.predict(columns, len(trees)) - 1)) - trees
    weight = re_ranker.beside["own_organiser_expected"]
    assert weight > 0
    np.testing.assert_allclose(scores[np.nan], weight * np.log(0.1), atol=1e-6)
    np.testing.assert_allclose(scores[0.1], weight * np.log(0.1), atol=1e-6)
    np.testing.assert_allclose(scores[-1.0], weight * np.log(0.02), atol=1e-6)


def test_scores_are_of_the_trees_and_of_what_is_expected():
    windows = drawn_windows(1.5, 1.0)
    re_ranker = fit_re_ranker(windows, CONFIG, 0)
    assert re_ranker is not None
    assert re_ranker.beside == stacked_weights(windows, CONFIG, 0)
    fresh = drawn_windows(1.5, 1.0, seed=1, n=1)[0]
    columns = {str(name): values.to_numpy() for name, values in fresh.signals.items()}
    columns["expected"][0] = np.nan
    n = len(fresh.person)
    scores = re_ranker.predict(columns, n)
    trees = re_ranker.tree_scores(columns, n)
    expected = np.where(np.isnan(columns["expected"]), -12.0, columns["expected"]).astype(np.float64)
    beside = re_ranker.beside["expected"] * expected
    np.testing.assert_allclose(np.log(scores / (1 - scores)), trees + beside, atol=1e-6)

    def found(values: np.ndarray) -> float:
        """Share of people whose booking is first."""
        shape = (N_PEOPLE, N_CANDIDATES)
        return float((values.reshape(shape).argmax(axis=1) == fresh.is_hit.reshape(shape).argmax(axis=1)).mean())

    assert found(scores) >= found(trees)
