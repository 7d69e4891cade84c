"""Prices of what plans share: budget, slots, teachers and floors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.placement.instance import PlacementInstance


@dataclass(frozen=True)
class Prices:
    """Multipliers of the rows that blocks share.

    Attributes:
        budget: Per unit of cost.
        slots: (n_venues,) per class at the venue.
        teachers: (n_categories,) per class of the category.
        floors: For each floor, (n_groups,) per person covered.
    """

    budget: float
    slots: NDArray[np.float64]
    teachers: NDArray[np.float64]
    floors: list[NDArray[np.float64]]

    def of_class(self, instance: PlacementInstance) -> NDArray[np.float64]:
        """(n_categories, n_venues) price of one class."""
        return self.budget * instance.cost + self.slots[None, :] + self.teachers[:, None]

    def of_limits(self, instance: PlacementInstance) -> float:
        """What all of the shared limits cost: the Lagrangian bound less what openings are worth."""
        least = sum(float(price @ floor.least) for price, floor in zip(self.floors, instance.floors, strict=True))
        teachers = float(self.teachers @ np.minimum(instance.teachers, 1e9))
        return self.budget * instance.budget + float(self.slots @ instance.slots) + teachers - least

    def towards(self, other: Prices, share: float) -> Prices:
        """A point on the way to other prices."""

        def mix(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
            return (1 - share) * a + share * b

        return Prices(
            (1 - share) * self.budget + share * other.budget,
            mix(self.slots, other.slots),
            mix(self.teachers, other.teachers),
            [mix(a, b) for a, b in zip(self.floors, other.floors, strict=True)],
        )
