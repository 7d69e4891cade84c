"""What a planner asks: how many classes, where, and within which limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from recsys.closed import Closed
from recsys.errors import DataError
from recsys.ids import IdMap
from recsys.openings.classes.rooms import free_slots, has_room
from recsys.openings.learned.inputs import OpeningInputs
from recsys.sentences import Sentence

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Choice(Closed):
    """A category at a venue."""

    category: str
    venue_id: str


class Floor(Closed):
    """Each group gets at least a share of what could be done for it: elastic, since not every floor can be met."""

    by: Literal["city", "county", "township", "age"] = Field(description="whose groups")
    share: float = Field(
        gt=0, le=1, description="of the people a week who would come anew were a class open wherever one may be"
    )
    penalty: float = Field(default=5.0, gt=0, le=100, description="people that a person short of the floor is worth")


class Question(Closed):
    """Limits of a plan; what is left out does not limit."""

    budget: Amount = Field(description="classes, or money where costs are given; 0 opens nothing")
    region_id: str | None = Field(default=None, description="only venues in or under this region")
    categories: tuple[str, ...] | None = Field(default=None, description="only these categories; none: all")
    costs: dict[str, Amount] | None = Field(default=None, description="money a week of one class, by category")
    teachers: dict[str, Count] = Field(default={}, description="most new classes of a category")
    must_open: tuple[Choice, ...] = Field(default=(), description="opened first, whatever they bring")
    not_here: tuple[Choice, ...] = Field(default=(), description="never opened")
    close: tuple[Choice, ...] = Field(default=(), description="running classes that end; their people are free again")
    min_attendance: Amount = Field(default=0.0, description="people a week below which a class is not held")
    max_size: float | None = Field(default=None, ge=1, allow_inf_nan=False, description="most places of a class")
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


@dataclass(frozen=True)
class Contradiction:
    """What cannot be: where the question asks for it (`must_open.0.venue_id`), and why not."""

    field: str
    why: Sentence


class QuestionError(DataError):
    """Choices that contradict each other or what there is, each named by its place and in both languages."""

    def __init__(self, found: Sequence[Contradiction]) -> None:
        self.found = tuple(dict.fromkeys(found))
        super().__init__("question", list(dict.fromkeys(one.why.en for one in self.found)))


def unknown_names(field: str, choices: Sequence[Choice], categories: IdMap, venues: IdMap) -> list[Contradiction]:
    """Categories and venues of single choices that there are not."""
    found = []
    for place, one in enumerate(choices):
        if one.category not in categories:
            why = Sentence(f"{field}：没有艺术门类“{one.category}”", f"{field}: unknown category {one.category!r}")
            found.append(Contradiction(f"{field}.{place}.category", why))
        if one.venue_id not in venues:
            why = Sentence(f"{field}：没有编号为 {one.venue_id} 的场馆", f"{field}: unknown venue_id {one.venue_id!r}")
            found.append(Contradiction(f"{field}.{place}.venue_id", why))
    return found


class Choices:
    """A question against the inputs: rows instead of names, every contradiction found.

    Attributes:
        inside: (n_venues,) whether the venue is in the question's region.
        asked: (n_categories,) whether the question names the category, or none.
        costs: (n_categories,) of one class, in the unit of the budget; 1 where none is given.
        spendable: The budget, and what sums of costs are off by.
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
        if question.categories:
            known = self.categories.nums_or_missing(question.categories)
            self.asked = np.isin(np.arange(len(self.asked)), known)
        self.barred, self.fixed, self.closing = (
            list(self._rows(choices).values()) for choices in (question.not_here, question.must_open, question.close)
        )
        opens, may_open = inputs.taught & self.asked, has_room(inputs.venues)
        self.allowed: NDArray[np.bool_] = opens[:, None] & (inside & may_open)[None, :] & ~inputs.runs_now
        for category, venue in self.barred:
            self.allowed[category, venue] = False
        names = [str(c) for c in inputs.categories]
        self.costs = np.array([(question.costs or {}).get(name, 1.0) for name in names])
        # Sums of costs are floats: three classes of 0.1 cost no more than 0.3.
        self.spendable = question.budget * (1 + 1e-12) + 1e-9
        self.teachers = np.array([question.teachers.get(name, np.inf) for name in names], dtype=np.float64)
        self._check(inside, may_open)

    def _inside(self) -> NDArray[np.bool_]:
        regions = self.inputs.venues["region_num"].to_numpy(dtype=np.int64)
        if self.question.region_id is None:
            return np.ones(len(regions), dtype=bool)
        under = self.inputs.tree.under(int(self.inputs.tree.ids.nums([self.question.region_id])[0]))
        return under[regions]

    def _rows(self, choices: tuple[Choice, ...]) -> dict[int, tuple[int, int]]:
        """Rows of classes whose names are known by their places; the others are named by `unknown_names`."""
        categories = self.categories.nums_or_missing([c.category for c in choices])
        venues = self.venues.nums_or_missing([c.venue_id for c in choices])
        (known,) = np.nonzero((categories >= 0) & (venues >= 0))
        return {int(place): (int(categories[place]), int(venues[place])) for place in known}

    def _check(self, inside: NDArray[np.bool_], may_open: NDArray[np.bool_]) -> None:
        found = self._of_unknown() + self._of_fixed(inside, may_open) + self._of_closings() + self._of_costs()
        if sum(self.costs[c] for c, _ in set(self.fixed)) > self.spendable:
            most = f"{self.question.budget:g}"
            en = f"must_open costs more than the budget of {most}"
            found.append(Contradiction("budget", Sentence(f"一定要开的班超出了 {most} 的预算", en)))
        if self.question.over_samples and self.question.floors:
            together = Sentence("over_samples 不能与 floors 同时使用", "over_samples: not together with floors")
            found.append(Contradiction("over_samples", together))
        groups = list(map(str, self.inputs.age_groups))
        for age in self.question.age_weights:
            if age not in groups:
                en = f"age_weights: {age!r} is no age group; there are {', '.join(groups)}"
                zh = f"age_weights：没有年龄组“{age}”，只有 {'、'.join(groups)}"
                found.append(Contradiction(f"age_weights.{age}", Sentence(zh, en)))
        if found:
            raise QuestionError(found)

    def _named(self, category: int, venue: int) -> str:
        return f"{self.inputs.categories[category]} at {self.venues.ids[venue]}"

    def _named_zh(self, category: int, venue: int) -> str:
        return f"{self.inputs.venues['name'].iloc[venue]}的{self.inputs.categories[category]}"

    def _of_unknown(self) -> list[Contradiction]:
        """Names of single choices and of weights that the inputs do not have."""
        question = self.question
        choices = {"must_open": question.must_open, "not_here": question.not_here, "close": question.close}
        found = [one for f, named in choices.items() for one in unknown_names(f, named, self.categories, self.venues)]
        for region in question.region_weights:
            if region not in self.inputs.tree.ids:
                en = f"region_weights: unknown region_id {region!r}"
                zh = f"region_weights：没有编号为 {region} 的地区"
                found.append(Contradiction(f"region_weights.{region}", Sentence(zh, en)))
        return found

    def _of_fixed(self, inside: NDArray[np.bool_], may_open: NDArray[np.bool_]) -> list[Contradiction]:
        """What speaks against each class that must open, and against all of a venue or category together."""
        inputs, found, seen = self.inputs, [], set()
        region = self.question.region_id
        for place, (c, v) in self._rows(self.question.must_open).items():
            reasons = {
                Sentence("又被排除在外", "it is also in not_here"): (c, v) in self.barred,
                Sentence("那里现在就有", "it runs there now"): bool(inputs.runs_now[c, v]),
                Sentence("该门类不在 categories 之中", "its category is not among categories"): not self.asked[c],
                Sentence(f"该场馆不在 {region}", f"the venue is not in {region}"): not inside[v],
                Sentence("该场馆没有空闲时段、教室或座位", "the venue has no free slot, room or seat"): not may_open[v],
            }
            if (c, v) in seen:
                reasons = {Sentence("写了两次", "it stands there twice"): True}
            seen.add((c, v))
            zh, en = f"一定要开{self._named_zh(c, v)}", f"must_open {self._named(c, v)}"
            found += [
                Contradiction(f"must_open.{place}", Sentence(f"{zh}：{why.zh}", f"{en}: {why.en}"))
                for why, holds in reasons.items()
                if holds
            ]
        return found + self._of_fixed_together()

    def _of_fixed_together(self) -> list[Contradiction]:
        """More classes that must open than a venue has slots or a category has teachers."""
        inputs, told = self.inputs, []
        free = free_slots(inputs.venues)
        for v, n in Counter(v for _, v in self.fixed).items():
            if n > free[v]:
                zh = f"一定要在{inputs.venues['name'].iloc[v]}开 {n} 个班：只有 {free[v]:.0f} 个空闲时段"
                told.append(Sentence(zh, f"must_open wants {n} classes at {self.venues.ids[v]}: {free[v]:.0f} free"))
        for c, n in Counter(c for c, _ in self.fixed).items():
            if n > self.teachers[c]:
                name, most = inputs.categories[c], f"{self.teachers[c]:.0f}"
                zh = f"一定要开 {n} 个{name}班：教师只够 {most} 个"
                told.append(Sentence(zh, f"must_open wants {n} classes of {name}: teachers for {most}"))
        return [Contradiction("must_open", one) for one in told]

    def _of_closings(self) -> list[Contradiction]:
        return [
            Contradiction(
                f"close.{place}",
                Sentence(
                    f"停办{self._named_zh(c, v)}：那里现在没有",
                    f"close {self._named(c, v)}: it does not run there now",
                ),
            )
            for place, (c, v) in self._rows(self.question.close).items()
            if not self.inputs.runs_now[c, v]
        ]

    def _of_costs(self) -> list[Contradiction]:
        costs = self.question.costs
        if costs is None:
            return []
        opens = np.isin(np.arange(len(self.costs)), [c for c, _ in self.fixed]) | self.allowed.any(axis=1)
        missing = [name for name in self.inputs.categories[opens].astype(str) if name not in costs]
        return [
            Contradiction("costs", Sentence(f"costs：没有{name}的费用", f"costs: none is given for {name}"))
            for name in missing
        ]
