"""People who come to classes that may be opened in part: a concave function, by category."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.attendance import filled, more_filled
from recsys.openings.classes.rooms import most_places
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import Choices

N_STEPS = 12
"""Steps at most where a tangent is low for many categories; each costs two products of people by venues."""

MOST_STEPS = 24
"""The same for few categories, which take less time."""

CLOSE = 5e-3
"""Relative distance of value and bound at which steps end: gaps are told in per cent."""

HALVINGS = 5
"""Of a way to a corner."""


class ConcaveModel:
    """People a week who come, by shares of classes; points stand in the order of age groups, each a matrix product.

    Shares and gains are (n_categories, n_venues, n_hours), values (n_categories,): categories do not share people.

    Args:
        inputs: People and venues.
        worth: (n_points,) of one person, None where all weigh the same.
        slots: (n_hours,) weekly slots.
    """

    def __init__(self, inputs: OpeningInputs, worth: NDArray[np.float32] | None, slots: NDArray[np.int64]) -> None:
        self.saturation = inputs.saturation
        by_age = inputs.points.by_age
        self.groups, self.reach = by_age.groups, by_age.reach
        self.fit = inputs.slot_fit[:, slots].astype(np.float64)
        weight = np.float32(inputs.bias) * inputs.show[None, :]
        weight = weight if worth is None else weight * worth[:, None]
        self.rate = (inputs.rate * weight)[by_age.order]
        self.now = inputs.access[by_age.order]
        self.used_now = self.saturation.used(self.now)

    def only(self, categories: NDArray[np.int64]) -> ConcaveModel:
        """That of some categories."""
        some = copy(self)
        some.rate, some.now, some.used_now = (of[:, categories] for of in (self.rate, self.now, self.used_now))
        return some

    def access(self, share: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_points, n_categories) access of each point to each category."""
        access = self.now.copy()
        for at, fit in zip(self.groups, self.fit, strict=True):
            access[at] += self.reach[at] @ (share @ fit).T.astype(np.float32)
        return access

    def value(self, access: NDArray[np.float32]) -> NDArray[np.float64]:
        """People a week more than now."""
        more = self.saturation.used(access) - self.used_now
        more *= self.rate
        return np.asarray(more.sum(axis=0, dtype=np.float64))

    def gain(self, access: NDArray[np.float32]) -> NDArray[np.float64]:
        """People a week that a little more of each class at each hour brings."""
        weight = self.saturation.slope(access)
        weight *= self.rate
        at_mean_time = [(weight[at].T @ self.reach[at]).astype(np.float64) for at in self.groups]
        return np.asarray(np.stack(at_mean_time, axis=-1) @ self.fit)

    def step(self, access: NDArray[np.float32], way: NDArray[np.float32], *, together: bool) -> NDArray[np.float64]:
        """(n_categories,) how far to go along a way to a corner: a little farther in 32nds would lose.

        Args:
            access: Where to go from.
            way: From there to the corner.
            together: Whether what all categories gain counts, not each.
        """
        weight, between = self.rate * way, np.empty_like(access)
        low, part = np.zeros(way.shape[1], dtype=np.float32), np.float32(1)
        for _ in range(HALVINGS):
            part /= 2
            np.multiply(way, low + part, out=between)
            between += access
            slope = self.saturation.slope(between, out=between)
            slope *= weight
            gain = slope.sum(axis=0)
            low += part * ((gain.sum() if together else gain) > 0)
        return np.maximum(low, part / 2).astype(np.float64)


@dataclass(frozen=True)
class Seats:
    """What rooms leave of what classes would bring: people beyond the places of a class are turned away.

    Of a class that would draw `m` in the mean, and more who would leave others for it, `filled(m)` come at most. That
    is concave, and no class draws more beside others than alone.

    Attributes:
        unit: (n_categories, 1, 1) most that one who has a place is worth.
        places: (n_categories, n_venues, 1) most places of a class.
        spread: Of a week's demand.
    """

    unit: NDArray[np.float64]
    places: NDArray[np.float64]
    spread: float

    @staticmethod
    def of(choices: Choices, worth: NDArray[np.float32] | None) -> Seats:
        """Those of a question."""
        inputs = choices.inputs
        unit = inputs.show.astype(np.float64) * (1.0 if worth is None else float(worth.max(initial=0.0)))
        places = most_places(inputs.venues, inputs.typical_size, choices.question.max_size)
        return Seats(np.maximum(unit, 1e-12)[:, None, None], np.maximum(places, 1.0)[..., None], inputs.spread)

    def only(self, categories: NDArray[np.int64]) -> Seats:
        """Those of some categories."""
        return Seats(self.unit[categories], self.places[categories], self.spread)

    def left(self, gain: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Of what classes would bring what is left at most, and how much that rises with it, both of the same shape."""
        return _left(gain, self.unit, self.places, self.spread)

    def of_classes(self, category: int, venue: NDArray[np.int64], gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_classes,) what is left at most of what classes of a category would bring at some venues."""
        return _left(gain, self.unit[category, 0, 0], self.places[category, venue, 0], self.spread)[0]


def _left(
    gain: NDArray[np.float64], unit: NDArray[np.float64] | float, places: NDArray[np.float64], spread: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    mean = gain / unit
    slope = more_filled(mean, places, spread)
    # Where very many come the normal curve says that more fill fewer places.
    left = np.where(slope >= 0, filled(mean, places, spread), places)
    return np.minimum(unit * left, gain), np.clip(slope, 0.0, 1.0)


def shares(
    model: ConcaveModel,
    seats: Seats,
    corner_of: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    together: bool = False,
) -> NDArray[np.float64]:
    """Shares of classes at which each category's tangent, see `recsys.openings.bounds.bound.bound_of`, is low.

    Frank-Wolfe steps: to the classes that bring most at the tangent, of each the part that its room does not cut.

    Args:
        model: People who come.
        seats: What rooms leave.
        corner_of: Shares of the classes that bring most, by what each brings.
        together: Of all categories the sum is to be low, not each.
    """
    access = model.now.copy()
    share = np.zeros((access.shape[1], model.reach.shape[1], model.fit.shape[1]))
    best, kept = np.full(len(share), np.inf), share.copy()
    for _ in range(max(N_STEPS, min(MOST_STEPS, 12 * N_STEPS // max(len(share), 1)))):
        value, gain = model.value(access), model.gain(access)
        left, slope = seats.left(gain)
        corner = corner_of(left)
        bound = value + _total(left, corner) - _total(gain, share)
        is_lower = bound < best if not together else np.full(len(best), bound.sum() < best.sum())
        kept[is_lower], best[is_lower] = share[is_lower], bound[is_lower]
        corner = slope * corner - share
        if float(_total(gain, corner).sum()) < CLOSE * float(value.sum()):
            break
        way = model.access(share + corner)
        way -= access
        step = model.step(access, way, together=together)
        share = share + step[:, None, None] * corner
        access += step.astype(np.float32) * way
    return kept


def _total(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_categories,) sums of products over classes and hours."""
    return np.asarray(np.einsum("cvh,cvh->c", a, b))
