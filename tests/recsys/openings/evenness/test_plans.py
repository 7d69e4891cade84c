"""The most even plans of a reach: sets of classes, the programme over them, and whole plans by branching."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from recsys.errors import FitError
from recsys.openings.classes.rooms import LASTS
from recsys.openings.classes.slots import start_minutes
from recsys.openings.evenness.access import access_of
from recsys.openings.evenness.class_sets import ClassSets
from recsys.openings.evenness.front import pareto_front
from recsys.openings.evenness.plans import STEP, WORTHWHILE, Branching
from recsys.openings.evenness.pricing import EPS
from recsys.openings.evenness.programme import EvenProgramme, TimeUpError
from recsys.openings.plans.search import Search
from recsys.openings.question import Choice, Choices, Question
from recsys.openings.suggest import totals
from tests.recsys.openings.rooms import most_over_rooms


def sets_of(inputs, **question):
    near = inputs.together.inputs
    return ClassSets(Search(near, Choices(near, Question(**question, effort="fast"))))


def programme_of(inputs, sets):
    opened = Search(sets.search.inputs, sets.choices).run()
    return EvenProgramme(sets, access_of(inputs), sets.of_plan(opened)), sum(o.attendance for o in opened)


def every_plan(sets):
    """Each plan of two classes, best hours, as its sets."""
    pairs = list(zip(*np.nonzero(sets.allowed), strict=True))
    for (c, v), (d, w) in itertools.combinations(pairs, 2):
        one, other = sets.with_one(sets.least[c], v), sets.with_one(sets.least[d], w)
        if c != d:
            yield [one, other]
        elif one.openings[0].attendance < other.openings[0].attendance:
            yield [sets.with_one(other, v)]
        else:
            yield [sets.with_one(one, w)]


def test_branching_finds_the_most_even_of_all_plans(inputs):
    sets = sets_of(inputs, budget=2)
    programme, most = programme_of(inputs, sets)
    plans = [(sum(s.reach for s in plan), programme.access.gini(sets.plan(plan))) for plan in every_plan(sets)]
    for reach in (0.99 * most, 0.95 * most, 0.8 * most):
        found = [1.0]

        def offer(plan, found=found):
            found.append(programme.access.gini(sets.plan(plan)))
            return 0.0

        search = Branching(programme, reach, offer)
        assert search.go_on(lambda found=found: min(found), 10_000, np.inf)
        best = min(gini for reached, gini in plans if reached >= reach)
        assert min(found) <= best * (1 + 2 * WORTHWHILE)
        # Sums of trapezoids are below the coefficient, by little.
        assert 0.9 * best < search.bound <= best + EPS


def test_more_is_asked_of_the_programme_where_plans_reach_less_than_it_says(inputs):
    sets = sets_of(inputs, budget=2)
    programme, most = programme_of(inputs, sets)
    missed = []
    search = Branching(programme, 0.9 * most, lambda plan: missed.append(0.01 * most) or missed[-1])
    search.go_on(lambda: 1.0, 200, np.inf)
    assert missed
    assert search.reach == pytest.approx(0.9 * most + STEP * sum(missed))


def test_where_people_taken_together_allow_no_class_nothing_is_looked_for(inputs):
    sets = sets_of(inputs, budget=2, min_attendance=1e6)
    programme = EvenProgramme(sets, access_of(inputs), [])
    assert programme.columns == []
    found = []
    search = Branching(programme, 0.0, lambda plan: found.append(plan) or 0.0)
    assert search.go_on(lambda: 1.0, 10, np.inf)
    assert found == [[]]


def test_the_front_holds_the_most_even_plans(inputs):
    sets = sets_of(inputs, budget=2)
    access = access_of(inputs)
    front = pareto_front(inputs, Question(budget=2), 40, seconds=np.inf).table
    most = front["expected_attendance"].iloc[0]
    plans = [(totals(inputs, plan)[0], access.gini(plan)) for plan in map(sets.plan, every_plan(sets))]
    for loss in (0.05, 0.1):
        # The search counts people who live together as one: a plan at the very edge may be missed.
        best = min(gini for reached, gini in plans if reached >= (1 - loss + 0.005) * most)
        assert front["gini"][front["expected_attendance"] >= (1 - loss) * most].min() <= best * (1 + 2 * WORTHWHILE)


def test_a_column_that_prices_out_makes_the_programme_more_even(inputs):
    sets = sets_of(inputs, budget=8)
    programme, most = programme_of(inputs, sets)
    programme.at_least(0.97 * most)
    before = programme.solve()[0]
    n_columns = len(programme.columns)
    assert programme.relaxed(0.97 * most, np.inf) < before
    assert len(programme.columns) > n_columns
    assert not programme.price()


def test_a_plan_keeps_to_its_rooms_and_venues(inputs):
    sets = sets_of(inputs, budget=4)
    venue = int(np.argmax(sets.allowed.sum(axis=0)))
    several = [sets.with_one(least, venue) for c, least in enumerate(sets.least) if sets.allowed[c, venue]]
    assert len({s.hours[0] for s in several}) < len(several)
    opened = sets.plan(several)
    assert most_over_rooms(inputs, opened) <= 0
    assert most_over_rooms(inputs, [s.openings[0] for s in several]) > 0
    assert {(o.category, o.venue) for o in opened} == {(s.category, venue) for s in several}


def test_an_hour_that_needs_more_rooms_than_there_are_is_parted(inputs):
    inputs = replace(inputs, busy=inputs.venues["rooms"].to_numpy(dtype=np.int64)[:, None] - np.ones_like(inputs.busy))
    sets = sets_of(inputs, budget=8)
    programme, most = programme_of(inputs, sets)
    programme.relaxed(0.7 * most, np.inf)
    shares = programme.solve()[1]
    used = {}
    minutes = start_minutes(inputs.slots)
    for one, share in zip(programme.columns, shares, strict=True):
        for venue, slot in one.hours:
            hour = venue, int(inputs.slots["weekday"][slot]), int(minutes[slot])
            used[hour] = used.get(hour, 0.0) + share
    on = [
        sum(share for (v, d, m), share in used.items() if (v, d) == (venue, day) and at <= m < at + LASTS)
        for venue, day, at in used
    ]
    assert max(on) <= 1.011
    assert programme._limit_row


@pytest.mark.parametrize("teachers", [0, 1])
def test_sets_keep_to_teachers_and_to_what_must_open(inputs, teachers):
    name, place = str(inputs.categories[0]), str(inputs.venues["venue_id"].iloc[0])
    free = sets_of(inputs, budget=4)
    must = () if not free.allowed[0, 0] or not teachers else (Choice(category=name, venue_id=place),)
    sets = sets_of(inputs, budget=4, teachers={name: teachers}, must_open=must)
    assert sets.least[0].venues == ((0,) if must else ())
    assert (sets.further(sets.least[0]) == []) == (len(must) == teachers)


def test_no_plan_no_time_and_no_answer_are_told_apart(inputs, monkeypatch):
    programme, most = programme_of(inputs, sets_of(inputs, budget=8))
    programme.at_least(2 * most)
    assert programme.solve() is None
    programme.at_least(0.9 * most)
    with pytest.raises(TimeUpError):
        programme.solve(time.monotonic() - 1.0)
    with monkeypatch.context() as clock:
        clock.setattr(time, "monotonic", lambda: 0.0)
        with pytest.raises(TimeUpError, match="was not solved within"):
            programme.solve(1e-6)
    assert programme.solve() is not None
    programme.at_least(0.5 * most)
    programme._highs.setOptionValue("simplex_iteration_limit", 0)
    with pytest.raises(FitError, match="teration limit"):
        programme.solve()


def test_what_time_ended_is_gone_on_with_later(inputs):
    sets = sets_of(inputs, budget=2)
    programme, most = programme_of(inputs, sets)
    found = [1.0]

    def offer(plan):
        found.append(programme.access.gini(sets.plan(plan)))
        return 0.0

    search = Branching(programme, 0.95 * most, offer)
    assert not search.go_on(lambda: min(found), 100, time.monotonic() - 1.0)
    assert search.bound is None
    assert not search.go_on(lambda: min(found), 1, np.inf)
    waiting = len(search._next) + len(search._waiting)
    assert waiting > 0
    assert not search.go_on(lambda: min(found), 100, time.monotonic() - 1.0)
    assert len(search._next) + len(search._waiting) == waiting
    assert search.go_on(lambda: min(found), 10_000, np.inf)
    whole = Branching(programme, 0.95 * most, offer)
    best, found[:] = min(found), [1.0]
    whole.go_on(lambda: min(found), 10_000, np.inf)
    assert best == pytest.approx(min(found), rel=2 * WORTHWHILE)


def test_a_programme_without_answer_leaves_a_front_of_exchanges_that_says_so(inputs, monkeypatch):
    def fails(self, until=np.inf):
        raise FitError("the programme of even plans has no answer: Unknown")

    whole = pareto_front(inputs, Question(budget=4), 40, seconds=np.inf)
    monkeypatch.setattr(EvenProgramme, "solve", fails)
    front = pareto_front(inputs, Question(budget=4), 40, seconds=np.inf)
    assert whole.is_complete
    assert not front.is_complete
    assert len(front.table) > 1
