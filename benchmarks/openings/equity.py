"""Reach against evenness on simulated counties, decided from bookings alone.

python -m benchmarks.openings.equity [--seeds 20-21] [--users 6000] [--shapes logit,gravity] [--budgets 10,20,40] [--out
FILE]

A row for each county, number of classes and kind of group: the Gini coefficient of accessibility before, under the plan
of most people, and by how much it falls at no more than 1, 3 and 5 % less reach; by how much it could fall at 3 % at
most, whoever searched (`benchmarks.openings.equity_bound`; townships only: what parts of classes could do for hundreds
of villages is not found in time); plans of the front, seconds, and the gap of the plan of most people.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from benchmarks.counties import Row, county_parser, each_county
from benchmarks.openings.equity_bound import least_gini
from features.openings.inputs import opening_inputs
from recsys.dataset import Dataset
from recsys.openings.bounds.bound import bound_of, gap_of
from recsys.openings.classes.value import worth_of
from recsys.openings.evenness.access import By
from recsys.openings.evenness.front import pareto_front
from recsys.openings.learned.inputs import OpeningInputs
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question
from recsys.openings.suggest import totals
from recsys.simulation.truth.oracle import Truth

GROUPS: tuple[By, ...] = ("township", "village")
LOSSES = (0.01, 0.03, 0.05)
BOUNDED_LOSS = 0.03

MOST_GROUPS = 60
"""Groups up to which the bound is worked out."""


def judged(inputs: OpeningInputs, budget: int, by: By, seconds: float) -> Row:
    """Figures of one front."""
    question = Question(budget=budget, effort="fast")
    began = time.perf_counter()
    front = pareto_front(inputs, question, 40, by, seconds=seconds)
    taken = time.perf_counter() - began
    search = Search(inputs, Choices(inputs, question))
    opened = search.run().copy()
    gap = gap_of(worth_of(opened), bound_of(search.choices, opened, None))
    # Held against the plan that `culture suggest` gives: the front may hold one of more people that is more even.
    most, first = totals(inputs, opened)[0], front.access.gini(opened)
    loss, fall = 1 - front.table["expected_attendance"] / most, 1 - front.table["gini"] / first
    at_least = (1 - BOUNDED_LOSS) * most
    is_small = len(front.access.people) <= MOST_GROUPS
    least = least_gini(search, front.access, at_least, opened) if is_small else float("nan")
    could = 1 - least / first
    return {
        "classes": budget,
        "groups": by,
        "km": round(front.access.catchment_km, 1),
        "gini now": round(front.gini_now, 3),
        "most people": round(first, 3),
        **{f"falls at {share:.0%}": round(float(fall[loss <= share].max()), 3) for share in LOSSES},
        f"could fall at {BOUNDED_LOSS:.0%}": round(float(could), 3),
        "plans": len(front.table),
        "complete": front.is_complete,
        "seconds": round(taken, 1),
        "gap": round(gap, 3),
    }


def main() -> None:
    """Runs the counties and prints the table."""
    parser = county_parser(__doc__, seeds="20-21", users=6000)
    parser.add_argument("--budgets", default="10,20,40")
    parser.add_argument("--seconds", type=float, default=5.0, help="limit of one front")
    args = parser.parse_args()

    def fronts(dataset: Dataset, _: Truth) -> Iterator[Row]:
        inputs = opening_inputs(dataset)
        for budget, by in itertools.product(map(int, args.budgets.split(",")), GROUPS):
            yield judged(inputs, budget, by, args.seconds)

    print(f"\n{each_county(args, fronts).to_string(index=False)}")


if __name__ == "__main__":
    main()
