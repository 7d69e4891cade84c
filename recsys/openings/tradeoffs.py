"""Plans beside each other: benefit by budget, and what moving or ending a running class would bring or cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choice, Choices, Question
from recsys.openings.suggest import solve, totals
from recsys.openings.value import without_classes


def benefit_curve(inputs: OpeningInputs, question: Question, budgets: Sequence[float]) -> pd.DataFrame:
    """Rows `budget, classes, expected_attendance, newly_reached`, one for each budget."""
    table = []
    for budget in sorted(float(b) for b in budgets):
        after, opened = solve(inputs, question.model_copy(update={"budget": budget}))
        table.append((budget, len(opened), *totals(after, opened)))
    return pd.DataFrame(table, columns=["budget", "classes", "expected_attendance", "newly_reached"])


def moves(inputs: OpeningInputs, question: Question, at_most: int = 5) -> pd.DataFrame:
    """Running classes worth moving: closing one and opening its category elsewhere.

    Rows `category, from_venue_id, to_venue_id, gain` (people a week more in all), best first. Limits of `question`
    other than its budget hold for the new place.
    """
    table = []
    for category, venue in zip(*np.nonzero(inputs.runs_now), strict=True):
        name, here = str(inputs.categories[category]), str(inputs.venues["venue_id"].iloc[venue])
        closing = question.model_copy(
            update={"budget": 1.0, "costs": None, "categories": (name,), "must_open": (), "effort": "fast"}
        )
        closing = closing.model_copy(update={"close": (Choice(category=name, venue_id=here),)})
        after, opened = solve(inputs, closing)
        if not opened or opened[0].venue == venue:
            continue
        lost = _met(inputs, int(category)) - _met(after, int(category))
        gain = opened[0].attendance - lost * float(inputs.show[category])
        if gain > 0:
            table.append((name, here, str(inputs.venues["venue_id"].iloc[opened[0].venue]), gain))
    frame = pd.DataFrame(table, columns=["category", "from_venue_id", "to_venue_id", "gain"])
    return frame.sort_values("gain", ascending=False, ignore_index=True).head(at_most)


def closings(inputs: OpeningInputs, question: Question, at_most: int = 5) -> pd.DataFrame:
    """Running classes that would be missed least: most of their people find what else runs of the category in reach.

    Rows `category, venue_id, loses` (people a week fewer in all, were this one class to end), least first; of the
    question's region and categories, once what it closes has closed.
    """
    choices = Choices(inputs, question)
    inputs = without_classes(inputs, choices.closing)
    is_asked = np.array([question.categories is None or str(c) in question.categories for c in inputs.categories])
    table = []
    for category, venue in zip(*np.nonzero(inputs.runs_now & is_asked[:, None] & choices.inside), strict=True):
        held = inputs.reach[:, venue] * inputs.run_fit[inputs.age_group, category, venue]
        fewer = np.maximum(inputs.access[:, category] - held, 0.0)
        lost = _met(inputs, int(category)) - _met(inputs, int(category), fewer)
        name = str(inputs.categories[category])
        table.append((name, str(inputs.venues["venue_id"].iloc[venue]), max(lost, 0.0) * float(inputs.show[category])))
    frame = pd.DataFrame(table, columns=["category", "venue_id", "loses"])
    return frame.sort_values("loses", kind="stable", ignore_index=True).head(at_most)


def _met(inputs: OpeningInputs, category: int, access: NDArray[np.floating] | None = None) -> float:
    """People a week who find something of a category, by the access that is or another."""
    used = inputs.saturation.used(inputs.access[:, category] if access is None else access)
    return float(inputs.rate[:, category] @ used) * inputs.bias
