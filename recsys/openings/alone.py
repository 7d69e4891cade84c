"""What each class would bring were it the only new one: does not depend on the question, so it is worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.openings.beside import Beside
from recsys.openings.saturation import Saturation

MOST_KEPT = 20_000_000
"""Figures kept of who would come to which class: 80 MB."""


@dataclass(frozen=True)
class Alone:
    """Every class at its best hour, to first order, beside what runs now; people before any turning away.

    Attributes:
        slot_gain: (n_categories, n_venues, n_slots) about the gain of each hour, negative where no room is.
        bias: This and the rest as in `recsys.openings.inputs.OpeningInputs`.
    """

    slot_gain: NDArray[np.float64]
    bias: float
    rate: NDArray[np.float32]
    reach: NDArray[np.float32]
    access: NDArray[np.float32]
    age_group: NDArray[np.int64]
    slot_fit: NDArray[np.float32]
    saturation: Saturation

    @cached_property
    def people(self) -> NDArray[np.float64]:
        """(n_categories, n_venues) people a week drawn who would not come elsewhere; 0 where no hour is free."""
        return self._sums[0]

    @cached_property
    def coming(self) -> NDArray[np.float64]:
        """(n_categories, n_venues) the same with those who would leave another class for it."""
        return self._sums[1]

    @cached_property
    def who(self) -> NDArray[np.float32] | None:
        """(n_categories * n_venues, n_points) people of each point behind `people`; None where there are very many."""
        n_categories, n_venues = self.slot_gain.shape[:2]
        if len(self.rate) * n_categories * n_venues > MOST_KEPT:
            return None
        who = np.zeros((n_categories * n_venues, len(self.rate)), dtype=np.float32)
        for category, venue, beside, given in self._each():
            who[category * n_venues + venue] = beside.drawn(given)
        return who

    def beside(self, category: int) -> Beside:
        """Everybody beside what runs of a category now; made once."""
        if category not in self._beside:
            access, rate = (np.ascontiguousarray(of[:, category]) for of in (self.access, self.rate))
            self._beside[category] = Beside(self.saturation, access, np.float32(self.bias) * rate)
        return self._beside[category]

    @cached_property
    def _beside(self) -> dict[int, Beside]:
        return {}

    def mean_worth(self, worth: NDArray[np.float32] | None) -> NDArray[np.float64] | float:
        """(n_categories, n_venues) mean of the worth of those drawn, or no less than that."""
        if worth is None:
            return 1.0
        if self.who is None:
            return float(worth.max(initial=0.0))
        total = (self.who @ worth).reshape(self.people.shape)
        return np.asarray(total / np.maximum(self.people, 1e-12), dtype=np.float64)

    @cached_property
    def _sums(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        people, coming = np.zeros(self.slot_gain.shape[:2]), np.zeros(self.slot_gain.shape[:2])
        for category, venue, beside, given in self._each():
            people[category, venue], coming[category, venue], _ = beside.counts(given)
        return people, coming

    def _each(self) -> Iterator[tuple[int, int, Beside, NDArray[np.float32]]]:
        """Each class that has a free hour, with people beside what runs now and the access that it gives them."""
        reach = np.ascontiguousarray(self.reach.T)
        for category, gain in enumerate(self.slot_gain):
            beside = self.beside(category)
            for venue in np.flatnonzero(gain.max(axis=1, initial=-1.0) >= 0).tolist():
                yield category, venue, beside, reach[venue] * self.slot_fit[:, gain[venue].argmax()][self.age_group]
