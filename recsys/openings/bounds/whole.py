"""What one, two or three whole classes of a category bring at most: parts of classes tell little of so few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.openings.bounds.concave import Seats
from recsys.openings.bounds.limits import Limits
from recsys.openings.learned.alone import Pairs
from recsys.openings.learned.beside import Beside
from recsys.openings.learned.hours import N_KINDS
from recsys.openings.learned.inputs import OpeningInputs

FEW = 3
"""Classes that are bounded together."""

AT_ONCE = 16
"""Classes that are valued together before it is asked whether another can be better."""

MOST_VALUED = 64
"""Classes of a category that are valued at most, each in each of the inputs."""

PAIRS_AT_ONCE = 512

MOST_PAIRS = 16_384
"""Pairs of classes of a category beside which a third is looked for at most."""


@dataclass(frozen=True)
class Whole:
    """Whole classes of a question.

    Attributes:
        inputs: Worth is the mean of these.
        worth: (n_points,) of one person, None where all weigh the same.
        limits: What a plan may hold.
        seats: What rooms leave.
    """

    inputs: Sequence[OpeningInputs]
    worth: NDArray[np.float32] | None
    limits: Limits
    seats: Seats

    def of_few(self, category: int) -> NDArray[np.float64]:
        """(`FEW` + 1,) no 0, 1, ... classes bring more; inf where classes are not known beside each other."""
        pairs = self._pairs(category)
        if pairs is None:
            return np.array([np.inf if self.limits.fixed[category].any() else 0.0, *[np.inf] * FEW])
        left = self._left(category, pairs)
        of_kind = np.zeros((self.limits.free.shape[1], N_KINDS))
        of_kind[pairs.venue, pairs.kind] = left
        kind = self.inputs[0].alone.kinds.kind[self.limits.slots]
        show, free = float(self.inputs[0].show[category]), self.limits.free[category, pairs.venue]
        return np.array([0.0, self.of_one(category, of_kind[:, kind]), *_two_and_three(pairs, free, left, show)])

    def _pairs(self, category: int) -> Pairs | None:
        is_plain = self.worth is None and len(self.inputs) == 1 and not self.limits.fixed[category].any()
        return self.inputs[0].alone.pairs(category) if is_plain else None

    def _left(self, category: int, pairs: Pairs) -> NDArray[np.float64]:
        """(n_classes,) what each brings at most alone."""
        return self.seats.of_classes(category, pairs.venue, float(self.inputs[0].show[category]) * pairs.drawn)

    def of_one(self, category: int, alone: NDArray[np.float64]) -> float:
        """No class brings more: the most promising ones are valued until no other can be better.

        Args:
            category: Category row.
            alone: (n_venues, n_hours) no class brings more.
        """
        venue, hour = np.nonzero(self.limits.free[category][:, None] & self.limits.hours)
        order = np.argsort(-alone[venue, hour], kind="stable")
        venue, hour = venue[order], hour[order]
        best, bound = 0.0, alone[venue, hour]
        people = [one.alone.beside(category).weighed(self.worth) for one in self.inputs]
        for first in range(0, len(bound), AT_ONCE):
            if bound[first] <= best or first * len(self.inputs) >= MOST_VALUED:
                return max(best, float(bound[first]))
            at = slice(first, first + AT_ONCE)
            best = max(best, float(self._valued(category, people, venue[at], self.limits.slots[hour[at]]).max()))
        return best

    def _valued(
        self, category: int, people: Sequence[Beside], venue: NDArray[np.int64], slot: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(n_classes,) what each brings at most, were it the only one."""
        left = np.zeros(len(venue))
        for beside, one in zip(people, self.inputs, strict=True):
            points, hours = one.points, zip(venue.tolist(), slot.tolist(), strict=True)
            drawn = np.array([beside.counts(points.reach(v) * points.fit(s))[2] for v, s in hours])
            left += self.seats.of_classes(category, venue, float(one.show[category]) * drawn) / len(self.inputs)
        return left


def _two_and_three(
    pairs: Pairs, free: NDArray[np.bool_], left: NDArray[np.float64], show: float
) -> tuple[float, float]:
    """What two and what three classes bring at most.

    A third draws no more than beside either of two others. Of three that draw `m` together, so bounded, two draw two
    thirds of `m` or more: pairs are gone through from the best on, until no other can be of three that are better.

    Args:
        pairs: Classes of a category beside each other.
        free: (n_classes,) which may open.
        left: (n_classes,) what each brings at most alone.
        show: Share of people with a place who come.
    """
    some = free[pairs.first] & free[pairs.second]
    first, second = pairs.first[some], pairs.second[some]
    both, seats = show * (pairs.drawn[first] + pairs.more[first, second]), left[first] + left[second]
    one, two = (float(most.max(initial=0.0)) for most in (left[free], np.minimum(both, seats)))
    more, three = np.where(free, show * pairs.more, -np.inf), 0.0
    for start in range(0, len(first), PAIRS_AT_ONCE):
        if 1.5 * both[start] <= three or start >= MOST_PAIRS:
            three = max(three, 1.5 * float(both[start]))
            break
        at = slice(start, start + PAIRS_AT_ONCE)
        drawn = both[at, None] + np.minimum(more[first[at]], more[second[at]])
        three = max(three, float(np.minimum(drawn, seats[at, None] + left).max()))
    return max(one, two), max(one, two, three)
