"""How a platform's register grows: people known until some week, and those to come if they come as lately."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.demand.people import weeks_back
from recsys.dataset import Dataset

_GROWTH_WEEKS = 8
_LEAST = 0.05
"""A platform that filled its register late had people before: what lies below this share is not growth."""


@dataclass(frozen=True)
class Register:
    """Registrations by weeks back from `as_of`.

    Attributes:
        ages: (n_stated,) ascending.
        n_always: People who state no time: they count always.
    """

    ages: NDArray[np.float64]
    n_always: int

    @classmethod
    def of(cls, dataset: Dataset, as_of: pd.Timestamp) -> Register:
        """That of all platforms together; `as_of` by the local clock."""
        ages = weeks_back(dataset.users["registered_at"], dataset.timezone, as_of)
        stated = np.sort(ages[np.isfinite(ages)])
        return cls(stated, len(ages) - len(stated))

    def share(
        self, ages: NDArray[np.float64], *, seen: NDArray[np.float64] | float, over: float
    ) -> NDArray[np.float64]:
        """People registered so many weeks back (negative: ahead), over those of `over` weeks back.

        Seen from `seen` weeks back: who registered later is not known there, and from there on people come as in the 8
        weeks before it.
        """
        a_week = (self._by(seen) - self._by(np.add(seen, _GROWTH_WEEKS))) / _GROWTH_WEEKS
        people = self._by(np.maximum(ages, seen)) + a_week * np.maximum(np.subtract(seen, ages), 0.0)
        return np.asarray(np.maximum(people / max(float(self._by(over)), 1.0), _LEAST))

    def _by(self, ages: NDArray[np.float64] | float) -> NDArray[np.float64]:
        stated = len(self.ages) - np.searchsorted(self.ages, ages, side="right")
        return np.asarray(self.n_always + stated, dtype=np.float64)
