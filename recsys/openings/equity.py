"""Elastic floors: each county, city, township or age group gets at least a share of what could be done for it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choices
from recsys.openings.search import Search, point_worth
from recsys.openings.value import Audience, Opening
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
    for opening, drawn in Audience(inputs).in_turn(opened):
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


def plan_with_floors(choices: Choices) -> list[Opening]:
    """The plan of most people less penalties for floors not met.

    A floor's price on a person of its groups rises while the group is short and falls after (subgradient steps of
    falling length); of the plans found on the way the best is kept. Where the question is `fast`, on people who live
    together (`Condensed`).
    """
    if choices.question.effort == "fast":
        choices = Choices(choices.inputs.together.inputs, choices.question)
    inputs, floors = choices.inputs, choices.question.floors
    could = coverable(choices)
    groups = [groups_of(inputs, floor.by) for floor in floors]
    least = [
        floor.share * _by_group(group, could, len(names)) for floor, (group, names) in zip(floors, groups, strict=True)
    ]
    prices = [np.zeros(len(one)) for one in least]
    given = point_worth(choices)
    base = np.ones(len(inputs.size), dtype=np.float32) if given is None else given
    best: tuple[float, list[Opening]] = (-np.inf, [])
    for n in range(N_ROUNDS):
        worth = base.copy()
        for price, (group, _) in zip(prices, groups, strict=True):
            worth[group >= 0] += price[group[group >= 0]].astype(np.float32)
        opened = Search(inputs, choices, worth).run()
        gets = reached(inputs, opened)
        missing = [one - _by_group(group, gets, len(one)) for one, (group, _) in zip(least, groups, strict=True)]
        lost = sum(f.penalty * float(np.maximum(m, 0).sum()) for f, m in zip(floors, missing, strict=True))
        if float(gets @ base) - lost > best[0]:
            best = float(gets @ base) - lost, opened
        step = 1.0 / (n + 1)
        prices = [
            np.clip(price + step * floor.penalty * np.clip(m / np.maximum(one, 1e-9), -0.5, 1.0), 0.0, floor.penalty)
            for price, m, one, floor in zip(prices, missing, least, floors, strict=True)
        ]
        if not any(price.any() for price in prices):
            break
    return best[1]


def _by_group(group: NDArray[np.int64], people: NDArray[np.float64], n_groups: int) -> NDArray[np.float64]:
    """(n_groups,) people of each group; who is of none, -1, is left out."""
    return sums_by(group[group >= 0], people[group >= 0], n_groups)
