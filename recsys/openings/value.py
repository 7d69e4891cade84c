"""What a set of new classes brings: people a week who would not have come to the category elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from recsys.openings.inputs import OpeningInputs


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
    return np.clip(mean - over, 0.0, size)


class Audience:
    """What people can reach, as classes are opened one after another."""

    def __init__(self, inputs: OpeningInputs, worth: NDArray[np.float32] | None = None) -> None:
        self.inputs = inputs
        self.worth = worth
        self._access: dict[int, NDArray[np.float32]] = {}
        self._now: dict[int, tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]] = {}
        # Columns of row-major arrays are slow to read again and again.
        self._reach = np.ascontiguousarray(inputs.reach.T)

    def access(self, category: int) -> NDArray[np.float32]:
        """(n_points,) access to what runs and to what has been opened."""
        return self._access.get(category, self.inputs.access[:, category])

    def pull(self, venue: int, slot: int) -> NDArray[np.float32]:
        """(n_points,) access that a class there gives."""
        i = self.inputs
        return self._reach[venue] * i.slot_fit[:, slot][i.age_group]

    def drawn(self, category: int, venue: int, slot: int) -> NDArray[np.float32]:
        """(n_points,) people a week whom a class would draw, its size aside."""
        i = self.inputs
        if category not in self._now:
            now = np.ascontiguousarray(self.access(category))
            rate = np.float32(i.bias) * i.rate[:, category]
            self._now[category] = now, i.saturation.used(now), rate
        now, used, rate = self._now[category]
        return rate * (i.saturation.used(now + self.pull(venue, slot)) - used)

    def opening(self, category: int, venue: int, slot: int, size: float) -> Opening:
        """The class with what it would bring now."""
        i = self.inputs
        drawn = self.drawn(category, venue, slot)
        total = float(drawn.sum())
        taken = float(filled(total, size, i.spread)) * float(i.show[category])
        worth = taken if self.worth is None else taken * float(drawn @ self.worth) / max(total, 1e-12)
        return Opening(category, venue, slot, size, taken, worth)

    def take(self, opening: Opening) -> None:
        """Opens the class: the people it draws are less free for the next of its category."""
        self._access[opening.category] = self.access(opening.category) + self.pull(opening.venue, opening.slot)
        self._now.pop(opening.category, None)

    def forget(self, category: int) -> None:
        """Takes back every class of a category."""
        self._access.pop(category, None)
        self._now.pop(category, None)


def without_classes(inputs: OpeningInputs, closing: list[tuple[int, int]]) -> OpeningInputs:
    """Inputs as they are once some running classes have ended."""
    if not closing:
        return inputs
    runs, fit, access = inputs.runs_now.copy(), inputs.run_fit.copy(), np.array(inputs.access)
    free = inputs.venues["free_slots"].to_numpy(dtype=np.float64).copy()
    for category, venue in closing:
        access[:, category] -= inputs.reach[:, venue] * fit[inputs.age_group, category, venue]
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
