"""What a further set of classes is worth to the programme of even plans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.openings.evenness.class_sets import ClassSet

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Duals:
    """What a further set of classes is worth to the programme: `net`, in its objective.

    Attributes:
        reach: Of a person.
        place: (n_venues,) of a place.
        start: (n_categories, n_venues) of a class, its costs and its slot paid.
        category: (n_categories,) of the category's one set.
        hours: (n_slots,) of a slot, by venue, where classes of several categories want the same.
    """

    reach: float
    place: Array
    start: Array
    category: Array
    hours: dict[int, Array]

    def net(self, one: ClassSet) -> float:
        """What a set would bring: above 0, the programme gains by it."""
        c = one.category
        people = self.reach * one.reach
        classes = (self.place[o.venue] * o.size + self.start[c, o.venue] for o in one.openings)
        hours = (self.hours[v][slot] for v, slot in one.hours if v in self.hours)
        return float(self.category[c] + people + sum(classes) + sum(hours))
