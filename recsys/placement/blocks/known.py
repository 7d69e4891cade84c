"""Plans of a block that are written down, and which of them count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from recsys.placement.blocks.block import Block, Plan
from recsys.placement.blocks.parts import Limit

NONE = -1e9
"""Worth of a block that has no plan at all within limits; finite, for what lies somewhat below it is asked for."""


class KnownPlans:
    """Plans of a block by their classes; within limits, where there are some, only some of them count.

    Args:
        block: The block.
        flow_point: (n_flows,) point of each of its flows.
    """

    def __init__(self, block: Block, flow_point: NDArray[np.int64]) -> None:
        self.num, self.category, self.venues, self.most = block.num, block.category, block.venues, block.most
        self.n = len(self.venues)
        self.plans: dict[bytes, Plan] = {}
        self.limits: list[Limit] = []
        self._flow_point = flow_point

    def keep_to(self, limits: Sequence[Limit]) -> bool:
        """From now on only plans within those limits count that speak of this block; whether these are others."""
        before, self.limits = self.limits, [one for one in limits if one.is_of(self.category, self.venues)]
        return self.limits != before

    def nothing(self) -> Plan:
        """The plan that opens nothing."""
        return Plan(self.num, np.zeros(self.n, dtype=np.int64), 0.0, np.zeros(0, dtype=np.int64), np.zeros(0))

    def remember(self, classes: NDArray[np.int64], people: NDArray[np.float64]) -> Plan:
        """Keeps a plan, given people by flow."""
        key = classes.tobytes()
        if key not in self.plans:
            by_point = np.bincount(self._flow_point, people, minlength=1).astype(np.float64)
            some = np.flatnonzero(by_point > 1e-12)
            self.plans[key] = Plan(self.num, classes, float(people.sum()), some, by_point[some])
        return self.plans[key]

    def take_over(self, part: KnownPlans) -> None:
        """Keeps the plans of a block whose venues are some of these."""
        at = np.searchsorted(self.venues, part.venues)
        for plan in part.plans.values():
            classes = np.zeros(self.n, dtype=np.int64)
            classes[at] = plan.classes
            self.plans[classes.tobytes()] = replace(plan, block=self.num, classes=classes)

    def that_count(self) -> list[Plan]:
        """Plans within the limits, to open nothing among them where that is."""
        nothing = self.nothing()
        known = {nothing.classes.tobytes(): nothing, **self.plans}
        return [plan for plan in known.values() if all(one.keeps(self.venues, plan.classes) for one in self.limits)]

    def worth(self, plan: Plan, price: NDArray[np.float64]) -> float:
        """People less the price of the classes."""
        return plan.value - float(price @ plan.classes)

    def best_known(self, price: NDArray[np.float64]) -> float:
        """Worth of the best plan that counts; `NONE` where none does."""
        return max((self.worth(plan, price) for plan in self.that_count()), default=NONE)

    def within(self, price: NDArray[np.float64], loss: float) -> list[Plan]:
        """Plans that count and lose at most so many people against the best of them."""
        plans = self.that_count()
        worth = np.array([self.worth(plan, price) for plan in plans])
        return [plan for plan, net in zip(plans, worth, strict=True) if net >= worth.max() - loss]
