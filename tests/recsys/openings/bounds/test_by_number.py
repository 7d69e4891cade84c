import itertools

import numpy as np
import pytest

from recsys.openings.bounds.by_number import best_numbers, by_number


def test_bounds_by_number_are_the_best_sums():
    brings = np.array([[3.0, 5.0, 1.0], [2.0, 2.0, 9.0]])
    free = np.array([[True, True, True], [True, True, False]])
    bounds = by_number(np.array([0.5, 0.0]), brings, free, np.array([2.0, np.inf]))
    np.testing.assert_allclose(bounds, [[0.5, 5.5, 8.5, -np.inf], [0.0, 2.0, 4.0, -np.inf]])


@pytest.mark.parametrize("priced", [False, True])
def test_no_numbers_within_the_budget_bring_more(priced):
    rng = np.random.default_rng(5)
    near = []
    for _ in range(50):
        falling = -np.sort(-rng.gamma(1.0, size=(3, 4)), axis=1)
        bounds = np.concatenate([np.zeros((3, 1)), falling.cumsum(axis=1)], axis=1)
        costs, budget = rng.choice([0.0, 0.7, 1.0, 2.0], 3) if priced else np.ones(3), float(rng.uniform(1, 6))
        numbers = [n for n in itertools.product(range(5), repeat=3) if costs @ n <= budget + 1e-9]
        most = max(sum(row[n] for row, n in zip(bounds, chosen, strict=True)) for chosen in numbers)
        found = best_numbers(bounds, costs, budget)
        assert found.bound >= most * (1 - 1e-9)
        assert costs @ found.fewer <= budget + 1e-9
        near.append(found.bound / most)
    # Classes are whole where all cost the same; elsewhere one of them may be counted in part.
    assert max(near) < (1.8 if priced else 1 + 1e-9)


def test_what_costs_nothing_opens_beyond_any_budget():
    bounds = np.array([[0.0, 3.0, 4.0], [0.0, 2.0, 3.0]])
    found = best_numbers(bounds, np.array([0.0, 1.0]), 0.0)
    assert found.bound == pytest.approx(4.0)
    assert found.fewer.tolist() == [2, 0]
