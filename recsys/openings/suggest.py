"""The answer: new classes as the contract's rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from recsys.dataset import TEXT
from recsys.openings.bounds.bound import bound_of, gap_of
from recsys.openings.classes.attendance import week_interval
from recsys.openings.classes.value import Opening, best_first, with_people, without_classes, worth_of
from recsys.openings.classes.who import aged
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.equity import plan_with_floors
from recsys.openings.plans.samples import plan_over_samples
from recsys.openings.plans.search import Search, point_worth
from recsys.openings.question import Choices, Question
from recsys.sentences import Language, Sentence, in_one

COLUMNS = {
    "rank": "int64",
    "category": TEXT,
    "venue_id": TEXT,
    "region_id": TEXT,
    "weekday": "int64",
    "start_time": TEXT,
    "size": "int64",
    "expected_attendance": "float64",
    "q0.1": "float64",
    "q0.9": "float64",
    "newly_reached": "float64",
    "reason": TEXT,
}
"""Columns of suggestions and their types. `weekday` is ISO: 1 = Monday, 7 = Sunday."""


def suggest(
    inputs: OpeningInputs,
    budget: float,
    region_id: str | None = None,
    categories: tuple[str, ...] | None = None,
    question: Question | None = None,
) -> pd.DataFrame:
    """Where to open up to `budget` new weekly training classes, best first; rows as in `COLUMNS`.

    Args:
        inputs: What is known.
        budget: Classes, or money where `question` gives costs.
        region_id: Only venues in or under this region.
        categories: Only these; names never seen are passed over.
        question: Further limits; `budget`, `region_id` and `categories` above take their places in it.

    Raises:
        UnknownIdError: the region, a venue or a category of a fixed choice is not known.
        DataError: names every fixed choice that contradicts another limit.
    """
    asked = (question or Question(budget=budget)).model_copy(
        update={"budget": budget, "region_id": region_id, "categories": categories}
    )
    return rows(listed(*solve(inputs, asked)))


@dataclass(frozen=True)
class Planned:
    """A plan and how good it is.

    Attributes:
        inputs: Those of the question once what should close has closed.
        opened: The classes.
        worth: People a week with the planner's weights, the mean of the draws over samples, and what floors save.
        bound: No plan is worth more.
        worth_on_means: Over samples, what the plan made on means is worth beside it; None without.
    """

    inputs: OpeningInputs
    opened: list[Opening]
    worth: float
    bound: float
    worth_on_means: float | None = None

    @property
    def gap(self) -> float:
        """See `gap_of`."""
        return gap_of(self.worth, self.bound)


def planned(inputs: OpeningInputs, question: Question) -> Planned:
    """The plan of a question, with what bounds it."""
    inputs, choices = _choices(inputs, question)
    if question.floors:
        plan = plan_with_floors(choices)
        return Planned(inputs, plan.opened, *plan.judged(choices))
    weights = point_worth(choices)
    if question.over_samples:
        over = plan_over_samples(choices)
        bound = bound_of(choices, over.opened, weights, over.draws)
        return Planned(inputs, over.opened, worth_of(over.opened), bound, over.on_means)
    opened = Search(inputs, choices).run()
    return Planned(inputs, opened, worth_of(opened), bound_of(choices, opened, weights))


def solve(inputs: OpeningInputs, question: Question) -> tuple[OpeningInputs, list[Opening]]:
    """Inputs after closings, and the plan, without what bounds it."""
    inputs, choices = _choices(inputs, question)
    if question.floors:
        return inputs, plan_with_floors(choices).opened
    return inputs, plan_over_samples(choices).opened if question.over_samples else Search(inputs, choices).run()


def _choices(inputs: OpeningInputs, question: Question) -> tuple[OpeningInputs, Choices]:
    after = without_classes(inputs, Choices(inputs, question).closing)
    return after, Choices(after, question.model_copy(update={"close": ()}))


def totals(inputs: OpeningInputs, opened: Sequence[Opening]) -> tuple[float, float]:
    """People a week who come to a plan, and those of them with no attendance in 52 weeks."""
    coming, new = 0.0, 0.0
    for opening, drawn in with_people(inputs, opened):
        coming += opening.attendance
        new += opening.attendance * float(drawn @ inputs.lapsed) / max(float(drawn.sum()), 1e-12)
    return coming, new


def listed(inputs: OpeningInputs, opened: list[Opening]) -> list[dict[str, Any]]:
    """Openings, best first, with the figures that the plan counts them by: they add up to it.

    Values as in `COLUMNS`, but for `reasons` (see there) instead of `reason`.
    """
    found = with_people(inputs, opened)
    return [_row(inputs, rank, *found[place]) for rank, place in enumerate(best_first(opened), start=1)]


def rows(listed: list[dict[str, Any]], lang: Language = "en") -> pd.DataFrame:
    """Openings as the contract's rows; each `reason` is one sentence."""
    table = [{**one, "reason": in_one(one["reasons"], lang)} for one in listed]
    return pd.DataFrame(table, columns=list(COLUMNS)).astype(COLUMNS)


def _row(inputs: OpeningInputs, rank: int, opening: Opening, drawn: np.ndarray) -> dict[str, Any]:
    total = max(float(drawn.sum()), 1e-12)
    low, high = interval(inputs, opening, total)
    return {
        "rank": rank,
        "category": str(inputs.categories[opening.category]),
        "venue_id": inputs.venues["venue_id"].iloc[opening.venue],
        "region_id": inputs.tree.ids.ids[int(inputs.venues["region_num"].iloc[opening.venue])],
        "weekday": int(inputs.slots["weekday"].iloc[opening.slot]),
        "start_time": inputs.slots["start_time"].iloc[opening.slot],
        "size": int(opening.size),
        "expected_attendance": opening.attendance,
        "q0.1": min(low, opening.attendance),
        "q0.9": max(high, opening.attendance),
        "newly_reached": opening.attendance * float(drawn @ inputs.lapsed) / total,
        "reasons": reasons(inputs, opening, drawn),
    }


def interval(inputs: OpeningInputs, opening: Opening, drawn: float) -> tuple[float, float]:
    """80 % interval of people who come in one of the weeks ahead, cut at the size."""
    mean = drawn * float(inputs.show[opening.category])
    low, high = week_interval(mean, inputs.spread, inputs.outlook[opening.category])
    return min(low, opening.size), min(high, opening.size)


def reasons(inputs: OpeningInputs, opening: Opening, drawn: np.ndarray) -> tuple[Sentence, ...]:
    """How many would come, from where, of what age, and what there is now."""
    category = str(inputs.categories[opening.category])
    people = f"{opening.attendance:.1f}"
    parts = [Sentence(f"{category}：每周约 {people} 人", f"about {people} people a week for {category}")]
    # Told to a tenth of a kilometre: counting by tenths is faster than sorting. Those first are of unknown distance.
    share = np.cumsum(np.bincount(inputs.points.tenths(opening.venue), drawn)[1:])
    if share[-1:].sum() > 0:
        half = f"{np.searchsorted(share, 0.5 * share[-1]) / 10:.1f}"
        parts.append(Sentence(f"其中一半住在 {half} 公里以内", f"half of them from within {half} km"))
    by_age = np.bincount(inputs.age_group, drawn, minlength=len(inputs.age_groups))
    top = aged(inputs.age_groups[int(np.argmax(by_age))])
    if top is not None and by_age.sum() > 0:
        parts.append(Sentence(f"以 {top.zh}为主", f"most of them aged {top.en}"))
    running = int(inputs.runs_now[opening.category].sum())
    if running == 0:
        parts.append(Sentence("现在还没有这样的班", "none runs now"))
    else:
        venues = f"venue{'s' if running > 1 else ''}"
        parts.append(Sentence(f"现在另有 {running} 处开班", f"it runs at {running} other {venues} now"))
    return tuple(parts)
