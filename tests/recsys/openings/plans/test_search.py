"""Plans and their limits."""

from dataclasses import replace

import numpy as np
import pytest

from recsys.openings.classes.value import Audience, without_classes, worth_of
from recsys.openings.plans.equity import reached
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Question
from recsys.openings.suggest import planned, solve, suggest
from tests.recsys.openings.some_classes import free_classes, running_class


def test_must_open_comes_in_and_not_here_stays_out(inputs):
    plain = suggest(inputs, 4)
    banned = {"category": plain["category"][0], "venue_id": plain["venue_id"][0]}
    must = free_classes(inputs)[0]
    rows = suggest(inputs, 4, question=Question(budget=4, must_open=[must], not_here=[banned]))
    pairs = list(zip(rows["category"], rows["venue_id"], strict=True))
    assert len(pairs) == 4
    assert tuple(must.values()) in pairs
    assert tuple(banned.values()) not in pairs


def test_budget_in_money_and_teachers_hold(inputs):
    costs = {str(c): 1.0 + n for n, c in enumerate(inputs.categories)}
    _, opened = solve(inputs, Question(budget=6.5, costs=costs, teachers={"cat0": 2}))
    names = [str(inputs.categories[o.category]) for o in opened]
    assert sum(costs[n] for n in names) <= 6.5
    assert names.count("cat0") <= 2


def test_small_classes_are_not_held(inputs):
    least = suggest(inputs, 40)["expected_attendance"].median()
    rows = suggest(inputs, 40, question=Question(budget=40, min_attendance=least))
    assert 0 < len(rows) < 40
    assert (rows["expected_attendance"] >= least - 1e-6).all()


@pytest.mark.parametrize("effort", ["fast", "search"])
def test_no_venue_opens_more_classes_than_it_has_free_slots(inputs, effort):
    free = np.arange(len(inputs.venues)) % 3
    tight = replace(inputs, venues=inputs.venues.assign(free_slots=free.astype(np.float64)))
    n_opened = [
        np.bincount([o.venue for o in solve(one, Question(budget=12, effort=effort))[1]], minlength=len(free))
        for one in (inputs, tight)
    ]
    assert (n_opened[0] > free).any()
    assert (n_opened[1] <= free).all()
    assert n_opened[1].sum() == free.sum()


def test_a_search_begun_again_with_nothing_finds_the_same_plan(inputs):
    search = Search(inputs, Choices(inputs, Question(budget=4, effort="fast")))
    plan = list(search.run())
    search.reset([])
    assert search.run() == plan


def test_a_second_class_near_brings_less_than_alone(inputs):
    _, opened = solve(inputs, Question(budget=30, categories=("cat0",)))
    alone = [solve(inputs, Question(budget=1, must_open=[_choice(inputs, o)]))[1][0].attendance for o in opened]
    assert all(o.attendance <= a + 1e-5 for o, a in zip(opened, alone, strict=True))
    assert sum(o.attendance for o in opened) < sum(alone)


def _choice(inputs, opening):
    return {
        "category": str(inputs.categories[opening.category]),
        "venue_id": str(inputs.venues["venue_id"].iloc[opening.venue]),
    }


def test_closing_frees_people(inputs):
    running = running_class(inputs)
    asked = Question(budget=50, categories=(running["category"],), effort="fast")
    before, after = solve(inputs, asked)[1], solve(inputs, asked.model_copy(update={"close": (_as(running),)}))[1]
    assert sum(o.attendance for o in after) > sum(o.attendance for o in before)


def test_once_a_class_has_ended_answers_are_those_of_inputs_made_anew(inputs):
    category, venue = np.argwhere(inputs.runs_now)[0].tolist()
    elsewhere = int(np.flatnonzero(~inputs.runs_now[category])[0])
    beside_it = Audience(inputs).opening(category, elsewhere, 0, 30.0)
    after = without_classes(inputs, [(category, venue)])
    assert Audience(after).opening(category, elsewhere, 0, 30.0).attendance > beside_it.attendance
    told, anew = (planned(one, Question(budget=8, effort="fast")) for one in (after, replace(after)))
    assert (told.opened, told.gap) == (anew.opened, anew.gap)


def _as(choice):
    return Question(budget=0, close=[choice]).close[0]


def test_classes_given_back_leave_the_others_as_they_were(inputs):
    search = Search(inputs, Choices(inputs, Question(budget=12, effort="fast")))
    plan = list(search.run())
    assert len({o.category for o in plan}) < len(plan)
    anew = Search(inputs, Choices(inputs, Question(budget=12, effort="fast")))
    for given_up in plan:
        kept = [o for o in plan if o is not given_up]
        search.reset(kept)
        anew.reset([])
        anew.reset(kept)
        assert search.opened == anew.opened
        assert search.best_at(given_up.category, given_up.venue) == anew.best_at(given_up.category, given_up.venue)


def test_exchanges_find_better_classes_where_rooms_are_small(inputs):
    worth = {
        effort: worth_of(solve(inputs, Question(budget=9, max_size=6, effort=effort))[1])
        for effort in ("fast", "search")
    }
    assert worth["search"] > 1.005 * worth["fast"]


def test_weights_turn_a_plan_to_the_region_and_ages_that_weigh_more(inputs):
    region = inputs.regions_at("township")
    town = int(np.unique(region[region >= 0])[-1])
    name, age = str(inputs.tree.ids.ids[town]), inputs.age_groups[int(inputs.age_group[0])]

    def reach(people, **weights):
        asked = Question(budget=4, effort="fast", **weights)
        plan = planned(inputs, asked)
        gets = reached(inputs, plan.opened)
        weight = np.where(people, 5.0, 1.0) if weights else np.ones(len(gets))
        assert plan.worth == pytest.approx(float(gets @ weight), rel=1e-4)
        return float(gets[people].sum())

    for people, weights in (
        (region == town, {"region_weights": {name: 5.0}}),
        (inputs.age_group == inputs.age_group[0], {"age_weights": {age: 5.0}}),
    ):
        # Weights that had no say would leave it as it is, to the last digit.
        assert reach(people, **weights) > 1.01 * reach(people)
    whole = Question(budget=4, effort="fast", region_weights={inputs.tree.root_id: 5.0, name: 1.0})
    assert planned(inputs, whole).worth < 5 * planned(inputs, Question(budget=4, effort="fast")).worth


def test_hours_are_compared_by_what_classes_would_draw(inputs):
    audience, known = Audience(inputs), inputs.slot_gain >= 0
    category, venue = np.argwhere(known.all(axis=2))[0]
    drawn = np.array([audience.drawn(category, venue, slot).sum() for slot in range(len(inputs.slots))])
    first = np.einsum("g,gs->s", inputs.group_gain[:, category, venue], inputs.slot_fit)
    found = inputs.slot_gain[category, venue]
    assert np.abs(found / drawn - 1).max() < 0.25 * np.abs(first / drawn - 1).max()
