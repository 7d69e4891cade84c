"""One choice a block within a budget of whole units: the best of all, and the best through each choice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SCALE = 10_000
"""Costs are looked at to a ten-thousandth."""

MOST_STATES = 40_000_000
"""Cells of the table at most: 8 bytes each."""

BISECTIONS = 50
"""Halvings of the interval in which the budget's price lies."""

SLACK = 1e-9
"""Values closer than this are equal."""


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


def fill_budget(
    costs: list[NDArray[np.int64]], values: list[NDArray[np.float64]], budget: int, at_least: float = -np.inf
) -> BudgetTable | None:
    """Multiple-choice knapsack by tables forwards and backwards; None where the table would be too large.

    At the budget's best price each row loses something against its block's best. A choice worth `at_least` loses no
    more than its bound leaves in all: rows that lose more are left out, and what the others may cost more or less than
    the blocks' best spans few units (the core of the knapsack: Pisinger 1995, European Journal of Operational Research
    83(2)).

    Args:
        costs: For each block, units that each of its rows costs.
        values: What each row is worth.
        budget: Units at most in all.
        at_least: Choices worth less need not be known: the table may call them impossible.

    Source: Kellerer, Pferschy & Pisinger 2004, Knapsack Problems, chapter 11.
    """
    price = _budget_price(costs, values, budget)
    losses = [(net := v - price * c).max() - net for c, v in zip(costs, values, strict=True)]
    chosen = [int(np.argmin(loss)) for loss in losses]
    base = sum(float(v[k]) for v, k in zip(values, chosen, strict=True))
    spare = budget - sum(int(c[k]) for c, k in zip(costs, chosen, strict=True))
    most_lost = base + price * spare - at_least + SLACK
    rows = [np.flatnonzero(loss <= most_lost) for loss in losses]
    more = [c[some] - c[k] for c, some, k in zip(costs, rows, chosen, strict=True)]
    gain = [v[some] - v[k] for v, some, k in zip(values, rows, chosen, strict=True)]
    lost = [loss[some] for loss, some in zip(losses, rows, strict=True)]
    below, above = _span([-m for m in more], lost, most_lost), _span(more, lost, most_lost)
    through = [np.full(len(c), -np.inf) for c in costs]
    if min(spare, above) < -below or most_lost < 0:
        return BudgetTable(-np.inf, chosen, through)
    open_to = [b for b, some in enumerate(rows) if len(some) > 1]
    width = below + above + 1
    if (len(open_to) + 1) * width > MOST_STATES:
        return None
    before = np.full((len(open_to) + 1, width), -np.inf)
    before[0, below] = 0.0
    for t, b in enumerate(open_to):
        before[t + 1] = _join(before[t], more[b], gain[b])
    last = min(spare, above) + below
    best = base + float(before[-1, : last + 1].max())
    # Best of the blocks behind with at most so many units more; the units that block k leaves them, by what is before.
    after = np.where(np.arange(width) >= below, 0.0, -np.inf)
    left = spare + 2 * below - np.arange(width)
    for t in range(len(open_to) - 1, -1, -1):
        b = open_to[t]
        for k, m, g in zip(rows[b], more[b], gain[b], strict=True):
            at = np.minimum(left - m, width - 1)
            some = at >= 0
            through[b][k] = base + g + float((before[t, some] + after[at[some]]).max(initial=-np.inf))
        after = np.maximum.accumulate(_join(after, more[b], gain[b]))
    for b, some in enumerate(rows):
        if len(some) == 1:
            through[b][some] = best
    if np.isfinite(best):
        _trace(
            before, int(np.argmax(before[-1, : last + 1])), [(b, rows[b], more[b], gain[b]) for b in open_to], chosen
        )
    return BudgetTable(best, chosen, through)


def _budget_price(costs: list[NDArray[np.int64]], values: list[NDArray[np.float64]], budget: int) -> float:
    """Price of a unit at which the linear relaxation of the knapsack is cheapest (bisection on what is spent)."""
    first = np.cumsum([0, *(len(c) for c in costs[:-1])])
    cost, value = np.concatenate(costs).astype(float), np.concatenate(values)
    sizes = np.diff(np.append(first, len(cost)))

    def spent(price: float) -> float:
        """Least units that the blocks' best rows at a price cost."""
        net = value - price * cost
        is_best = net >= np.repeat(np.maximum.reduceat(net, first), sizes) - SLACK
        return float(np.minimum.reduceat(np.where(is_best, cost, np.inf), first).sum())

    if spent(0.0) <= budget:
        return 0.0
    low, high = 0.0, float((value.max() - value.min()) + 1.0)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if spent(middle) > budget else (low, middle)
    return high


def _span(more: list[NDArray[np.int64]], lost: list[NDArray[np.float64]], most_lost: float) -> int:
    """At most so many units more than the blocks' best do rows cost that lose no more than `most_lost` together."""
    units, loss = np.concatenate(more), np.concatenate(lost)
    if not np.isfinite(most_lost):
        return sum(max(int(m.max()), 0) for m in more)
    units, loss = units[units > 0], loss[units > 0]
    order = np.argsort(loss / units, kind="stable")
    before = np.cumsum(loss[order]) - loss[order]
    return int(units[order][before <= most_lost].sum())


def _join(table: NDArray[np.float64], more: NDArray[np.int64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best value for each number of units more once a block has chosen."""
    joined = np.full(len(table), -np.inf)
    n = len(table)
    for m, g in zip(more, gain, strict=True):
        if abs(m) < n:
            to, of = slice(max(m, 0), n + min(m, 0)), slice(max(-m, 0), n - max(m, 0))
            np.maximum(joined[to], table[of] + g, out=joined[to])
    return joined


def _trace(
    before: NDArray[np.float64],
    at: int,
    blocks: list[tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]],
    chosen: list[int],
) -> None:
    """Puts the rows of the best way to a state into `chosen`."""
    for t in range(len(blocks) - 1, -1, -1):
        b, rows, more, gain = blocks[t]
        of = at - more
        fits = (of >= 0) & (of < before.shape[1])
        worth = np.where(fits, before[t, np.where(fits, of, 0)] + gain, -np.inf)
        k = int(np.argmax(worth))
        chosen[b], at = int(rows[k]), int(of[k])
