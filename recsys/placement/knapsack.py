"""One choice a block within a budget of whole units: the best of all, and the best through each choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALE = 10_000
"""Costs are looked at to a ten-thousandth."""

MOST_STATES = 40_000_000
"""Cells of the table at most: 8 bytes each."""


@dataclass(frozen=True)
class BudgetTable:
    """What `fill_budget` found.

    Attributes:
        best: Value of the best choice of one a block; -inf where none is within the budget.
        chosen: Row chosen in each block.
        through: For each block, the best value of all with each of its rows.
    """

    best: float
    chosen: list[int]
    through: list[NDArray[np.float64]]


def common_unit(cost: NDArray[np.float64]) -> float | None:
    """The largest unit of which all costs are whole multiples; None where they are finer than a ten-thousandth."""
    whole = np.round(np.unique(cost) * SCALE)
    if not np.allclose(whole, np.unique(cost) * SCALE, rtol=0, atol=1e-6):
        return None
    return float(np.gcd.reduce(whole.astype(np.int64))) / SCALE


def fill_budget(costs: list[NDArray[np.int64]], values: list[NDArray[np.float64]], budget: int) -> BudgetTable | None:
    """Multiple-choice knapsack by tables forwards and backwards; None where the table would be too large.

    Args:
        costs: For each block, units that each of its rows costs.
        values: What each row is worth.
        budget: Units at most in all.

    Source: Kellerer, Pferschy & Pisinger 2004, Knapsack Problems, chapter 11.
    """
    n = len(costs)
    least = [int(c.min()) for c in costs]
    over = [c - low for c, low in zip(costs, least, strict=True)]
    room = min(budget - sum(least), sum(int(c.max()) for c in over))
    if room < 0:
        return BudgetTable(-np.inf, [0] * n, [np.full(len(c), -np.inf) for c in costs])
    if (n + 1) * (room + 1) > MOST_STATES:
        return None
    before = np.zeros((n + 1, room + 1))
    for b in range(n):
        before[b + 1] = _join(before[b], over[b], values[b])
    through = [np.full(len(c), -np.inf) for c in costs]
    after = np.zeros(room + 1)
    for b in range(n - 1, -1, -1):
        for k, (cost, value) in enumerate(zip(over[b], values[b], strict=True)):
            if cost <= room:
                through[b][k] = (before[b, : room + 1 - cost] + after[: room + 1 - cost][::-1]).max() + value
        after = _join(after, over[b], values[b])
    return BudgetTable(float(before[n, room]), _trace(before, over, values), through)


def _join(table: NDArray[np.float64], cost: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best value for each budget once a block has chosen."""
    joined = np.full(len(table), -np.inf)
    for c, v in zip(cost, value, strict=True):
        if c < len(table):
            np.maximum(joined[c:], table[: len(table) - c] + v, out=joined[c:])
    return joined


def _trace(before: NDArray[np.float64], over: list[NDArray[np.int64]], values: list[NDArray[np.float64]]) -> list[int]:
    chosen = [0] * len(over)
    left = before.shape[1] - 1
    for b in range(len(over) - 1, -1, -1):
        fits = over[b] <= left
        worth = np.where(fits, before[b, np.maximum(left - over[b], 0)] + values[b], -np.inf)
        chosen[b] = int(np.argmax(worth))
        left -= int(over[b][chosen[b]])
    return chosen
