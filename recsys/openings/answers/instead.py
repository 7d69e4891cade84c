"""What could stand in the place of each class of a plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.openings.classes.value import Opening
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question

KNOWN = 3
"""Classes left out whose worth beside the whole plan is worked out first."""


class NextBest(NamedTuple):
    """The class of most worth in another's place.

    Attributes:
        opening: As valued there.
        loses: People a week that the plan loses by it.
    """

    opening: Opening
    loses: float


def next_best(inputs: OpeningInputs, question: Question, plan: list[Opening]) -> Iterator[NextBest | None]:
    """Yields for each class of a plan the best in its place: its people, room, money and teacher are free again.

    What brings most beside the whole plan does so beside less of it, but for the category and the venue of the class
    given up: there no more is known than what a class would bring alone.

    Args:
        inputs: What is known.
        question: Limits of the plan, what closes left aside.
        plan: Its classes.
    """
    search = Search(inputs, Choices(inputs, question))
    heap = sorted(search.candidates())
    category, venue = (np.array([one[n] for one in heap], dtype=np.int64) for n in (1, 2))
    alone = np.array([-one[0] for one in heap]) * search.choices.costs[category]
    search.reset(plan)
    plan = list(search.opened)
    coming = sum(o.attendance for o in plan)
    beside = _beside(search, category, venue, alone)
    for given_up in plan:
        search.reset([o for o in plan if o is not given_up])
        is_near = (category == given_up.category) | (venue == given_up.venue)
        most = np.where(is_near | np.isnan(beside), alone, beside)
        most[(category == given_up.category) & (venue == given_up.venue)] = 0.0
        best = _best(search, category, venue, most)
        kept = sum(o.attendance for o in search.opened)
        yield None if best is None else NextBest(best, coming - kept - best.attendance)


def _beside(
    search: Search, category: NDArray[np.int64], venue: NDArray[np.int64], alone: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_candidates,) worth beside what is open, of those that may be among the best; NaN of others."""
    beside = np.full(len(alone), np.nan)
    best: list[float] = []
    for n in np.argsort(-alone, kind="stable").tolist():
        if len(best) >= KNOWN and alone[n] <= best[-1]:
            break
        opening = search.best_at(int(category[n]), int(venue[n]))
        beside[n] = 0.0 if opening is None else opening.worth
        best = sorted([*best, float(beside[n])], reverse=True)[:KNOWN]
    return beside


def _best(
    search: Search, category: NDArray[np.int64], venue: NDArray[np.int64], most: NDArray[np.float64]
) -> Opening | None:
    """The class of most worth that may be opened now, of candidates that are worth at most so much."""
    best: Opening | None = None
    for n in np.argsort(-most, kind="stable").tolist():
        if most[n] <= (0.0 if best is None else best.worth):
            break
        here = int(category[n]), int(venue[n])
        one = search.best_at(*here) if search.fits(*here) else None
        is_held = one is not None and one.attendance >= search.choices.question.min_attendance
        if one is not None and is_held and (best is None or one.worth > best.worth):
            best = one
    return best
