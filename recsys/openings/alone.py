"""What each class would bring were it the only new one: does not depend on the question, so it is worked out once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.openings.beside import Beside
from recsys.openings.points import Points
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
    access: NDArray[np.float32]
    points: Points
    saturation: Saturation

    def drawn(self, category: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_venues,) people a week drawn who would not come elsewhere, and with those who would leave another class.

        Both 0 where no hour is free; made once.
        """
        if category not in self._drawn:
            people, coming = np.zeros((2, self.slot_gain.shape[1]))
            for venue, given in self._given(category):
                people[venue], coming[venue], _ = self.beside(category).counts(given)
            self._drawn[category] = people, coming
        return self._drawn[category]

    @cached_property
    def _drawn(self) -> dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        return {}

    @cached_property
    def who(self) -> NDArray[np.float32] | None:
        """(n_categories * n_venues, n_points) people drawn of each point; None where there are very many."""
        n_categories, n_venues = self.slot_gain.shape[:2]
        if len(self.rate) * n_categories * n_venues > MOST_KEPT:
            return None
        who = np.zeros((n_categories * n_venues, len(self.rate)), dtype=np.float32)
        for category in range(n_categories):
            for venue, given in self._given(category):
                who[category * n_venues + venue] = self.beside(category).drawn(given)
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
        people = np.array([self.drawn(category)[0] for category in range(len(self.slot_gain))])
        total = (self.who @ worth).reshape(people.shape)
        return np.asarray(total / np.maximum(people, 1e-12), dtype=np.float64)

    def _given(self, category: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Each venue that has a free hour, and (n_points,) access that a class there gives at its best."""
        gain = self.slot_gain[category]
        for venue in np.flatnonzero(gain.max(axis=1, initial=-1.0) >= 0).tolist():
            yield venue, self.points.reach(venue) * self.points.fit(int(gain[venue].argmax()))
