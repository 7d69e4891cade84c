import itertools
from dataclasses import replace

import numpy as np
import pytest

from recsys.openings.bounds.bound import bound_of
from recsys.openings.classes.rooms import most_places
from recsys.openings.classes.value import Audience
from recsys.openings.learned.saturation import Saturation
from recsys.openings.plans.equity import Floors, floor_table, reached
from recsys.openings.plans.samples import draws_of
from recsys.openings.plans.search import Search
from recsys.openings.question import Choice, Choices, Question
from recsys.openings.suggest import planned


def _searched(inputs, **asked):
    """A search that has run, its plan, and the bound of the question."""
    search = Search(inputs, Choices(inputs, Question(**asked)))
    opened = search.run()
    return search, opened, bound_of(search.choices, opened, search.audience.worth)


def _small(inputs, n_venues):
    """The first venues alone."""
    return replace(
        inputs,
        venues=inputs.venues.head(n_venues).reset_index(drop=True),
        reach=inputs.reach[:, :n_venues],
        km=inputs.km[:, :n_venues],
        runs_now=inputs.runs_now[:, :n_venues],
        busy=inputs.busy[:n_venues],
        group_gain=inputs.group_gain[:, :, :n_venues],
        group_bend=inputs.group_bend[:, :, :n_venues],
        run_fit=inputs.run_fit[:, :, :n_venues],
    )


def _worth(search, pairs):
    """What classes bring, each at the best hour left."""
    search.reset([])
    for category, venue in pairs:
        opening = search.best_at(category, venue)
        search._open(opening)
    return sum(o.worth for o in search.opened)


@pytest.mark.parametrize("worth", [1.0, 4.0])
def test_no_plan_passes_the_bound(inputs, worth):
    few = _small(inputs, 4)
    search, opened, bound = _searched(few, budget=3, effort="fast", age_weights={few.age_groups[0]: worth})
    found = sum(o.worth for o in opened)
    pairs = list(zip(*np.nonzero(search.choices.allowed), strict=True))
    best = max(_worth(search, plan) for plan in itertools.combinations(pairs, 3))
    assert found <= best * (1 + 1e-6) <= bound * (1 + 1e-5)
    assert bound < 1.5 * best


def test_limits_lower_the_bound(inputs):
    free = _searched(inputs, budget=10, effort="fast")[2]
    taught = {str(c): 1 for c in inputs.categories}
    assert _searched(inputs, budget=10, effort="fast", teachers=taught)[2] < free
    assert _searched(inputs, budget=5, effort="fast")[2] < free
    costs = {str(c): 2.0 for c in inputs.categories}
    priced = _searched(inputs, budget=10, effort="fast", costs=costs)[2]
    assert priced == pytest.approx(_searched(inputs, budget=5, effort="fast")[2], rel=0.02)


def test_fixed_classes_are_in_the_bound(inputs):
    free = np.argwhere(~inputs.runs_now & inputs.taught[:, None])
    worst = min(free.tolist(), key=lambda pair: Audience(inputs).drawn(pair[0], pair[1], 0).sum())
    must = Choice(category=str(inputs.categories[worst[0]]), venue_id=str(inputs.venues["venue_id"].iloc[worst[1]]))
    plan = planned(inputs, Question(budget=2, must_open=(must,)))
    assert 0 <= plan.gap < 0.5


def test_what_finds_no_free_hour_takes_nothing_from_the_bound(inputs):
    category, venue = np.argwhere(~inputs.runs_now & inputs.taught[:, None])[0]
    busy, rooms = inputs.busy.copy(), inputs.venues["rooms"].copy()
    busy[venue], rooms.iloc[venue] = 1, 1.0
    full = replace(inputs, busy=busy, venues=inputs.venues.assign(rooms=rooms))
    must = Choice(category=str(inputs.categories[category]), venue_id=str(inputs.venues["venue_id"].iloc[venue]))
    _, opened, bound = _searched(full, budget=1, must_open=(must,), effort="fast")
    assert len(opened) == 1
    assert sum(o.worth for o in opened) <= bound * (1 + 1e-5)


def test_the_gap_is_told_of_every_plan(inputs):
    assert 0 <= planned(inputs, Question(budget=10)).gap < 0.1
    assert planned(inputs, Question(budget=0)).gap == 0.0
    assert 0 <= planned(inputs, Question(budget=3, floors=({"by": "township", "share": 0.2},))).gap < 0.15
    assert 0 <= planned(inputs, Question(budget=3, over_samples=True)).gap < 0.1


def test_no_plan_at_any_hours_passes_the_bound(inputs):
    """All ages like their own hours here, so that no hour is the best of a venue beside every other class."""
    rng = np.random.default_rng(0)
    apart = replace(inputs, slot_fit=rng.gamma(0.3, 3.0, inputs.slot_fit.shape).astype(np.float32))
    few = _small(apart, 3)
    search, opened, bound = _searched(few, budget=2, effort="fast", categories=tuple(inputs.categories[:1]))
    hours = range(len(few.slots))
    venues = np.flatnonzero(search.choices.allowed[0])
    found = []
    for pair, chosen in itertools.product(itertools.combinations(venues, 2), itertools.product(hours, repeat=2)):
        audience = Audience(few)
        plan = [audience.opening(0, v, s, 20.0) for v, s in zip(pair, chosen, strict=True)]
        found.append(sum(o.worth for o, _ in audience.in_turn(plan)))
    assert max(sum(o.worth for o in opened), *found) <= bound * (1 + 1e-5)
    assert bound < 1.2 * max(found)


@pytest.mark.parametrize("penalty", [0.5, 20.0])
@pytest.mark.parametrize("share", [0.1, 0.7])
def test_no_plan_under_floors_passes_their_bound(inputs, share, penalty):
    few = _small(inputs, 4)
    question = Question(
        budget=2, floors=({"by": "township", "share": share, "penalty": penalty}, {"by": "age", "share": 0.3})
    )
    plan, choices = planned(few, question), Choices(few, question)
    search, floors = Search(few, choices), Floors.of(choices)
    values = []
    for pairs in itertools.combinations(zip(*np.nonzero(choices.allowed), strict=True), 2):
        _worth(search, pairs)
        gets = reached(few, search.opened)
        short = floor_table(choices, search.opened).groupby("by")["short"].sum()
        nothing = sum(floor.penalty * floor.least.sum() for floor in floors.floors)
        by_hand = gets.sum() - penalty * short["township"] - 5.0 * short["age"] + nothing
        assert floors.worth(gets) == pytest.approx(by_hand, rel=1e-5)
        values.append(by_hand)
    assert plan.worth <= max(values) * (1 + 1e-5) <= plan.bound * (1 + 2e-5)
    assert plan.bound < 1.25 * max(values)


def test_no_plan_over_samples_passes_their_bound(inputs):
    few = _small(inputs, 4)
    plan = planned(few, Question(budget=2, over_samples=True))
    choices, draws = Choices(few, Question(budget=2)), draws_of(few)
    search, values = Search(few, choices), []
    for pairs in itertools.combinations(zip(*np.nonzero(choices.allowed), strict=True), 2):
        _worth(search, pairs)
        opened = list(search.opened)
        values.append(np.mean([sum(o.worth for o, _ in Audience(draw).in_turn(opened)) for draw in draws]))
    assert plan.worth_on_means <= plan.worth * (1 + 1e-6)
    assert plan.worth <= max(values) * (1 + 1e-5) <= plan.bound * (1 + 2e-5)
    assert plan.bound < 1.25 * max(values)


def _at_few_hours(inputs, n_venues, hours, seats, **changed):
    """The first venues and a few hours, everybody wanting twenty times as much."""
    few = _small(inputs, n_venues)
    return replace(
        few,
        slots=few.slots.iloc[hours].reset_index(drop=True),
        slot_fit=few.slot_fit[:, hours],
        busy=few.busy[:, hours],
        drawn_slots=few.drawn_slots[:, hours],
        rate=20 * few.rate,
        venues=few.venues.assign(seats=seats, rooms=1.0),
        **changed,
    )


def _best_of_all(choices, budget):
    """What the best plan brings, of all classes in all orders at all hours."""
    inputs, best = choices.inputs, 0.0
    most = most_places(inputs.venues, inputs.typical_size, None)
    classes = [(c, v, s) for c, v in np.argwhere(choices.allowed).tolist() for s in range(len(inputs.slots))]
    for plan in itertools.permutations(classes, budget):
        if len({(c, v) for c, v, _ in plan}) == len({(v, s) for _, v, s in plan}) == budget:
            audience, brought = Audience(inputs), 0.0
            for c, v, s in plan:
                opening = audience.opening(c, v, s, float(most[c, v]), float(inputs.typical_size[c]))
                audience.take(opening)
                brought += opening.worth
            best = max(best, brought)
    return best


@pytest.mark.parametrize("family", ["share", "chance"])
@pytest.mark.parametrize(("seats", "within"), [(4.0, 1.6), (1000.0, 1.06)])
def test_no_plan_passes_the_bound_whatever_rooms_turn_away(inputs, family, seats, within):
    few = _at_few_hours(inputs, 3, [0, 9], seats, saturation=Saturation(family, 2.0))
    choices = Choices(few, Question(budget=3, categories=tuple(inputs.categories[:2]), effort="fast"))
    best = _best_of_all(choices, 3)
    bound = bound_of(choices, Search(few, choices).run(), None)
    assert best <= bound * (1 + 1e-5)
    assert bound <= within * best


def test_rooms_that_turn_people_away_lower_the_bound(inputs):
    """Unless they did, no plan's gap told anything where rooms are small."""
    plans = {
        seats: planned(_at_few_hours(inputs, 10, [0, 9], seats), Question(budget=6, effort="fast"))
        for seats in (6.0, 1e6)
    }
    assert plans[6.0].bound < 0.3 * plans[1e6].bound
    assert plans[6.0].gap < 0.3
    assert plans[6.0].bound <= 6 * 6.0


def test_free_slots_lower_the_bound(inputs):
    one = replace(inputs, venues=inputs.venues.assign(free_slots=1.0))
    many, few = (planned(of, Question(budget=8, effort="fast")) for of in (inputs, one))
    assert few.worth < 0.95 * many.worth
    assert few.gap < 0.1


def test_what_one_class_brings_is_its_bound(inputs):
    """A class in part draws more than its part of the people: half of each of two more than either."""
    crowded = replace(inputs, saturation=replace(inputs.saturation, k=8.0))
    plan = planned(crowded, Question(budget=3, teachers={str(c): 1 for c in inputs.categories}, effort="fast"))
    assert plan.gap < 0.02
