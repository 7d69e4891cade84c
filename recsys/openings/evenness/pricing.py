"""What a further set of classes is worth to the programme of even plans, and the sets that are worth most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.openings.evenness.class_sets import ClassSet, ClassSets

Array = NDArray[np.float64]

OTHERS = 2
"""Second-best classes on the way to a set that are offered with it."""

EPS = 1e-7
"""Parts of classes and gains in the coefficient up to this are nothing but rounding."""


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


def best_sets(sets: ClassSets, duals: Duals, category: int) -> list[ClassSet]:
    """Sets that grow by the class that brings most, and the next best of each step.

    A class brings no more beside others than alone: who brings less alone than the best beside them is not tried.
    """
    one, found = sets.least[category], list[ClassSet]()
    left, net = _worth_adding(sets, duals, category), duals.net(one)
    while left:
        tried: list[tuple[float, int, ClassSet]] = []
        for venue, (more, slot) in left.items():
            if len(tried) >= OTHERS and net + more <= sorted(t[0] for t in tried)[-OTHERS]:
                break
            with_one = sets.with_one(one, venue, slot)
            if with_one is not None:
                tried.append((duals.net(with_one), venue, with_one))
        tried.sort(key=lambda t: -t[0])
        found += [with_one for _, _, with_one in tried[:OTHERS]]
        if not tried or tried[0][0] <= net + EPS or not sets.further(tried[0][2]):
            break
        net, chosen, one = tried[0]
        del left[chosen]
    return found


def _worth_adding(sets: ClassSets, duals: Duals, category: int) -> dict[int, tuple[float, int]]:
    """Venues where a class alone would make the plan more even, most first: by how much, and its hour."""
    people, places = sets.alone(category)
    more = duals.reach * people + duals.place * places + duals.start[category]
    found = {}
    for venue in np.flatnonzero((more > EPS) & (people > 0)).tolist():
        slot = int(sets.best_slot[category, venue])
        if venue in duals.hours:
            gain = sets.search.slot_gain[category, venue]
            # To first order what an hour brings is in proportion to its gain; prices of hours are never above 0.
            worth = duals.reach * people[venue] * gain / max(float(gain[slot]), 1e-12) + duals.hours[venue]
            slot = int(np.argmax(np.where(gain >= 0, worth, -np.inf)))
            more[venue] += float(worth[slot]) - duals.reach * people[venue]
        if more[venue] > EPS:
            found[venue] = float(more[venue]), slot
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))
