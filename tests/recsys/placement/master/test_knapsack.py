import itertools

import numpy as np
import pytest

from recsys.placement.master import knapsack
from recsys.placement.master.knapsack import common_unit, fill_budget


def random_blocks(seed, n_blocks, most_rows, units, budget_share):
    rng = np.random.default_rng(seed)
    costs = [np.append(0, rng.integers(0, units, rng.integers(0, most_rows))) for _ in range(n_blocks)]
    values = [c / units * rng.uniform(0.8, 1.2, len(c)) for c in costs]
    return costs, values, int(budget_share * sum(c.max() for c in costs))


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


def test_units_that_a_row_in_front_leaves_over_are_no_use_to_those_behind():
    """The second block is best at no cost: then the first has more units than it can use."""
    costs = [np.array([4, 3]), np.array([5, 0]), np.array([0])]
    values = [np.array([7.0, 5.0]), np.array([8.0, 8.0]), np.array([6.0])]
    through = fill_budget(costs, values, 8).through
    assert [rows.tolist() for rows in through] == [[21.0, 19.0], [19.0, 21.0], [21.0]]


@pytest.mark.parametrize("seed", range(10))
def test_with_a_floor_the_choices_worth_more_are_known_as_without(seed):
    costs, values, budget = random_blocks(seed, n_blocks=25, most_rows=5, units=60, budget_share=0.4)
    whole = fill_budget(costs, values, budget)
    floor = whole.best - 0.1
    table = fill_budget(costs, values, budget, floor)
    assert table.best == pytest.approx(whole.best)
    assert sum(c[k] for c, k in zip(costs, table.chosen, strict=True)) <= budget
    assert sum(v[k] for v, k in zip(values, table.chosen, strict=True)) == pytest.approx(whole.best)
    n_worse = 0
    for mine, true in zip(table.through, whole.through, strict=True):
        above = true >= floor
        np.testing.assert_allclose(mine[above], true[above])
        assert (mine[~above] < floor).all()
        n_worse += int((~above).sum())
    assert n_worse > 0


def test_with_a_floor_the_table_is_small_however_large_the_budget(monkeypatch):
    costs, values, budget = random_blocks(1, n_blocks=100, most_rows=4, units=2000, budget_share=0.4)
    best = fill_budget(costs, values, budget).best
    monkeypatch.setattr(knapsack, "MOST_STATES", 1_000_000)
    assert fill_budget(costs, values, budget) is None
    assert fill_budget(costs, values, budget, best - 0.01).best == pytest.approx(best)


def test_nothing_is_worth_a_floor_above_the_best():
    costs, values, budget = random_blocks(2, n_blocks=20, most_rows=4, units=50, budget_share=0.3)
    assert fill_budget(costs, values, budget, fill_budget(costs, values, budget).best + 0.5).best == -np.inf


def test_costs_have_a_common_unit_or_none():
    assert common_unit(np.array([0.75, 1.5, 1.2])) == pytest.approx(0.15)
    assert common_unit(np.array([400.0, 1000.0])) == 200.0
    assert common_unit(np.array([1.0, np.sqrt(2)])) is None


def test_a_table_too_large_is_not_made():
    assert fill_budget([np.array([0, 10**9])], [np.zeros(2)], 2 * 10**9) is None
