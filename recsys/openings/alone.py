"""What each class would bring were it the only new one: does not depend on the question, so it is worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from recsys.openings.inputs import OpeningInputs

MOST_KEPT = 20_000_000
"""Figures kept of who would come to which class: 80 MB."""


@dataclass(frozen=True)
class Alone:
    """Every class at its best hour, to first order, beside what runs now; people before any turning away."""

    inputs: OpeningInputs

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
        n_categories, n_venues = self.inputs.slot_gain.shape[:2]
        if len(self.inputs.size) * n_categories * n_venues > MOST_KEPT:
            return None
        who = np.zeros((n_categories * n_venues, len(self.inputs.size)), dtype=np.float32)
        for category, venue, drawn, _ in self._each():
            who[category * n_venues + venue] = drawn
        return who

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
        people, coming = np.zeros(self.inputs.slot_gain.shape[:2]), np.zeros(self.inputs.slot_gain.shape[:2])
        for category, venue, drawn, wanting in self._each():
            people[category, venue], coming[category, venue] = drawn.sum(), wanting
        return people, coming

    def _each(self) -> Iterator[tuple[int, int, NDArray[np.float32], float]]:
        """Each class that has a free hour, the people of each point whom it would draw, and all who would come."""
        i = self.inputs
        reach, gain = np.ascontiguousarray(i.reach.T), i.slot_gain
        for category in range(len(i.categories)):
            now, rate = np.ascontiguousarray(i.access[:, category]), np.ascontiguousarray(i.rate[:, category])
            used = i.saturation.used(now)
            for venue in np.flatnonzero(gain[category].max(axis=1, initial=-1.0) >= 0).tolist():
                pull = reach[venue] * i.slot_fit[:, gain[category, venue].argmax()][i.age_group]
                with_class = i.saturation.used(now + pull)
                coming = float(rate @ (with_class * pull / np.maximum(now + pull, np.float32(1e-9))))
                yield category, venue, rate * (with_class - used), coming
