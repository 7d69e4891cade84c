"""Plans beside each other: benefit by budget, and what moving a running class would bring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recsys.openings.inputs import OpeningInputs
from recsys.openings.question import Choice, Question
from recsys.openings.suggest import solve, totals


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


def _met(inputs: OpeningInputs, category: int) -> float:
    used = inputs.saturation.used(inputs.access[:, category])
    return float(inputs.rate[:, category] @ used) * inputs.bias
