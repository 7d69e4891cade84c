"""What a plan may hold, as bounds on plans read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.rooms import free_slots
from recsys.openings.learned.hours import undominated
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import Choices


@dataclass(frozen=True)
class Limits:
    """What a plan may hold.

    Attributes:
        free: (n_categories, n_venues) what may open.
        fixed: (n_categories, n_venues) what must.
        slots: (n_hours,) weekly slots that may be the best of a class, see `undominated`.
        hours: (n_venues, n_hours) whether they may be at a venue.
        budget: What is left of it beside what must open, and so are the rest.
        costs: (n_categories,) of one class.
        teachers: (n_categories,) most classes.
        places: (n_venues,) weekly slots free.
    """

    free: NDArray[np.bool_]
    fixed: NDArray[np.bool_]
    slots: NDArray[np.int64]
    hours: NDArray[np.bool_]
    budget: float
    costs: NDArray[np.float64]
    teachers: NDArray[np.float64]
    places: NDArray[np.float64]

    @staticmethod
    def of(choices: Choices, draws: Sequence[OpeningInputs] = ()) -> Limits:
        """Those of a question; hours are as people like them in all the draws."""
        rooms = np.asarray(choices.inputs.spare_rooms >= 1)
        hours = undominated(np.concatenate([one.slot_fit for one in draws or (choices.inputs,)]), rooms)
        slots = np.flatnonzero(hours.any(axis=0))
        has_hour: NDArray[np.bool_] = np.asarray(rooms.any(axis=1))
        fixed = np.zeros(choices.allowed.shape, dtype=bool)
        for category, venue in choices.fixed:
            # What must open but finds no free hour costs nothing.
            fixed[category, venue] = has_hour[venue]
        held = fixed.sum(axis=1)
        return Limits(
            free=choices.allowed & has_hour & ~fixed,
            fixed=fixed,
            slots=slots,
            hours=hours[:, slots],
            budget=choices.spendable - float(choices.costs @ held),
            costs=choices.costs,
            teachers=choices.teachers - held,
            places=free_slots(choices.inputs.venues) - fixed.sum(axis=0),
        )

    def only(self, categories: NDArray[np.int64]) -> Limits:
        """Those of some categories; budget and free slots are all."""
        of = {name: getattr(self, name)[categories] for name in ("free", "fixed", "costs", "teachers")}
        return replace(self, **of)

    def best(self, by_hour: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shares that bring at least as much as the best, at fixed gains: by gain per cost, as far as the budget goes.

        Where all cost the same and teachers do not limit, free slots hold too: the best first is then exact. Gains and
        shares are (n_categories, n_venues, n_hours); each class is held at the hour at which it gains most.
        """
        gain = self.at_best_hour(by_hour)
        share = self.fixed.astype(np.float64)
        category, venue = np.nonzero(self.free & (gain > 0))
        order = np.argsort(-gain[category, venue] / np.maximum(self.costs[category], 1e-12), kind="stable")
        category, venue = category[order], venue[order]
        costs = self.costs[category]
        if np.isfinite(self.teachers).any() or (costs != costs[:1]).any():
            most = np.clip(self.teachers[category] - _nth(category), 0.0, 1.0)
        else:
            most = np.clip(np.floor(self.places[venue]) - _nth(venue), 0.0, 1.0)
        cost = costs * most
        before = np.cumsum(cost) - cost
        part = np.where(cost > 0, np.clip((self.budget - before) / np.maximum(cost, 1e-12), 0.0, 1.0), 1.0)
        share[category, venue] = most * part
        return self._held(by_hour, share)

    def most_of_each(self, by_hour: NDArray[np.float64], numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """Shares of what must open and of the (n_categories,) numbers of others that gain most, see `best`."""
        gain = np.where(self.free, self.at_best_hour(by_hour), -np.inf)
        nth = np.argsort(np.argsort(-gain, axis=1, kind="stable"), axis=1, kind="stable")
        return self._held(by_hour, self.fixed + 1.0 * (self.free & (nth < numbers[:, None]) & (gain > 0)))

    def at_best_hour(self, by_hour: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_categories, n_venues) what classes gain at the hour at which each gains most."""
        return np.where(self.hours, by_hour, -np.inf).max(axis=2, initial=-np.inf)

    def _held(self, by_hour: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_categories, n_venues) shares of classes at the hours at which each gains most."""
        hour = np.where(self.hours, by_hour, -np.inf).argmax(axis=2)[..., None]
        held = np.zeros(by_hour.shape)
        np.put_along_axis(held, hour, share[..., None], axis=2)
        return held


def _nth(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) how many of the same key stand before each."""
    order = np.argsort(keys, kind="stable")
    nth = np.empty(len(keys), dtype=np.int64)
    nth[order] = np.arange(len(keys)) - np.searchsorted(keys[order], keys[order])
    return nth
