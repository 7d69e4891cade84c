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
    blocks = [
        _Rows(some := np.flatnonzero(loss <= most_lost), c[some] - c[k], v[some] - v[k], loss[some])
        for c, v, loss, k in zip(costs, values, losses, chosen, strict=True)
    ]
    through = [np.full(len(c), -np.inf) for c in costs]
    below, above = _span(blocks, -1, most_lost), _span(blocks, 1, most_lost)
    last, width = below + min(spare, above), below + above + 1
    if last < 0 or most_lost < 0:
        return BudgetTable(-np.inf, chosen, through)
    several = {b: rows for b, rows in enumerate(blocks) if len(rows.row) > 1}
    if (len(several) + 1) * width > MOST_STATES:
        return None
    before = _forwards(list(several.values()), below, width)
    best = base + float(before[-1, : last + 1].max())
    for b, rows in enumerate(blocks):
        through[b][rows.row] = best
    for b, most in zip(several, _through(list(several.values()), before, below, spare, base), strict=True):
        through[b][several[b].row] = most
    if np.isfinite(best):
        at = int(np.argmax(before[-1, : last + 1]))
        for b, row in zip(several, _trace(list(several.values()), before, at), strict=True):
            chosen[b] = row
    return BudgetTable(best, chosen, through)


@dataclass(frozen=True)
class _Rows:
    """Rows of a block that a choice worth enough may hold, against its best row at the budget's price.

    Attributes:
        row: (n,) their numbers.
        more: (n,) units that they cost more.
        gain: (n,) what they are worth more.
        loss: (n,) what they lose once units are paid for.
    """

    row: NDArray[np.int64]
    more: NDArray[np.int64]
    gain: NDArray[np.float64]
    loss: NDArray[np.float64]


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


def _span(blocks: list[_Rows], sign: int, most_lost: float) -> int:
    """At most so many units more (sign 1) or less (-1) do rows cost that lose no more than `most_lost` together."""
    if not np.isfinite(most_lost):
        return sum(max(int((sign * rows.more).max()), 0) for rows in blocks)
    units = sign * np.concatenate([rows.more for rows in blocks])
    loss = np.concatenate([rows.loss for rows in blocks])
    units, loss = units[units > 0], loss[units > 0]
    order = np.argsort(loss / units, kind="stable")
    before = np.cumsum(loss[order]) - loss[order]
    return int(units[order][before <= most_lost].sum())


def _forwards(blocks: list[_Rows], below: int, width: int) -> NDArray[np.float64]:
    """(n + 1, width) most that the first blocks bring more, by how many units more they cost, from `-below` on."""
    before = np.full((len(blocks) + 1, width), -np.inf)
    before[0, below] = 0.0
    for t, rows in enumerate(blocks):
        before[t + 1] = _join(before[t], rows)
    return before


def _through(
    blocks: list[_Rows], before: NDArray[np.float64], below: int, spare: int, base: float
) -> list[NDArray[np.float64]]:
    """For each block the best value of all with each of its rows: what is before it and what is after it, together."""
    width = before.shape[1]
    # Best of the blocks behind with at most so many units more; the units left for them and a row, by what is before.
    after = np.where(np.arange(width) >= below, 0.0, -np.inf)
    left = spare + 2 * below - np.arange(width)
    found = []
    for t, rows in reversed(list(enumerate(blocks))):
        most = np.empty(len(rows.row))
        for k, (more, gain) in enumerate(zip(rows.more, rows.gain, strict=True)):
            at = np.minimum(left - more, width - 1)
            some = at >= 0
            most[k] = base + gain + float((before[t, some] + after[at[some]]).max(initial=-np.inf))
        found.append(most)
        after = np.maximum.accumulate(_join(after, rows))
    return found[::-1]


def _join(table: NDArray[np.float64], rows: _Rows) -> NDArray[np.float64]:
    """Best value for each number of units more once a block has chosen."""
    joined = np.full(len(table), -np.inf)
    n = len(table)
    for m, g in zip(rows.more, rows.gain, strict=True):
        if abs(m) < n:
            to, of = slice(max(m, 0), n + min(m, 0)), slice(max(-m, 0), n - max(m, 0))
            np.maximum(joined[to], table[of] + g, out=joined[to])
    return joined


def _trace(blocks: list[_Rows], before: NDArray[np.float64], at: int) -> list[int]:
    """Each block's row on the best way to a state."""
    chosen = []
    for t, rows in reversed(list(enumerate(blocks))):
        of = at - rows.more
        fits = (of >= 0) & (of < before.shape[1])
        worth = np.where(fits, before[t, np.where(fits, of, 0)] + rows.gain, -np.inf)
        k = int(np.argmax(worth))
        chosen.append(int(rows.row[k]))
        at = int(of[k])
    return chosen[::-1]
