"""Elastic floors: each county, city, township or age group gets at least a share of what could be done for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.bounds.bound import bound_of
from recsys.openings.classes.value import Audience, Opening, with_people, worth_of
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search, point_worth
from recsys.openings.question import Choices
from recsys.sums import sums_by

N_ROUNDS = 8
"""Steps of prices: on 18 questions of three simulated counties 12 brought over 1 % more in three, 6 less in eight."""

COLUMNS = ["by", "name", "coverable", "floor", "reached", "short"]


def groups_of(inputs: OpeningInputs, by: str) -> tuple[NDArray[np.int64], list[str]]:
    """(n_points,) group row of each point, -1 where none, and the groups' names (region ids, or age groups)."""
    if by == "age":
        return inputs.age_group, list(inputs.age_groups)
    region = inputs.regions_at(by)
    some, row = np.unique(region[region >= 0], return_inverse=True)
    group = np.full(len(region), -1)
    group[region >= 0] = row
    return group, [str(inputs.tree.ids.ids[n]) for n in some]


def coverable(choices: Choices) -> NDArray[np.float64]:
    """(n_points,) people a week who would come anew were a class of every category open wherever one may be."""
    inputs = choices.inputs
    people = np.zeros(len(inputs.size))
    if not len(inputs.slots):
        return people
    best_time = inputs.slot_fit.max(axis=1)[inputs.age_group]
    for category in np.flatnonzero(choices.allowed.any(axis=1)):
        now = np.ascontiguousarray(inputs.access[:, category])
        more = inputs.reach @ choices.allowed[category].astype(np.float32) * best_time
        won = inputs.saturation.used(now + more) - inputs.saturation.used(now)
        people += inputs.rate[:, category] * won * np.float32(inputs.bias * inputs.show[category])
    return people


def reached(inputs: OpeningInputs, opened: list[Opening]) -> NDArray[np.float64]:
    """(n_points,) people a week of each point who come anew to the classes, each valued beside those before it."""
    people = np.zeros(len(inputs.size))
    for opening, drawn in with_people(inputs, opened):
        people += drawn * (opening.attendance / max(float(drawn.sum()), 1e-12))
    return people


def floor_table(choices: Choices, opened: list[Opening]) -> pd.DataFrame:
    """What each group could have, should have, and gets: rows as in `COLUMNS`, people a week."""
    inputs, could, gets = choices.inputs, coverable(choices), reached(choices.inputs, opened)
    parts = [pd.DataFrame(columns=COLUMNS)]
    for floor in choices.question.floors:
        group, names = groups_of(inputs, floor.by)
        could_by, gets_by = _by_group(group, could, len(names)), _by_group(group, gets, len(names))
        least = floor.share * could_by
        part = pd.DataFrame({"by": floor.by, "name": names, "coverable": could_by, "floor": least, "reached": gets_by})
        parts.append(part.assign(short=np.maximum(least - gets_by, 0.0))[could_by > 0])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


@dataclass(frozen=True)
class GroupFloor:
    """One floor against the inputs: what each of its groups should get.

    Attributes:
        group: (n_points,) group row of each point, -1 where none.
        least: (n_groups,) people a week that each group should get.
        penalty: Of a person short.
    """

    group: NDArray[np.int64]
    least: NDArray[np.float64]
    penalty: float

    def missing(self, gets: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_groups,) people short by (n_points,) people who come; negative above the floor."""
        return self.least - _by_group(self.group, gets, len(self.least))

    def saved(self, gets: NDArray[np.float64]) -> float:
        """Penalties that people who come save."""
        return self.penalty * float(np.minimum(self.least, self.least - self.missing(gets)).sum())

    def beyond(self, price: NDArray[np.float64]) -> float:
        """What is saved at most beside the (n_groups,) price of a person of each group, 0 to the penalty."""
        return float(((self.penalty - price) * self.least).sum())

    def dearer(self, price: NDArray[np.float64], gets: NDArray[np.float64], step: float) -> NDArray[np.float64]:
        """Prices after a step: up where a group is short, down where it is not."""
        short = np.clip(self.missing(gets) / np.maximum(self.least, 1e-9), -0.5, 1.0)
        return np.clip(price + step * self.penalty * short, 0.0, self.penalty)


@dataclass(frozen=True)
class Floors:
    """The floors of a question against its inputs; prices are (n_groups,) for each floor.

    Attributes:
        floors: One object a floor.
        base: (n_points,) the planner's weight of one person.
    """

    floors: tuple[GroupFloor, ...]
    base: NDArray[np.float32]

    @classmethod
    def of(cls, choices: Choices) -> Floors:
        """Those of a question."""
        inputs = choices.inputs
        could, given = coverable(choices), point_worth(choices)
        floors = []
        for floor in choices.question.floors:
            group, names = groups_of(inputs, floor.by)
            floors.append(GroupFloor(group, floor.share * _by_group(group, could, len(names)), floor.penalty))
        base = np.ones(len(inputs.size), dtype=np.float32) if given is None else given
        return cls(tuple(floors), base)

    def free(self) -> list[NDArray[np.float64]]:
        """Prices of nothing."""
        return [np.zeros(len(floor.least)) for floor in self.floors]

    def worth(self, gets: NDArray[np.float64]) -> float:
        """People with the planner's weight, and the penalties that they save: what is better than opening nothing."""
        return float(gets @ self.base) + sum(floor.saved(gets) for floor in self.floors)

    def priced(self, prices: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
        """(n_points,) worth of a person when one of a group under a floor is worth its price more."""
        worth = self.base.copy()
        for price, floor in zip(prices, self.floors, strict=True):
            inside = floor.group >= 0
            worth[inside] += price[floor.group[inside]].astype(np.float32)
        return worth

    def beyond(self, prices: Sequence[NDArray[np.float64]]) -> float:
        """What no plan's worth passes its worth at these prices by (Lagrange): prices are 0 to the penalty."""
        return sum(floor.beyond(price) for price, floor in zip(prices, self.floors, strict=True))

    def dearer(
        self, prices: Sequence[NDArray[np.float64]], gets: NDArray[np.float64], step: float
    ) -> list[NDArray[np.float64]]:
        """Prices after a step: up where a group is short, down where it is not."""
        return [floor.dearer(price, gets, step) for price, floor in zip(prices, self.floors, strict=True)]


@dataclass(frozen=True)
class FlooredPlan:
    """A plan under floors.

    Attributes:
        opened: The classes.
        prices: Of a person of each group, those at which plans seemed to be worth least: they bound all plans.
    """

    opened: list[Opening]
    prices: list[NDArray[np.float64]]

    def judged(self, choices: Choices) -> tuple[float, float]:
        """What the plan is worth, see `Floors.worth`, and what no plan is worth more than."""
        floors = Floors.of(choices)
        bound = bound_of(choices, self.opened, floors.priced(self.prices)) + floors.beyond(self.prices)
        return floors.worth(reached(choices.inputs, self.opened)), bound


def plan_with_floors(choices: Choices) -> FlooredPlan:
    """The plan of most people less penalties for floors not met.

    A floor's price on a person of its groups rises while the group is short and falls after (subgradient steps of
    falling length); of the plans found on the way the best is kept. Where the question is `fast`, on people who live
    together (`Condensed`); its classes are then counted on all people.
    """
    inputs = choices.inputs
    if choices.question.effort == "fast":
        choices = Choices(choices.inputs.together.inputs, choices.question)
    floors = Floors.of(choices)
    prices = floors.free()
    best, plan = -np.inf, FlooredPlan([], prices)
    lowest = np.inf
    for n in range(N_ROUNDS):
        opened = Search(choices.inputs, choices, floors.priced(prices)).run()
        gets = reached(choices.inputs, opened)
        above = worth_of(opened) + floors.beyond(prices)
        if above < lowest:
            lowest, plan = above, replace(plan, prices=prices)
        if floors.worth(gets) > best:
            best, plan = floors.worth(gets), replace(plan, opened=opened)
        prices = floors.dearer(prices, gets, 1.0 / (n + 1))
        if not any(price.any() for price in prices):
            break
    counted = [
        replace(o, attendance=now.attendance)
        for o, (now, _) in zip(plan.opened, Audience(inputs).in_turn(plan.opened), strict=True)
    ]
    return replace(plan, opened=counted)


def _by_group(group: NDArray[np.int64], people: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
    """(n_groups,) people of each group; who is of none, -1, is left out."""
    return sums_by(group[group >= 0], people[group >= 0], n_groups)
