"""What a planner asks: how many classes, where, and within which limits."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from recsys.errors import DataError
from recsys.ids import IdMap
from recsys.openings.inputs import OpeningInputs

Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Choice(BaseModel):
    """A category at a venue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    category: str
    venue_id: str


class Floor(BaseModel):
    """Each group gets at least a share of what could be done for it: elastic, since not every floor can be met."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["city", "county", "township", "age"] = Field(description="whose groups")
    share: float = Field(
        gt=0, le=1, description="of the people a week who would come anew were a class open wherever one may be"
    )
    penalty: float = Field(default=5.0, gt=0, le=100, description="people that a person short of the floor is worth")


class Question(BaseModel):
    """Limits of a plan; what is left out does not limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: float = Field(ge=0, description="classes, or money where costs are given; 0 opens nothing")
    region_id: str | None = Field(default=None, description="only venues in or under this region")
    categories: tuple[str, ...] | None = Field(default=None, description="only these categories")
    costs: dict[str, float] | None = Field(default=None, description="money a week of one class, by category")
    teachers: dict[str, Annotated[int, Field(ge=0)]] = Field(default={}, description="most new classes of a category")
    must_open: tuple[Choice, ...] = Field(default=(), description="opened first, whatever they bring")
    not_here: tuple[Choice, ...] = Field(default=(), description="never opened")
    close: tuple[Choice, ...] = Field(default=(), description="running classes that end; their people are free again")
    min_attendance: float = Field(default=0.0, ge=0, description="people a week below which a class is not held")
    max_size: float | None = Field(default=None, gt=0, description="most places of a class")
    region_weights: dict[str, Weight] = Field(
        default={}, description="worth of one person of a region against 1 elsewhere; the innermost region counts"
    )
    age_weights: dict[str, Weight] = Field(default={}, description="worth of one person of an age group against 1")
    floors: tuple[Floor, ...] = Field(default=(), max_length=4, description="elastic least shares of groups")
    over_samples: bool = Field(
        default=False, description="plan on the mean of draws of what is not known for certain; not with floors"
    )
    effort: Literal["fast", "search"] = Field(default="search", description="greedy alone, or with exchanges after it")


def never_offered(inputs: OpeningInputs, question: Question) -> list[str]:
    """Categories that a question names and that were never offered, in its order: they change nothing."""
    named = [*(question.categories or ()), *(question.costs or {}), *question.teachers]
    known = set(map(str, inputs.categories))
    return [name for name in dict.fromkeys(named) if name not in known]


class Choices:
    """A question against the inputs: rows instead of names, every contradiction found.

    Attributes:
        inside: (n_venues,) whether the venue is in the question's region.
        asked: (n_categories,) whether the question names the category, or none.
        costs: (n_categories,) of one class, in the unit of the budget; 1 where none is given.
        teachers: (n_categories,) most new classes, `inf` where nothing limits them.
        allowed: (n_categories, n_venues) what may be opened.
        fixed: Category and venue rows of what must open; `barred` and `closing` alike.
    """

    def __init__(self, inputs: OpeningInputs, question: Question) -> None:
        self.inputs = inputs
        self.question = question
        self.venues = IdMap.of(inputs.venues["venue_id"], "venue_id")
        self.categories = IdMap.of(inputs.categories, "category")
        self.inside = inside = self._inside()
        self.asked = np.ones(len(inputs.categories), dtype=bool)
        if question.categories is not None:
            known = self.categories.nums_or_missing(question.categories)
            self.asked = np.isin(np.arange(len(self.asked)), known)
        self.barred = self._rows(question.not_here)
        self.fixed = self._rows(question.must_open)
        self.closing = self._rows(question.close)
        free = inputs.venues["free_slots"].to_numpy(dtype=np.float64)
        rooms = inputs.venues["rooms"].to_numpy(dtype=np.float64)
        seats = inputs.venues["seats"].to_numpy(dtype=np.float64)
        has_room = ~(free < 1) & ~(rooms == 0) & ~(seats == 0)
        opens = inputs.taught & self.asked
        self.allowed: NDArray[np.bool_] = opens[:, None] & (inside & has_room)[None, :] & ~inputs.runs_now
        for category, venue in self.barred:
            self.allowed[category, venue] = False
        names = [str(c) for c in inputs.categories]
        self.costs = np.array([(question.costs or {}).get(name, 1.0) for name in names])
        self.teachers = np.array([question.teachers.get(name, np.inf) for name in names], dtype=np.float64)
        self._check(inside, has_room)

    def _inside(self) -> NDArray[np.bool_]:
        regions = self.inputs.venues["region_num"].to_numpy(dtype=np.int64)
        if self.question.region_id is None:
            return np.ones(len(regions), dtype=bool)
        under = self.inputs.tree.under(int(self.inputs.tree.ids.nums([self.question.region_id])[0]))
        return under[regions]

    def _rows(self, choices: tuple[Choice, ...]) -> list[tuple[int, int]]:
        categories = self.categories.nums([c.category for c in choices])
        venues = self.venues.nums([c.venue_id for c in choices])
        return list(zip(categories.tolist(), venues.tolist(), strict=True))

    def _check(self, inside: NDArray[np.bool_], has_room: NDArray[np.bool_]) -> None:
        inputs, problems = self.inputs, []
        for category, venue in self.fixed:
            name = f"must_open {inputs.categories[category]} at {self.venues.ids[venue]}"
            reasons = {
                "it is also in not_here": (category, venue) in self.barred,
                "it runs there now": bool(inputs.runs_now[category, venue]),
                f"the venue is not in {self.question.region_id}": not inside[venue],
                "the venue has no free slot, room or seat": not has_room[venue],
                "it stands there twice": self.fixed.count((category, venue)) > 1,
            }
            problems += [f"{name}: {reason}" for reason, holds in reasons.items() if holds]
        free = inputs.venues["free_slots"].to_numpy(dtype=np.float64)
        for venue in sorted({v for _, v in self.fixed}):
            wanted = sum(v == venue for _, v in self.fixed)
            if wanted > free[venue]:
                problems.append(f"must_open wants {wanted} classes at {self.venues.ids[venue]}: {free[venue]:.0f} free")
        for category in sorted({c for c, _ in self.fixed}):
            wanted = sum(c == category for c, _ in self.fixed)
            if wanted > self.teachers[category]:
                name, most = inputs.categories[category], self.teachers[category]
                problems.append(f"must_open wants {wanted} classes of {name}: teachers for {most:.0f}")
        problems += [
            f"close {inputs.categories[c]} at {self.venues.ids[v]}: it does not run there now"
            for c, v in self.closing
            if not inputs.runs_now[c, v]
        ]
        if self.question.costs is not None:
            opens = np.isin(np.arange(len(self.costs)), [c for c, _ in self.fixed]) | self.allowed.any(axis=1)
            missing = [name for name in inputs.categories[opens].astype(str) if name not in self.question.costs]
            problems += [f"costs: none is given for {name}" for name in missing]
            problems += [f"costs: {name} costs {cost}" for name, cost in self.question.costs.items() if not cost >= 0]
        if not problems and sum(self.costs[c] for c, _ in self.fixed) > self.question.budget:
            problems.append(f"must_open costs more than the budget of {self.question.budget:g}")
        if self.question.over_samples and self.question.floors:
            problems.append("over_samples: not together with floors")
        ages = ", ".join(map(str, inputs.age_groups))
        unknown_ages = [age for age in self.question.age_weights if age not in inputs.age_groups]
        problems += [f"age_weights: {age!r} is no age group; there are {ages}" for age in unknown_ages]
        if problems:
            raise DataError("question", list(dict.fromkeys(problems)))
