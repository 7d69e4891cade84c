"""What a set of new classes brings: people a week who would not have come to the category elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, ndtr

from recsys.openings.inputs import OpeningInputs

BUSY = 1.645
"""Standard deviations above the mean of a week that one in twenty is busier than."""

ROUNDING = 1e-4
"""Part by which sums in single precision may be off at most."""


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


def filled(mean: NDArray[np.float64] | float, size: NDArray[np.float64] | float, spread: float) -> NDArray[np.float64]:
    """Expected places taken of `size` when demand is about normal with a Poisson and a relative spread."""
    mean = np.asarray(mean, dtype=np.float64)
    sd = np.sqrt(np.maximum(mean + (spread * mean) ** 2, 1e-12))
    z = (np.asarray(size, dtype=np.float64) - mean) / sd
    over = sd * (np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi) - z * ndtr(-z))
    return np.minimum(np.maximum(mean - over, 0.0), size)


def planned_places(
    coming: NDArray[np.float64] | float,
    most: NDArray[np.float64] | float,
    usual: NDArray[np.float64] | float,
    spread: float,
) -> NDArray[np.float64]:
    """Places for one week in twenty to be full of `coming` people a week: at least the usual ones, at most `most`."""
    busy = np.asarray(coming + BUSY * np.sqrt(coming + np.square(spread * coming)), dtype=np.float64)
    return np.minimum(most, np.maximum(usual, np.ceil(busy)))


def week_interval(mean: float, spread: float, weeks: NDArray[np.floating[Any]]) -> tuple[float, float]:
    """10 and 90 % quantiles of the people of one week drawn from several: negative-binomial counts, mixed.

    Args:
        mean: People a week in the mean of the weeks.
        spread: Standard deviation of a week relative to its mean, beyond counting noise.
        weeks: (n_weeks,) how much each is wanted, 1 in the mean.

    >>> week_interval(10.0, 0.3, np.ones(13))
    (5.0, 16.0)
    """
    means = np.maximum(mean * np.asarray(weeks, dtype=np.float64), 1e-9)
    shape = 1.0 / max(spread, 1e-3) ** 2
    asked, chance = np.array([0.1, 0.9]), shape / (shape + means)
    # Nine weeks of ten have fewer people than three standard deviations more than the mean (Cantelli's inequality).
    most = np.ceil((means + 3 * np.sqrt(means + means**2 / shape)).max())
    low, high = np.full(2, -1.0), np.full(2, most)
    while (high - low > 1).any():
        middle = np.floor(0.5 * (low + high))
        reached = betainc(shape, middle[:, None] + 1, chance).mean(axis=1) >= asked
        low, high = np.where(reached, low, middle), np.where(reached, middle, high)
    return float(high[0]), float(high[1])


class Audience:
    """What people can reach, as classes are opened one after another."""

    def __init__(self, inputs: OpeningInputs, worth: NDArray[np.float32] | None = None) -> None:
        self.inputs = inputs
        self.worth = worth
        self._access: dict[int, NDArray[np.float32]] = {}
        self._now: dict[int, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]] = {}
        self._scratch = [np.empty(len(inputs.size), dtype=np.float32) for _ in range(5)]
        # What was worked out since classes of a category last changed.
        self._openings: dict[int, dict[tuple[int, int, float, float | None], Opening]] = {}
        self._most: dict[int, NDArray[np.float64]] = {}

    def access(self, category: int) -> NDArray[np.float32]:
        """(n_points,) access to what runs and to what has been opened."""
        return self._access.get(category, self.inputs.access[:, category])

    def given(self, venue: int, slot: int) -> NDArray[np.float32]:
        """(n_points,) access that a class there gives."""
        return self.inputs.points.reach(venue) * self.inputs.points.fit(slot)

    def drawn(self, category: int, venue: int, slot: int) -> NDArray[np.float32]:
        """(n_points,) people a week whom a class would draw and who would not have come elsewhere, its size aside."""
        return self._drawn(category, venue, slot)[0].copy()

    def _drawn(self, category: int, venue: int, slot: int) -> tuple[NDArray[np.float32], float]:
        """`drawn`, and the people a week who would want a place: with them who would leave another class for it.

        What is drawn stands in an array that the next call writes to: making new ones takes longer than counting.
        """
        i = self.inputs
        if category not in self._now:
            now = np.ascontiguousarray(self.access(category))
            rate = np.float32(i.bias) * i.rate[:, category]
            self._now[category] = now, i.saturation.used(now), rate
        now, used, rate = self._now[category]
        given, access, *scratch = self._scratch
        np.multiply(i.points.reach(venue), i.points.fit(slot), out=given)
        people, taken = i.saturation.with_class(np.add(now, given, out=access), given, scratch)
        people -= used
        people *= rate
        return people, float(rate @ taken)

    def opening(self, category: int, venue: int, slot: int, size: float, usual: float | None = None) -> Opening:
        """The class with what it would bring now; worked out once until its category changes.

        Who would leave another class for it takes places too: what a full room turns away is shared by all who want
        one.

        Args:
            category: Category row.
            venue: Venue row.
            slot: Slot row.
            size: Places; with `usual`, the most there can be.
            usual: Places are planned for one week in twenty to be full, at least these, at most `size`.
        """
        known, key = self._openings.setdefault(category, {}), (venue, slot, size, usual)
        if key not in known:
            known[key] = self._valued(category, venue, slot, size, usual)[0]
        return known[key]

    def _valued(
        self, category: int, venue: int, slot: int, size: float, usual: float | None
    ) -> tuple[Opening, NDArray[np.float32]]:
        """The class as `opening` gives it, and (n_points,) whom it would draw, in the array of `_drawn`."""
        i = self.inputs
        drawn, coming = self._drawn(category, venue, slot)
        if usual is not None:
            size = float(planned_places(coming, size, usual, i.spread))
        total = float(drawn.sum())
        admitted = float(filled(coming, size, i.spread)) / max(coming, 1e-12)
        taken = total * admitted * float(i.show[category])
        worth = taken if self.worth is None else taken * float(drawn @ self.worth) / max(total, 1e-12)
        return Opening(category, venue, slot, size, taken, worth), drawn

    def most_worth(self, category: int, venue: int, slot: int) -> float:
        """A class is worth no more than this, as though it used nobody up; worked out at once for all venues."""
        i = self.inputs
        if category not in self._most:
            weight = i.rate[:, category] * i.saturation.slope(self.access(category))
            weight = weight if self.worth is None else weight * self.worth
            sums = i.points.sums_by_age(weight).astype(np.float64)
            self._most[category] = sums * (i.bias * float(i.show[category]) * (1 + ROUNDING))
        return float(self._most[category][:, venue] @ i.slot_fit[:, slot])

    def take(self, opening: Opening) -> None:
        """Opens the class: the people it draws are less free for the next of its category."""
        self._access[opening.category] = self.access(opening.category) + self.given(opening.venue, opening.slot)
        self._changed(opening.category)

    def in_turn(self, opened: Iterable[Opening]) -> Iterator[tuple[Opening, NDArray[np.float32]]]:
        """Yields each class as valued beside those before it, with whom it would draw (`drawn`), and opens it."""
        for o in opened:
            valued, drawn = self._valued(o.category, o.venue, o.slot, o.size, None)
            yield valued, drawn.copy()
            self.take(o)

    def forget(self, category: int) -> None:
        """Takes back every class of a category."""
        self._access.pop(category, None)
        self._changed(category)

    def _changed(self, category: int) -> None:
        self._now.pop(category, None)
        self._openings.pop(category, None)
        self._most.pop(category, None)


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
    return replace(
        inputs,
        runs_now=runs,
        run_fit=fit,
        access=np.maximum(access, 0.0).astype(np.float32),
        venues=inputs.venues.assign(free_slots=free),
    )
