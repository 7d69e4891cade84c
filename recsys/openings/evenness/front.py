"""Reach against evenness: plans that none beats in both, by an integer programme and exchanges of classes."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from recsys.errors import FitError
from recsys.openings.classes.value import Audience
from recsys.openings.evenness.access import Access, By, access_of
from recsys.openings.evenness.class_sets import ClassSet, ClassSets
from recsys.openings.evenness.exchanges import Classes, Exchanges
from recsys.openings.evenness.plans import Branching
from recsys.openings.evenness.programme import LEVELS, EvenProgramme
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search
from recsys.openings.question import Choice, Question
from recsys.openings.suggest import solve, totals

AIMED = (0.03, 0.01, 0.05, 0.02, 0.1, 0.005, 0.04, 0.07, 0.015, 0.025, 0.15, 0.2)
"""Shares of reach lost at which the most even plan is looked for, those that planners look at first."""

NODES = (100, 100, 200)
"""Programmes solved at each loss, one loss after the other, before the first gets more."""

BRANCHING = 0.6
"""Share of the time after which branching ends."""

MOST_SHORT, MOST_CLASSES = 10_000, 5_000
"""Rows of evenness and classes up to which a programme is solved in time for an answer."""

COLUMNS = ["expected_attendance", "newly_reached", "gini", "classes", "opens"]


@dataclass(frozen=True)
class Front:
    """Plans from most reach to most even.

    Attributes:
        table: Rows as in `COLUMNS`; `opens` are the plan's classes as choices.
        gini_now: Gini coefficient before any opening.
        access: What is measured.
        is_complete: False where the time, or a programme without answer, ended the search.
    """

    table: pd.DataFrame
    gini_now: float
    access: Access
    is_complete: bool


def pareto_front(
    inputs: OpeningInputs,
    question: Question,
    n_points: int = 20,
    by: By = "township",
    catchment_km: float | None = None,
    seconds: float = 5.0,
) -> Front:
    """Reach (expected attendance) against the Gini coefficient of accessibility, none worse in both than another.

    The most even plans at a few losses of reach are found by branching (`recsys.openings.evenness.plans`); exchanges of
    single classes make them better and fill what lies between (`recsys.openings.evenness.exchanges`). Weights, floors
    and samples of the question are left aside: here evenness is what is weighed.

    Args:
        inputs: What is known.
        question: Limits of every plan.
        n_points: Most plans in the answer.
        by: Groups between which access should be even.
        catchment_km: See `access_of`.
        seconds: Time after which the search ends.
    """
    began = time.monotonic()
    plain = question.model_copy(
        update={"region_weights": {}, "age_weights": {}, "floors": (), "over_samples": False, "effort": "fast"}
    )
    inputs, opened = solve(inputs, plain)
    asked = plain.model_copy(update={"close": ()})
    access = access_of(inputs, by, catchment_km)
    known = Exchanges(inputs, asked, access)
    known.offer(tuple(opened))
    is_complete = _branched(known, tuple(opened), began + BRANCHING * seconds)
    is_complete &= known.run(began + seconds)
    # Plans come from several hands that count classes in orders of their own: here all are counted alike.
    plans = [tuple(one for one, _ in Audience(inputs).in_turn(plan)) for plan in (opened, *known.kept)]
    rows = [(*totals(inputs, plan), access.gini(plan), len(plan), _choices(inputs, plan)) for plan in plans]
    table = _thinned(_undominated(pd.DataFrame(rows, columns=COLUMNS)), n_points)
    return Front(table, access.gini(()), access, is_complete)


def _branched(known: Exchanges, plan: Classes, until: float) -> bool:
    """Offers the most even plans found at each loss of `AIMED`; False where time or a failure ended the search."""
    sets = ClassSets(Search(known.inputs, known.choices))
    n_groups = len(known.access.people)
    if not plan or n_groups < 2 or n_groups * LEVELS > MOST_SHORT or sets.allowed.sum() > MOST_CLASSES:
        return True
    mine = sets.of_plan(plan)
    programme, reach = EvenProgramme(sets, known.access, mine), sum(one.reach for one in mine)

    def missed(found: list[ClassSet], loss: float) -> float:
        return (1 - loss) * known.most - known.offer(sets.plan(found))

    searches = {loss: Branching(programme, (1 - loss) * reach, partial(missed, loss=loss)) for loss in AIMED}
    left = set(AIMED)
    for nodes, loss in itertools.product(NODES, AIMED):
        try:
            if loss in left and searches[loss].go_on(partial(known.lowest_at, loss), nodes, until):
                left.remove(loss)
        except FitError:
            # Exchanges go on alone, and the front says that it is not complete.
            return False
    return time.monotonic() < until


def _choices(inputs: OpeningInputs, plan: Classes) -> tuple[Choice, ...]:
    venues = inputs.venues["venue_id"].to_numpy(dtype=object)
    ordered = sorted(plan, key=lambda o: -o.attendance)
    return tuple(Choice(category=str(inputs.categories[o.category]), venue_id=str(venues[o.venue])) for o in ordered)


def _undominated(frame: pd.DataFrame) -> pd.DataFrame:
    reach, spread = frame["expected_attendance"].to_numpy(), frame["gini"].to_numpy()
    at_least = (reach[None, :] >= reach[:, None]) & (spread[None, :] <= spread[:, None])
    beaten = at_least & ((reach[None, :] > reach[:, None]) | (spread[None, :] < spread[:, None]))
    front = frame[~beaten.any(axis=1)].drop_duplicates(["expected_attendance", "gini"])
    return front.sort_values("expected_attendance", ascending=False, ignore_index=True)


def _thinned(front: pd.DataFrame, n_points: int) -> pd.DataFrame:
    """About evenly spaced in the Gini coefficient; both ends stay."""
    if len(front) <= n_points:
        return front
    spread = front["gini"].to_numpy()
    wanted = np.linspace(spread[0], spread[-1], max(n_points, 1))
    return front.iloc[np.unique([int(np.argmin(np.abs(spread - w))) for w in wanted])].reset_index(drop=True)
