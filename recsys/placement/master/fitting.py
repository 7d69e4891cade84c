"""A whole plan out of the linear master's mixture: slots as it uses them, the budget filled exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.block import Plan
from recsys.placement.instance import PlacementInstance
from recsys.placement.master.knapsack import common_unit, fill_budget
from recsys.placement.master.linear import OfOneCategory
from recsys.placement.whole.prices import Prices

WHOLE = 1e-6
"""Distance from a whole number of classes that counts as none."""

ROUNDS = 3
"""Times that slots are shared out at most: anew by what the best plan so far leaves."""


def fitted(
    instance: PlacementInstance,
    blocks: Sequence[OfOneCategory],
    plans: Sequence[Sequence[Plan]],
    prices: Prices,
    wanted: NDArray[np.float64],
    floor: float,
) -> NDArray[np.int64] | None:
    """(n_categories, n_venues) classes worth more than a floor; None where none are found.

    Each block gets the slots that it uses whole in the mixture, then those that its next best plans need. Any plans
    within these stand side by side, so that the best within the budget is a knapsack.

    Args:
        instance: What to choose from; costs without a common unit are not tried.
        blocks: Its blocks.
        plans: Of each block, to open nothing among them.
        prices: At which plans are compared.
        wanted: (n_categories, n_venues) classes of the mixture.
        floor: A plan's worth at least.
    """
    unit = common_unit(instance.cost)
    if unit is None:
        return None
    lists = [_List.of(instance, block, some, prices, unit) for block, some in zip(blocks, plans, strict=True)]
    budget = int(np.floor(instance.budget / unit + 1e-9))
    best = None
    for _ in range(ROUNDS):
        shares = _shared_out(instance, lists, wanted)
        fit = [one.fit(share) for one, share in zip(lists, shares, strict=True)]
        units = [one.units[some] for one, some in zip(lists, fit, strict=True)]
        table = fill_budget(units, [one.value[some] for one, some in zip(lists, fit, strict=True)], budget, floor)
        if table is None or not table.best > floor:
            return best
        wanted, floor = np.zeros(instance.allowed.shape), table.best
        for one, some, k in zip(lists, fit, table.chosen, strict=True):
            wanted[one.block.category, one.block.venues] = one.classes[some[k]]
        if (wanted.sum(axis=1) <= instance.teachers).all():
            best = wanted.astype(np.int64)
    return best


@dataclass(frozen=True)
class _List:
    """Plans of a block: (n, venues) classes, (n,) units of cost, people, and what each loses against the best."""

    block: OfOneCategory
    classes: NDArray[np.int64]
    units: NDArray[np.int64]
    value: NDArray[np.float64]
    loss: NDArray[np.float64]

    @classmethod
    def of(
        cls, instance: PlacementInstance, block: OfOneCategory, plans: Sequence[Plan], prices: Prices, unit: float
    ) -> _List:
        classes = np.array([plan.classes for plan in plans])
        value = np.array([plan.value for plan in plans])
        units = np.round(classes @ instance.cost[block.category, block.venues] / unit).astype(np.int64)
        worth = value - classes @ prices.of_class(instance)[block.category, block.venues]
        return cls(block, classes, units, value, worth.max() - worth)

    def fit(self, share: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows of plans that need no more slots than a share."""
        return np.flatnonzero((self.classes <= share).all(axis=1))


def _shared_out(
    instance: PlacementInstance, lists: list[_List], wanted: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Slots of each block, (n_venues of it,): what is whole in the mixture, then what plans need that lose least."""
    left = instance.slots.astype(float)
    shares = []
    for one in lists:
        # The master may have paid for more than there is, see `prices_near`.
        whole = np.floor(wanted[one.block.category, one.block.venues] + WHOLE)
        shares.append(np.minimum(whole, left[one.block.venues]))
        left[one.block.venues] -= shares[-1]
    first = [(float(one.loss[k]), b, k) for b, one in enumerate(lists) for k in np.argsort(one.loss, kind="stable")]
    has_one = [False] * len(lists)
    # One plan for each block, then what else loses little: one block's many good plans must not take all.
    for is_first in (True, False):
        for _, b, k in sorted(first, key=lambda one: one[1] if is_first else one[0]):
            if is_first and has_one[b]:
                continue
            more = np.maximum(lists[b].classes[k] - shares[b], 0.0)
            venues = lists[b].block.venues
            if (more <= left[venues]).all():
                has_one[b] = True
                shares[b] += more
                left[venues] -= more
    return shares
