"""Plans beside each other: benefit by budget, and what moving or ending a running class would bring or cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.openings.classes.value import access_given, without_classes
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.question import Choice, Choices, Question
from recsys.openings.suggest import solve, totals

MOST_TRIED = 60
"""Classes for which a better place is looked for: each takes a plan of its own."""


def benefit_curve(inputs: OpeningInputs, question: Question, budgets: Sequence[float]) -> pd.DataFrame:
    """Rows `budget, classes, expected_attendance, newly_reached`, one for each budget."""
    table = []
    for budget in sorted(float(b) for b in budgets):
        after, opened = solve(inputs, question.model_copy(update={"budget": budget}))
        table.append((budget, len(opened), *totals(after, opened)))
    return pd.DataFrame(table, columns=["budget", "classes", "expected_attendance", "newly_reached"])


def moves(inputs: OpeningInputs, question: Question, at_most: int = 5) -> pd.DataFrame:
    """Running classes worth moving: closing one and opening its category elsewhere.

    Rows `category, from_venue_id, to_venue_id, gain` (people a week more in all), best first. Region and
    categories of `question` hold for both places, its other limits but the budget for the new one. Of many classes
    those are tried that promise most: what the best new class of the category brings, less what ending this one loses.
    """
    venue_ids = inputs.venues["venue_id"].to_numpy(dtype=object)
    table = []
    for name, here, loses in _promising(inputs, question).itertuples(index=False):
        opened = solve(inputs, _one_class(question, name, here))[1]
        if opened and venue_ids[opened[0].venue] != here and opened[0].attendance > loses:
            table.append((name, here, str(venue_ids[opened[0].venue]), opened[0].attendance - loses))
    frame = pd.DataFrame(table, columns=["category", "from_venue_id", "to_venue_id", "gain"])
    return frame.sort_values("gain", ascending=False, ignore_index=True).head(at_most)


def _promising(inputs: OpeningInputs, question: Question) -> pd.DataFrame:
    """Rows of `closings`: all, or the `MOST_TRIED` that promise most."""
    running = closings(inputs, question, at_most=None)
    if len(running) <= MOST_TRIED:
        return running
    best = {name: solve(inputs, _one_class(question, name))[1] for name in running["category"].unique()}
    brings = running["category"].map({name: opened[0].attendance if opened else 0.0 for name, opened in best.items()})
    order = np.argsort(-(brings - running["loses"]).to_numpy(dtype=np.float64), kind="stable")
    return running.iloc[order[:MOST_TRIED]]


def _one_class(question: Question, category: str, ends_at: str | None = None) -> Question:
    """Where one class of the category would bring most, once that at a venue has ended."""
    close = question.close if ends_at is None else (*question.close, Choice(category=category, venue_id=ends_at))
    changes = {"budget": 1.0, "costs": None, "categories": (category,), "must_open": (), "close": close}
    return question.model_copy(update={**changes, "effort": "fast"})


def closings(inputs: OpeningInputs, question: Question, at_most: int | None = 5) -> pd.DataFrame:
    """Running classes that would be missed least: most of their people find what else runs of the category in reach.

    Rows `category, venue_id, loses` (people a week fewer in all, were this one class to end), least first; of the
    question's region and categories, once what it closes has closed.
    """
    choices = Choices(inputs, question)
    inputs = without_classes(inputs, choices.closing)
    running = inputs.runs_now & choices.asked[:, None] & choices.inside
    venue_ids = inputs.venues["venue_id"].to_numpy(dtype=object)
    table = []
    for category in np.flatnonzero(running.any(axis=1)).tolist():
        access = inputs.access[:, category]
        met = _met(inputs, category, access)
        for venue in np.flatnonzero(running[category]).tolist():
            left = np.maximum(access - access_given(inputs, category, venue), 0.0)
            lost = max(met - _met(inputs, category, left), 0.0) * float(inputs.show[category])
            table.append((str(inputs.categories[category]), str(venue_ids[venue]), lost))
    frame = pd.DataFrame(table, columns=["category", "venue_id", "loses"])
    return frame.sort_values("loses", kind="stable", ignore_index=True).iloc[:at_most]


def _met(inputs: OpeningInputs, category: int, access: NDArray[np.floating]) -> float:
    """People a week who find something of a category by (n_points,) access."""
    return float(inputs.rate[:, category] @ inputs.saturation.used(access)) * inputs.bias
