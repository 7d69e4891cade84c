"""Bounds on what categories bring by the number of their classes, and on plans from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_PRICES = 40
"""Halvings of the price of money."""


def by_number(
    base: NDArray[np.float64], brings: NDArray[np.float64], free: NDArray[np.bool_], most: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_categories, n + 1) no 0, 1, ... n classes of a category bring more; -inf where there cannot be so many.

    Args:
        base: (n_categories,) what a category brings at most beside the sum of what its classes do.
        brings: (n_categories, n_venues) what each class brings at most in that sum.
        free: (n_categories, n_venues) what may open.
        most: (n_categories,) most classes.
    """
    ordered = -np.sort(-np.where(free, np.maximum(brings, 0.0), 0.0), axis=1)
    bounds = base[:, None] + np.concatenate([np.zeros((len(base), 1)), np.cumsum(ordered, axis=1)], axis=1)
    numbers = np.arange(bounds.shape[1])
    return np.where(numbers <= np.minimum(most, free.sum(axis=1))[:, None], bounds, -np.inf)


@dataclass(frozen=True)
class Numbers:
    """The best numbers of classes by category.

    Attributes:
        bound: No numbers within the budget bring more.
        fewer: (n_categories,) those within the budget at the price of money at which it is spent.
        more: (n_categories,) those at a little less, beyond the budget.
    """

    bound: float
    fewer: NDArray[np.int64]
    more: NDArray[np.int64]


def best_numbers(bounds: NDArray[np.float64], costs: NDArray[np.float64], budget: float) -> Numbers:
    """Of each category the number of classes that brings most, by `by_number`, at a price of money (Lagrange).

    >>> best_numbers(np.array([[0.0, 5.0, 6.0], [0.0, 3.0, 5.0]]), np.ones(2), 3.0).bound
    10.0
    """
    if not (costs != costs[:1]).any() and costs[:1].sum() > 0:
        # Classes are opened whole.
        budget = float(costs[0] * np.floor(budget / costs[0] + 1e-9))
    spent = costs[:, None] * np.arange(bounds.shape[1])
    # At more than that nothing opens that costs.
    high = 1.0 + float(((bounds[:, 1:] - bounds[:, :1]) / np.maximum(spent[:, 1:], 1e-9)).max(initial=0.0))
    low, price, found = 0.0, 0.0, []
    for _ in range(N_PRICES):
        net = bounds - price * spent
        numbers = net.argmax(axis=1)
        over = float(np.take_along_axis(spent, numbers[:, None], axis=1).sum()) > budget + 1e-9
        found.append((price * budget + float(net.max(axis=1).sum()), numbers, over))
        if not over and price == 0.0:
            break
        low, high = (price, high) if over else (low, price)
        price = 0.5 * (low + high)
    within = [numbers for _, numbers, over in found if not over]
    beyond = [numbers for _, numbers, over in found if over]
    fewer = within[-1] if within else np.zeros(len(bounds), dtype=np.int64)
    return Numbers(min(bound for bound, *_ in found), fewer, beyond[-1] if beyond else fewer)
