"""Chooses classes: the best next one again and again, then exchanges while they help."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.attendance import filled, planned_places
from recsys.openings.classes.rooms import Rooms, free_slots, most_places
from recsys.openings.classes.value import Audience, Opening
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import Choices

MIN_TAKEN = 1e-6

EXCHANGE_UP_TO = 15
"""Classes up to which exchanges are tried; in larger plans they changed less than a thousandth of the gain."""


def point_worth(choices: Choices) -> NDArray[np.float32] | None:
    """(n_points,) the planner's weight of one person of each point, None where all weigh the same."""
    inputs, question = choices.inputs, choices.question
    if not question.region_weights and not question.age_weights:
        return None
    weight = np.ones(len(inputs.tree), dtype=np.float32)
    given = {int(inputs.tree.ids.nums([r])[0]): w for r, w in question.region_weights.items()}
    for num in range(len(weight)):
        parent = inputs.tree.parents[num]
        weight[num] = given.get(num, weight[parent] if parent >= 0 else 1.0)
    ages = np.array([question.age_weights.get(a, 1.0) for a in inputs.age_groups], dtype=np.float32)
    by_region = np.where(inputs.point_region >= 0, weight[np.maximum(inputs.point_region, 0)], 1.0)
    return (by_region * ages[inputs.age_group]).astype(np.float32)


class Search:
    """One question being answered."""

    def __init__(self, inputs: OpeningInputs, choices: Choices, worth: NDArray[np.float32] | None = None) -> None:
        self.inputs = inputs
        self.choices = choices
        self.audience = Audience(inputs, point_worth(choices) if worth is None else worth)
        self.opened: list[Opening] = []
        self._pairs: set[tuple[int, int]] = set()
        self._n_opened = np.zeros(len(inputs.categories), dtype=np.int64)
        self._spent = 0.0
        self.rooms = Rooms(inputs.slots, inputs.spare_rooms)
        self.free = free_slots(inputs.venues)
        self.usual = inputs.typical_size.astype(np.float64)
        self.most_places = most_places(inputs.venues, self.usual, choices.question.max_size)
        # Of each venue the slots of all categories, and what was free when they were found.
        self._best_slots: dict[int, tuple[NDArray[np.bool_], list[int | None]]] = {}
        # By group, beside what runs now: enough to choose the slot.
        self.slot_gain = inputs.slot_gain

    def places(self, coming: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_categories, n_venues) places planned for classes of so many people a week."""
        return planned_places(coming, self.most_places, self.usual[:, None], self.inputs.spread)

    def best_at(self, category: int, venue: int) -> Opening | None:
        """The class at its best slot with a free room, as things stand; None without one."""
        slot = self.best_slot(category, venue)
        return None if slot is None else self.at_hour(category, venue, slot)

    def best_slot(self, category: int, venue: int) -> int | None:
        """The slot with a free room at which a class gains most, None without one."""
        free = self.rooms.free(venue)
        known = self._best_slots.get(venue)
        if known is None or known[0] is not free:
            gains = np.where(free, self.slot_gain[:, venue], -1.0)
            is_any = gains.max(axis=1, initial=-1.0) >= 0
            best = gains.argmax(axis=1).tolist() if is_any.any() else [0] * len(gains)
            known = free, [slot if free else None for slot, free in zip(best, is_any, strict=True)]
            self._best_slots[venue] = known
        return known[1][category]

    def at_hour(self, category: int, venue: int, slot: int) -> Opening:
        """The class in a slot, as things stand."""
        most, usual = float(self.most_places[category, venue]), float(self.usual[category])
        return self.audience.opening(category, venue, slot, most, usual)

    def run(self) -> list[Opening]:
        """The plan, most valuable first, after what must open."""
        for category, venue in self.choices.fixed:
            opening = self.best_at(category, venue)
            if opening is not None:
                self._open(opening)
        n_fixed = len(self.opened)
        self._greedy()
        if self.choices.question.effort == "search" and self.choices.question.costs is None:
            self._exchange(n_fixed)
        return self.opened

    def fits(self, category: int, venue: int) -> bool:
        """Whether a class may be opened beside those that are: money, teachers and slots; its hour aside."""
        return (
            bool(self.choices.allowed[category, venue])
            and self.free[venue] >= 1
            and self._n_opened[category] + 1 <= self.choices.teachers[category]
            and self._spent + self.choices.costs[category] <= self.choices.spendable
            and (category, venue) not in self._pairs
        )

    def _open(self, opening: Opening) -> None:
        self.opened.append(opening)
        self._pairs.add((opening.category, opening.venue))
        self._n_opened[opening.category] += 1
        self._spent = float(self.choices.costs @ self._n_opened)
        self.audience.take(opening)
        self._hold(opening)

    def _hold(self, opening: Opening) -> None:
        """Takes a slot and a room."""
        self.free[opening.venue] -= 1
        self.rooms.take(opening.venue, opening.slot)

    def _rate(self, worth: float, category: int) -> float:
        return worth / max(float(self.choices.costs[category]), 1e-9)

    def candidates(self) -> list[tuple[float, int, int, int]]:
        """What each class would bring were it the only new one, as a heap: beside others none brings more."""
        i, allowed = self.inputs, self.choices.allowed
        people, coming = np.zeros((2, *allowed.shape))
        for category in np.flatnonzero(allowed.any(axis=1)).tolist():
            people[category], coming[category] = i.alone.drawn(category)
        admitted = filled(coming, self.places(coming), i.spread) / np.maximum(coming, 1e-12)
        worth = people * admitted * i.show[:, None] * i.alone.mean_worth(self.audience.worth)
        bound = np.where(allowed, worth, 0.0) / np.maximum(self.choices.costs, 1e-9)[:, None]
        heap = [(-float(bound[c, v]), int(c), int(v), -1) for c, v in zip(*np.nonzero(bound > MIN_TAKEN), strict=True)]
        heapq.heapify(heap)
        return heap

    def _greedy(self) -> None:
        """Lazy greedy: a candidate is valued again only when its old value, an upper bound, is the highest.

        A value stays what it is until another class of the category, or at the venue, is opened. Where rooms turn
        people away, or hours are taken, an old value may be a little below the new one: that class then comes late.
        """
        heap, budget = self.candidates(), self.choices.spendable
        cheapest = float(self.choices.costs[self.choices.allowed.any(axis=1)].min(initial=np.inf))
        least = max(self.choices.question.min_attendance, MIN_TAKEN)
        at_category = np.bincount([o.category for o in self.opened], minlength=len(self.choices.allowed))
        at_venue = np.bincount([o.venue for o in self.opened], minlength=self.choices.allowed.shape[1])
        while heap and self._spent + cheapest <= budget:
            _, category, venue, stamp = heapq.heappop(heap)
            slot = self.best_slot(category, venue) if self.fits(category, venue) else None
            if slot is None:
                continue
            now = int(at_category[category] + at_venue[venue])
            opening = self.at_hour(category, venue, slot)
            if opening.attendance < least:
                continue
            if stamp == now:
                self._open(opening)
                at_category[category] += 1
                at_venue[venue] += 1
            else:
                heapq.heappush(heap, (-self._rate(opening.worth, category), category, venue, now))

    def _exchange(self, n_fixed: int, passes: int = 2) -> None:
        """Gives up each class in turn for the best one in its place, while the plan gets better."""
        if len(self.opened) > EXCHANGE_UP_TO:
            return
        for _ in range(passes):
            improved = False
            for given_up in list(self.opened[n_fixed:]):
                before = sum(o.worth for o in self.opened)
                kept = [o for o in self.opened if o is not given_up]
                old = self.opened
                self.reset(kept)
                self._greedy()
                if sum(o.worth for o in self.opened) > before * (1 + 1e-9):
                    improved = True
                else:
                    self.reset(old)
            if not improved:
                return

    def reset(self, openings: list[Opening]) -> None:
        """Starts again from given classes, each valued beside those before it.

        Categories do not share people, nor venues rooms: where the same classes stay nothing is worked out again.
        """
        categories = _changed(self.opened, openings, lambda o: o.category)
        venues = _changed(self.opened, openings, lambda o: o.venue)
        for category in categories:
            self.audience.forget(category)
        slots = free_slots(self.inputs.venues)
        for venue in venues:
            self.free[venue] = slots[venue]
            self.rooms.clear_at(venue)
        self.opened = []
        for o in openings:
            one = o
            if o.category in categories:
                one = self.audience.opening(o.category, o.venue, o.slot, o.size)
                self.audience.take(one)
            if o.venue in venues:
                self._hold(one)
            self.opened.append(one)
        self._pairs = {(o.category, o.venue) for o in openings}
        self._n_opened = np.bincount([o.category for o in openings], minlength=len(self._n_opened)).astype(np.int64)
        self._spent = float(self.choices.costs @ self._n_opened)


def _changed(before: list[Opening], after: list[Opening], key: Callable[[Opening], int]) -> set[int]:
    """Keys whose classes are not the same in the same order."""
    of_each: tuple[dict[int, list[Opening]], dict[int, list[Opening]]] = {}, {}
    for found, opened in zip(of_each, (before, after), strict=True):
        for o in opened:
            found.setdefault(key(o), []).append(o)
    return {one for one in of_each[0] | of_each[1] if of_each[0].get(one) != of_each[1].get(one)}
