"""How far the best plan can be above the one found: a bound from classes that may be opened in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choices
from recsys.openings.rooms import free_slots
from recsys.openings.value import Opening

N_STEPS = 20
"""Steps at most; each costs two products of people by venues, and later ones lower the bound by less than `CLOSE`."""

PARTS = 128
"""Of a way to a corner."""

CLOSE = 5e-3
"""Relative distance of value and bound at which steps end: gaps are told in per cent."""


def gap_of(worth: float, bound: float) -> float:
    """No plan is worth more than one of this worth by over this share of the bound."""
    return max(1.0 - worth / bound, 0.0) if bound > 0 else 0.0


def bound_of(
    choices: Choices,
    opened: Sequence[Opening],
    worth: NDArray[np.float32] | None,
    draws: Sequence[OpeningInputs] = (),
) -> float:
    """No plan of a question has more worth than this, whatever hours its classes are held at.

    People who come are a concave function of access, and access adds up over classes; with classes opened in part,
    nobody turned away and the least attendance left aside, the best plan is a concave programme over a knapsack.
    Frank-Wolfe steps from the plan found are taken on people who live together (`Condensed`); the bound is then that
    of the tangent at the last step, person by person (Jaggi 2013, ICML: the duality gap).

    Args:
        choices: The question.
        opened: A plan, from which steps begin: the better it is, the nearer the bound.
        worth: (n_points,) of one person, None where all weigh the same.
        draws: Worth is the mean of these inputs instead, see `recsys.openings.samples.draws_of`.
    """
    limits = Limits.of(choices)
    if not limits.free.any() and not limits.fixed.any():
        return 0.0
    inputs = choices.inputs
    start = np.zeros((*limits.free.shape, len(inputs.slots)))
    for o in opened:
        start[o.category, o.venue, o.slot] = 1.0
    near = inputs.together
    share = _steps(ConcaveModel(near.inputs, near.of(worth)), limits, start)
    value, gain = 0.0, np.zeros(share.shape)
    for one in draws or (inputs,):
        exact = ConcaveModel(one, worth)
        access = exact.access(share)
        value, gain = value + exact.value(access), gain + exact.gain(access)
    return (value + float((gain * (limits.best(gain) - share)).sum())) / max(len(draws), 1)


def _steps(model: ConcaveModel, limits: Limits, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of classes with the least bound on the way."""
    best, kept, access = np.inf, share, model.access(share)
    for _ in range(N_STEPS):
        value, gain = model.value(access), model.gain(access)
        corner = limits.best(gain)
        gap = float((gain * (corner - share)).sum())
        if value + gap < best:
            best, kept = value + gap, share
        if gap < CLOSE * value:
            break
        way = model.access(corner)
        way -= access
        step = model.step(access, way, gap)
        share = share + step * (corner - share)
        access += np.float32(step) * way
    return kept


@dataclass(frozen=True)
class Limits:
    """What a plan may hold: (n_categories, n_venues) masks, hours with a room, budget, costs, teachers, free slots."""

    free: NDArray[np.bool_]
    fixed: NDArray[np.bool_]
    hours: NDArray[np.bool_]
    budget: float
    costs: NDArray[np.float64]
    teachers: NDArray[np.float64]
    slots: NDArray[np.float64]

    @staticmethod
    def of(choices: Choices) -> Limits:
        """Those of a question."""
        hours = np.asarray(choices.inputs.spare_rooms >= 1)
        has_hour: NDArray[np.bool_] = np.asarray(hours.any(axis=1))
        fixed = np.zeros(choices.allowed.shape, dtype=bool)
        for category, venue in choices.fixed:
            # What must open but finds no free hour costs nothing.
            fixed[category, venue] = has_hour[venue]
        held = fixed.sum(axis=1)
        teachers = choices.teachers - held
        budget = choices.question.budget - float(choices.costs @ held)
        slots = free_slots(choices.inputs.venues) - fixed.sum(axis=0)
        return Limits(choices.allowed & has_hour & ~fixed, fixed, hours, budget, choices.costs, teachers, slots)

    def best(self, by_hour: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shares that bring at least as much as the best, at fixed gains: by gain per cost, as far as the budget goes.

        Where all cost the same and teachers do not limit, free slots hold too: the best first is then exact. Gains and
        shares are (n_categories, n_venues, n_slots); each class is held at the hour at which it gains most.
        """
        by_hour = np.where(self.hours, by_hour, -np.inf)
        hour, gain = by_hour.argmax(axis=2)[..., None], by_hour.max(axis=2)
        share = self.fixed.astype(np.float64)
        category, venue = np.nonzero(self.free & (gain > 0))
        order = np.argsort(-gain[category, venue] / np.maximum(self.costs[category], 1e-12), kind="stable")
        category, venue = category[order], venue[order]
        costs = self.costs[category]
        if np.isfinite(self.teachers).any() or (costs != costs[:1]).any():
            most = np.clip(self.teachers[category] - _nth(category), 0.0, 1.0)
        else:
            most = np.clip(np.floor(self.slots[venue]) - _nth(venue), 0.0, 1.0)
        cost = costs * most
        before = np.cumsum(cost) - cost
        part = np.where(cost > 0, np.clip((self.budget - before) / np.maximum(cost, 1e-12), 0.0, 1.0), 1.0)
        share[category, venue] = most * part
        found = np.zeros(by_hour.shape)
        np.put_along_axis(found, hour, share[..., None], axis=2)
        return found


def _nth(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) how many of the same key stand before each."""
    order = np.argsort(keys, kind="stable")
    nth = np.empty(len(keys), dtype=np.int64)
    nth[order] = np.arange(len(keys)) - np.searchsorted(keys[order], keys[order])
    return nth


class ConcaveModel:
    """People a week who come, by shares of classes; points stand in the order of age groups, each a matrix product.

    Shares and gains are (n_categories, n_venues, n_slots).
    """

    def __init__(self, inputs: OpeningInputs, worth: NDArray[np.float32] | None) -> None:
        self.saturation = inputs.saturation
        by_age = inputs.points.by_age
        self.groups, self.reach, self.fit = by_age.groups, by_age.reach, inputs.slot_fit.astype(np.float64)
        weight = np.float32(inputs.bias) * inputs.show[None, :]
        weight = weight if worth is None else weight * worth[:, None]
        self.rate = (inputs.rate * weight)[by_age.order]
        self.now = inputs.access[by_age.order]
        self.used_now = self.saturation.used(self.now)

    def access(self, share: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_points, n_categories) access of each point to each category."""
        access = self.now.copy()
        for at, fit in zip(self.groups, self.fit, strict=True):
            access[at] += self.reach[at] @ (share @ fit).T.astype(np.float32)
        return access

    def value(self, access: NDArray[np.float32]) -> float:
        """People a week more than now."""
        return self._product(self.rate, self.saturation.used(access) - self.used_now)

    def gain(self, access: NDArray[np.float32]) -> NDArray[np.float64]:
        """People a week that a little more of each class at each hour brings."""
        weight = self.saturation.slope(access)
        weight *= self.rate
        at_mean_time = [(weight[at].T @ self.reach[at]).astype(np.float64) for at in self.groups]
        return np.asarray(np.stack(at_mean_time, axis=-1) @ self.fit)

    def step(self, access: NDArray[np.float32], way: NDArray[np.float32], gain: float) -> float:
        """How far to go along a way to a corner, in 128ths: there a little farther still gains, the next loses.

        Tried is where the line between the last that gained and the first that lost is 0: fewer than by halving.

        Args:
            access: Where to go from.
            way: From there to the corner.
            gain: What a little of the way gains at its beginning.
        """
        weight, between = self.rate * way, np.empty_like(access)
        low, high, more, less = 0, PARTS, gain, None
        while high - low > 1:
            guess = max(2.0 * low, PARTS / 8) if less is None else low + (high - low) * more / max(more - less, 1e-12)
            middle = min(max(round(guess), low + 1), high - 1)
            np.multiply(way, np.float32(middle / PARTS), out=between)
            between += access
            found = self._product(self.saturation.slope(between, out=between), weight)
            low, high, more, less = (middle, high, found, less) if found > 0 else (low, middle, more, found)
        return low / PARTS if low > 0 else 0.5 * high / PARTS

    def _product(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        """Sum of products; groups are summed apart, for single precision carries no sum of very many."""
        return sum(float(np.vdot(a[at], b[at])) for at in self.groups)
