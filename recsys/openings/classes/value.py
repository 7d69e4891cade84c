"""What a set of new classes brings: people a week who would not have come to the category elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.attendance import places_for, seated
from recsys.openings.learned.beside import Beside
from recsys.openings.learned.inputs import OpeningInputs


@dataclass(frozen=True)
class Opening:
    """One new class.

    Attributes:
        category: Category row.
        venue: Venue row.
        slot: Slot row.
        size: Places.
        attendance: People a week who come, beside what runs and the classes opened before it.
        worth: The same, each person counted with the planner's weight.
    """

    category: int
    venue: int
    slot: int
    size: float
    attendance: float
    worth: float


def worth_of(opened: Iterable[Opening]) -> float:
    """What classes are worth together, each as valued beside those before it."""
    return sum(o.worth for o in opened)


class Audience:
    """What people can reach, as classes are opened one after another."""

    def __init__(self, inputs: OpeningInputs, worth: NDArray[np.float32] | None = None) -> None:
        self.inputs = inputs
        self.worth = worth
        self._beside: dict[int, Beside] = {}
        self._scratch = [np.empty(len(inputs.size), dtype=np.float32) for _ in range(2)]
        # What was worked out since classes of a category last changed.
        self._openings: dict[int, dict[tuple[int, int, float, float | None], Opening]] = {}

    def access(self, category: int) -> NDArray[np.float32]:
        """(n_points,) access to what runs and to what has been opened."""
        return self._beside_now(category).access

    def given(self, venue: int, slot: int) -> NDArray[np.float32]:
        """(n_points,) access that a class there gives."""
        return self.inputs.points.reach(venue) * self.inputs.points.fit(slot)

    def drawn(self, category: int, venue: int, slot: int) -> NDArray[np.float32]:
        """(n_points,) people a week whom a class would draw and who would not have come elsewhere, its size aside."""
        return self._beside_now(category).drawn(self.given(venue, slot))

    def _beside_now(self, category: int) -> Beside:
        """People beside what runs of a category and what has been opened."""
        if category not in self._beside:
            self._beside[category] = self.inputs.alone.beside(category).weighed(self.worth)
        return self._beside[category]

    def opening(self, category: int, venue: int, slot: int, size: float, usual: float | None = None) -> Opening:
        """The class with what it would bring now; worked out once until its category changes.

        Who would leave another class for it takes places too: what a full room turns away is shared by all who want
        one.

        Args:
            category: Category row.
            venue: Venue row.
            slot: Slot row.
            size: Places; with `usual`, the most there can be.
            usual: Places are planned for one week in a hundred to be full, at least these, at most `size`.
        """
        known, key = self._openings.setdefault(category, {}), (venue, slot, size, usual)
        if key not in known:
            known[key] = self._valued(category, venue, slot, size, usual)
        return known[key]

    def _valued(self, category: int, venue: int, slot: int, size: float, usual: float | None) -> Opening:
        """The class as `opening` gives it."""
        i, (given, part) = self.inputs, self._scratch
        np.multiply(i.points.reach(venue), i.points.fit(slot), out=given)
        drawn, wanting, worth = self._beside_now(category).counts(given, part)
        if usual is not None:
            size = places_for(wanting, size, usual, i.spread)
        comes = seated(wanting, size, i.spread) / max(wanting, 1e-12) * float(i.show[category])
        return Opening(category, venue, slot, size, drawn * comes, worth * comes)

    def take(self, opening: Opening) -> None:
        """Opens the class: the people it draws are less free for the next of its category."""
        category, given = opening.category, self.given(opening.venue, opening.slot)
        self._beside[category] = self._beside_now(category).after(given)
        self._openings.pop(category, None)

    def in_turn(self, opened: Iterable[Opening]) -> Iterator[tuple[Opening, NDArray[np.float32]]]:
        """Yields each class as valued beside those before it, with whom it would draw (`drawn`), and opens it."""
        for o in opened:
            yield self.opening(o.category, o.venue, o.slot, o.size), self.drawn(o.category, o.venue, o.slot)
            self.take(o)

    def forget(self, category: int) -> None:
        """Takes back every class of a category."""
        self._beside.pop(category, None)
        self._openings.pop(category, None)


def with_people(inputs: OpeningInputs, opened: Iterable[Opening]) -> list[tuple[Opening, NDArray[np.float32]]]:
    """Classes as a plan counts them, in its order, each with the (n_points,) people it draws beside those before it.

    A full room turns people away whom a class opened after it counts: in another order the figures would be others.
    """
    audience, found = Audience(inputs), []
    for o in opened:
        found.append((o, audience.drawn(o.category, o.venue, o.slot)))
        audience.take(o)
    return found


def best_first(opened: Iterable[Opening]) -> list[int]:
    """Places in a plan in the order in which it is told: what is worth most first."""
    worth = [o.worth for o in opened]
    return sorted(range(len(worth)), key=lambda place: -worth[place])


def access_given(inputs: OpeningInputs, category: int, venue: int) -> NDArray[np.float32]:
    """(n_points,) access that what runs of a category at a venue gives."""
    return inputs.reach[:, venue] * inputs.run_fit[inputs.age_group, category, venue]


def without_classes(inputs: OpeningInputs, closing: list[tuple[int, int]]) -> OpeningInputs:
    """Inputs as they are once some running classes have ended."""
    if not closing:
        return inputs
    runs, fit, access = inputs.runs_now.copy(), inputs.run_fit.copy(), np.array(inputs.access)
    free = inputs.venues["free_slots"].to_numpy(dtype=np.float64).copy()
    for category, venue in dict.fromkeys(closing):
        access[:, category] -= access_given(inputs, category, venue)
        runs[category, venue] = False
        fit[:, category, venue] = 0.0
        free[venue] += 1
    after = replace(
        inputs,
        runs_now=runs,
        run_fit=fit,
        access=np.maximum(access, 0.0).astype(np.float32),
        venues=inputs.venues.assign(free_slots=free),
    )
    # What does not depend on what runs is worked out once for all questions.
    vars(after).update({name: getattr(inputs, name) for name in ("points", "spare_rooms", "slot_gain")})
    vars(after)["alone"] = inputs.alone.with_access(after.access, {category for category, _ in closing})
    return after
