"""What each class would bring were it the only new one: does not depend on the question, so it is worked out once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.openings.learned.beside import Beside
from recsys.openings.learned.hours import Kinds
from recsys.openings.learned.points import Points
from recsys.openings.learned.saturation import Saturation

MOST_KEPT = 20_000_000
"""Figures kept of who would come to which class: 80 MB."""


MOST_PAIRED = 500_000_000
"""Pairs of classes of a category times points up to which they are valued beside each other: 0.03 s."""


@dataclass(frozen=True)
class Pairs:
    """Classes of a category beside each other, each at the hours of one kind (`recsys.openings.learned.hours.Kinds`).

    Attributes:
        venue: (n_classes,) venue rows.
        kind: (n_classes,) kinds of hours.
        drawn: (n_classes,) people a week whom a class draws at most, alone.
        more: (n_classes, n_classes) whom the second draws at most beside the first; -inf at one venue.
        first: (n_pairs,) classes of pairs at two venues, those that draw most together first.
        second: (n_pairs,) the other classes.
    """

    venue: NDArray[np.int64]
    kind: NDArray[np.int64]
    drawn: NDArray[np.float64]
    more: NDArray[np.float64]
    first: NDArray[np.int64]
    second: NDArray[np.int64]

    @staticmethod
    def of(
        venue: NDArray[np.int64], kind: NDArray[np.int64], drawn: NDArray[np.float64], less: NDArray[np.float64]
    ) -> Pairs:
        """Of which two draw (n_classes, n_classes) `less` together than apart."""
        more = np.where(venue[:, None] == venue[None, :], -np.inf, drawn[None, :] - less)
        first, second = np.nonzero(np.triu(np.isfinite(more)))
        order = np.argsort(-(drawn[first] + more[first, second]), kind="stable")
        return Pairs(venue, kind, drawn, more, first[order], second[order])


@dataclass(frozen=True)
class Alone:
    """Every class at its best hour, to first order, beside what runs now; people before any turning away.

    Attributes:
        slot_gain: (n_categories, n_venues, n_slots) about the gain of each hour, negative where no room is.
        bias: This and the rest as in `recsys.openings.learned.inputs.OpeningInputs`.
        kinds: Of hours.
    """

    slot_gain: NDArray[np.float64]
    bias: float
    rate: NDArray[np.float32]
    access: NDArray[np.float32]
    points: Points
    saturation: Saturation
    age_group: NDArray[np.int64]
    kinds: Kinds

    def with_access(self, access: NDArray[np.float32], changed: Collection[int]) -> Alone:
        """The same beside other access of some categories; what is known of the others is kept."""
        after = replace(self, access=access)
        for name in ("_drawn", "_beside", "_pairs"):
            kept = {category: known for category, known in getattr(self, name).items() if category not in changed}
            getattr(after, name).update(kept)
        return after

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

    def pairs(self, category: int) -> Pairs | None:
        """Classes beside each other, made once; None where there are none, or very many."""
        if category not in self._pairs:
            self._pairs[category] = self._paired(category)
        return self._pairs[category]

    def pair_all(self) -> None:
        """Values classes of all categories beside each other: the first question would wait for it."""
        for category in range(len(self.slot_gain)):
            self.pairs(category)

    @cached_property
    def _pairs(self) -> dict[int, Pairs | None]:
        return {}

    def _paired(self, category: int) -> Pairs | None:
        fit = self.kinds.fit
        venue, kind = np.nonzero(fit.any(axis=2))
        if not 0 < len(self.rate) * len(venue) ** 2 <= MOST_PAIRED:
            return None
        reach = [self.points.reach(v) for v in venue.tolist()]
        liked = fit[venue, kind]

        def given(at: slice) -> NDArray[np.float32]:
            access = np.stack([one[at] for one in reach])
            access *= liked[:, self.age_group[at]]
            return access

        return Pairs.of(venue, kind, *self.beside(category).together(given))

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
