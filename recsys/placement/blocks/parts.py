"""Parts of all plans: those with so many classes of a category at some venues."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.placement.whole.prices import Prices


@dataclass(frozen=True, eq=False)
class Limit:
    """From `low` to `high` classes of a category at venues together."""

    category: int
    venues: NDArray[np.int64]
    low: float
    high: float

    def is_of(self, category: int, venues: NDArray[np.int64]) -> bool:
        """Whether it speaks of openings of a block."""
        return category == self.category and bool(np.isin(self.venues, venues).all())

    def keeps(self, venues: NDArray[np.int64], classes: NDArray[np.int64]) -> bool:
        """Whether numbers of classes at venues (the limit's and others) are within."""
        return bool(self.low <= classes[np.isin(venues, self.venues)].sum() <= self.high)


@dataclass(frozen=True)
class Part:
    """Plans within limits; none of them is worth more than `bound`. Prices that seemed good for more than these."""

    limits: tuple[Limit, ...]
    bound: float
    centre: Prices | None

    def within(self, limit: Limit) -> Part | None:
        """The part of it within another limit; None where no plan keeps all."""
        others = []
        for one in self.limits:
            if one.category == limit.category and np.array_equal(one.venues, limit.venues):
                limit = replace(limit, low=max(one.low, limit.low), high=min(one.high, limit.high))
            else:
                others.append(one)
        return None if limit.low > limit.high else replace(self, limits=(*others, limit))
