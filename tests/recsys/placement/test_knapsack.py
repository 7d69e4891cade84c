import itertools

import numpy as np
import pytest

from recsys.placement.knapsack import common_unit, fill_budget


@pytest.mark.parametrize("seed", range(20))
def test_the_table_knows_the_best_choice_and_the_best_through_each_row(seed):
    rng = np.random.default_rng(seed)
    costs = [rng.integers(0, 9, rng.integers(1, 5)) for _ in range(4)]
    values = [rng.uniform(-1, 5, len(c)) for c in costs]
    budget = int(rng.integers(0, 24))
    best, through = -np.inf, [np.full(len(c), -np.inf) for c in costs]
    for rows in itertools.product(*(range(len(c)) for c in costs)):
        if sum(c[k] for c, k in zip(costs, rows, strict=True)) > budget:
            continue
        value = sum(v[k] for v, k in zip(values, rows, strict=True))
        best = max(best, value)
        for b, k in enumerate(rows):
            through[b][k] = max(through[b][k], value)
    table = fill_budget(costs, values, budget)
    assert table.best == pytest.approx(best)
    for mine, true in zip(table.through, through, strict=True):
        np.testing.assert_allclose(mine, true)
    if np.isfinite(best):
        assert sum(v[k] for v, k in zip(values, table.chosen, strict=True)) == pytest.approx(best)
        assert sum(c[k] for c, k in zip(costs, table.chosen, strict=True)) <= budget


def test_costs_have_a_common_unit_or_none():
    assert common_unit(np.array([0.75, 1.5, 1.2])) == pytest.approx(0.15)
    assert common_unit(np.array([400.0, 1000.0])) == 200.0
    assert common_unit(np.array([1.0, np.sqrt(2)])) is None


def test_a_table_too_large_is_not_made():
    assert fill_budget([np.array([0, 10**9])], [np.zeros(2)], 2 * 10**9) is None
