"""The classes of one category that a plan opens together, and what they bring."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.value import Opening
from recsys.openings.plans.search import MIN_TAKEN, Search

Hour = tuple[int, int]
"""A venue and a slot."""


@dataclass(frozen=True)
class ClassSet:
    """Classes of one category, each valued beside those before it."""

    category: int
    openings: tuple[Opening, ...]

    @cached_property
    def reach(self) -> float:
        """People a week who come."""
        return sum(o.attendance for o in self.openings)

    @cached_property
    def venues(self) -> tuple[int, ...]:
        """Venue rows, in order of opening."""
        return tuple(o.venue for o in self.openings)

    @cached_property
    def hours(self) -> tuple[Hour, ...]:
        """Venue and slot of each class, in order of opening."""
        return tuple((o.venue, o.slot) for o in self.openings)


class ClassSets:
    """Sets of classes within a question's limits on one category.

    Budget, free slots and hours of venues are limits of all categories together and are not looked at here.

    Args:
        search: Of the question; what it has opened is forgotten.
    """

    def __init__(self, search: Search) -> None:
        search.reset([])
        self.search = search
        self.choices = search.choices
        has_slots = search.slot_gain.shape[2] > 0
        self.best_slot = search.slot_gain.argmax(axis=2) if has_slots else np.zeros_like(self.choices.allowed, np.int64)
        self.allowed: NDArray[np.bool_] = self.choices.allowed & (search.slot_gain.max(axis=2, initial=-1.0) >= 0)
        self._beside: dict[tuple[int, tuple[Hour, ...], Hour], Opening] = {}
        self._alone: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}
        self.least = [self._least(category) for category in range(len(self.allowed))]

    def _least(self, category: int) -> ClassSet:
        """What must open of a category."""
        found = ClassSet(category, ())
        for fixed, venue in self.choices.fixed:
            if fixed == category and self.search.slot_gain[category, venue].max(initial=-1.0) >= 0:
                found = ClassSet(category, (*found.openings, self._beside_of(found, venue, None)))
        return found

    def further(self, of: ClassSet) -> list[int]:
        """Venues where one more class may open beside a set's."""
        if len(of.openings) >= self.choices.teachers[of.category]:
            return []
        return [v for v in np.flatnonzero(self.allowed[of.category]).tolist() if v not in of.venues]

    def with_one(self, of: ClassSet, venue: int, slot: int | None = None) -> ClassSet | None:
        """The set with one more class, at its best hour or in a slot; None where it would not be held."""
        opening = self._beside_of(of, venue, slot)
        if opening.attendance < max(self.choices.question.min_attendance, MIN_TAKEN):
            return None
        return ClassSet(of.category, (*of.openings, opening))

    def _beside_of(self, of: ClassSet, venue: int, slot: int | None) -> Opening:
        category, slot = of.category, int(self.best_slot[of.category, venue]) if slot is None else slot
        key = category, of.hours, (venue, slot)
        if key not in self._beside:
            audience = self.search.audience
            audience.forget(category)
            for o in of.openings:
                audience.take(o)
            self._beside[key] = self.search.at_hour(category, venue, slot)
            audience.forget(category)
        return self._beside[key]

    def alone(self, category: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_venues,) people a week who come to a class beside those that must open, at its best hour, and its places.

        Both 0 where none may open.
        """
        if category not in self._alone:
            people, places = np.zeros(self.allowed.shape[1]), np.zeros(self.allowed.shape[1])
            for venue in self.further(self.least[category]):
                one = self.with_one(self.least[category], venue)
                if one is not None:
                    people[venue], places[venue] = one.openings[-1].attendance, one.openings[-1].size
            self._alone[category] = people, places
        return self._alone[category]

    def of_plan(self, opened: Sequence[Opening]) -> list[ClassSet]:
        """The sets that a plan is made of, as far as its classes would be held."""
        found: dict[int, ClassSet] = {}
        for o in opened:
            one = found.get(o.category, self.least[o.category])
            if o.venue not in one.venues:
                one = self.with_one(one, o.venue, o.slot) or one
            found[o.category] = one
        return list(found.values())

    def plan(self, sets: Sequence[ClassSet]) -> tuple[Opening, ...]:
        """The classes of sets of different categories as a plan; who would come at a taken hour comes at another."""
        search, opened = self.search, []
        search.rooms.clear()
        for one in sets:
            search.audience.forget(one.category)
            for venue, slot in one.hours:
                has_room = search.rooms.free(venue)[slot]
                opening = search.at_hour(one.category, venue, slot) if has_room else search.best_at(one.category, venue)
                if opening is not None:
                    search.audience.take(opening)
                    search.rooms.take(venue, opening.slot)
                    opened.append(opening)
            search.audience.forget(one.category)
        search.rooms.clear()
        return tuple(opened)
