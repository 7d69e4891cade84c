from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recsys.errors import DataError, UnknownIdError
from recsys.openings.answers.appraisal import appraise
from recsys.openings.answers.explain import explain, why_not
from recsys.openings.answers.tradeoffs import benefit_curve, closings, moves
from recsys.openings.equity import floor_table, reached
from recsys.openings.question import Choices, Floor, Question
from recsys.openings.search import Search
from recsys.openings.suggest import planned, solve, suggest
from recsys.openings.value import Audience, without_classes, worth_of
from recsys.openings.who import SMALLEST_GROUP, who


def _running(inputs):
    c, v = np.argwhere(inputs.runs_now)[0]
    return {"category": str(inputs.categories[c]), "venue_id": str(inputs.venues["venue_id"].iloc[v])}


def _free(inputs, n=1):
    pairs = np.argwhere(~inputs.runs_now)[:n]
    return [
        {"category": str(inputs.categories[c]), "venue_id": str(inputs.venues["venue_id"].iloc[v])} for c, v in pairs
    ]


def test_must_open_comes_in_and_not_here_stays_out(inputs):
    plain = suggest(inputs, 4)
    banned = {"category": plain["category"][0], "venue_id": plain["venue_id"][0]}
    must = _free(inputs)[0]
    rows = suggest(inputs, 4, question=Question(budget=4, must_open=[must], not_here=[banned]))
    pairs = list(zip(rows["category"], rows["venue_id"], strict=True))
    assert len(pairs) == 4
    assert tuple(must.values()) in pairs
    assert tuple(banned.values()) not in pairs


def test_every_contradiction_is_named(inputs):
    free = _free(inputs)[0]
    question = Question(budget=5, must_open=[free, _running(inputs)], not_here=[free], close=_free(inputs, 2)[1:])
    with pytest.raises(DataError) as failure:
        solve(inputs, question)
    text = str(failure.value)
    assert len(failure.value.problems) == 3
    assert "not_here" in text
    assert "runs there now" in text
    assert "does not run there now" in text


def test_what_must_open_needs_a_cost_too(inputs):
    must, other = _free(inputs)[0], str(inputs.categories[-1])
    assert must["category"] != other
    question = Question(budget=5, categories=(other,), costs={other: 1.0}, must_open=[must])
    with pytest.raises(DataError, match=f"none is given for {must['category']}"):
        solve(inputs, question)


def test_unknown_names_are_errors(inputs):
    with pytest.raises(UnknownIdError):
        suggest(inputs, 1, region_id="nowhere")
    with pytest.raises(UnknownIdError):
        solve(inputs, Question(budget=1, must_open=[{"category": "cat0", "venue_id": "nowhere"}]))


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


def test_who_names_no_category_asks_for_all(inputs):
    assert solve(inputs, Question(budget=4, categories=()))[1] == solve(inputs, Question(budget=4))[1] != []


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
    running = _running(inputs)
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


def test_explained_parts_add_up_to_the_gain(inputs):
    for entry in explain(inputs, Question(budget=5)):
        assert sum(entry["parts"].values()) == pytest.approx(entry["expected_attendance"], rel=1e-4)
        by_age = sum(row["people"] for row in entry["who"] if row["by"] == "age")
        assert by_age == pytest.approx(entry["expected_attendance"], rel=1e-4)


@pytest.mark.parametrize(
    "asked", [{}, {"teachers": {"cat0": 1}}, {"costs": {f"cat{c}": 1.0 + c / 10 for c in range(6)}}]
)
def test_the_next_best_class_is_the_best_of_all_in_its_place(inputs, asked):
    question = Question(budget=4, **asked)
    _, opened = solve(inputs, question)
    plan = sorted(opened, key=lambda o: -o.worth)
    search = Search(inputs, Choices(inputs, question))
    whole = sum(o.attendance for o, _ in Audience(inputs).in_turn(plan))
    for given_up, entry in zip(plan, explain(inputs, question), strict=True):
        found = {}
        for category, venue in zip(*np.nonzero(search.choices.allowed), strict=True):
            if any((o.category, o.venue) == (category, venue) for o in plan):
                continue
            search.reset([])
            search.reset([o for o in plan if o is not given_up])
            if search.fits(category, venue):
                best = search.best_at(category, venue)
                kept = sum(o.attendance for o in search.opened)
                found[str(inputs.categories[category]), str(inputs.venues["venue_id"].iloc[venue])] = (
                    best.attendance,
                    whole - kept - best.attendance,
                )
        told = entry["instead"]
        gain, loses = found[told["category"], told["venue_id"]]
        assert (told["gain"], told["loses"]) == pytest.approx((gain, loses), rel=1e-4, abs=1e-4)
        assert told["gain"] == pytest.approx(max(gain for gain, _ in found.values()), rel=1e-4)
        assert told["loses"] > -1e-3


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


def test_why_not_gives_the_reason(inputs):
    running, rows = _running(inputs), suggest(inputs, 3)
    asked = Question(budget=3)
    assert why_not(inputs, asked, **running)["reason"].en == "it runs there now"
    assert why_not(inputs, asked, rows["category"][0], rows["venue_id"][0])["reason"].en == "it is in the plan"
    taken = set(zip(rows["category"], rows["venue_id"], strict=True))
    other = next(c for c in _free(inputs, 40) if tuple(c.values()) not in taken)
    answer = why_not(inputs, asked, **other)
    assert answer["gain"] <= answer["last_in"] + 1e-6


def test_appraisal_counts_everybody_and_who_is_new(inputs):
    running = _running(inputs)
    start = pd.Timestamp("2026-03-07T10:00")
    found = appraise(inputs, **running, local_start=start, capacity=20)
    figures = found.figures
    assert figures.low <= figures.expected <= min(figures.high, 20)
    assert figures.new_people + figures.from_others == pytest.approx(figures.expected)
    assert 0 < figures.newly_reached < figures.new_people
    for by in ("age", "distance", "township"):
        assert sum(g.people for g in found.who if g.by == by) == pytest.approx(figures.expected, rel=1e-4)
    assert all(a.expected > figures.expected for a in [*found.times, *found.venues])
    assert appraise(inputs, **running, local_start=start, ages=(60, None)).figures.expected < figures.expected
    with pytest.raises(UnknownIdError):
        appraise(inputs, "cat0", "nowhere", start)
    with pytest.raises(DataError):
        appraise(inputs, **running, local_start=start, capacity=0)


def test_nobody_is_singled_out_by_what_is_hidden(inputs):
    few = int(inputs.age_group[0])
    people = np.where(inputs.age_group == few, 0.0, 1.0).astype(np.float32)
    people[np.flatnonzero(inputs.age_group == few)[:2]] = 1.0
    groups = {g.name: g.people for g in who(inputs, people, 0) if g.by == "age"}
    assert inputs.age_groups[few] not in groups
    assert groups["other"] >= SMALLEST_GROUP
    # The next smallest alone is hidden with it.
    assert len(groups) == len(np.unique(inputs.age_group)) - 1
    assert sum(groups.values()) == people.sum()


def test_townships_are_told_by_their_ids_and_who_tells_none_apart(inputs):
    at = np.flatnonzero(inputs.regions_at("township") >= 0)
    known, unknown = at[: len(at) // 2], at[len(at) // 2 :]
    people = np.ones(len(inputs.size), dtype=np.float32)
    region = inputs.point_region.copy()
    region[unknown] = -1
    told = {g.name: g.people for g in who(replace(inputs, point_region=region), people, 0) if g.by == "township"}
    ids = inputs.tree.ids.ids[inputs.regions_at("township")[known]]
    names, counts = np.unique(ids.astype(str), return_counts=True)
    assert counts.min() >= SMALLEST_GROUP
    assert told == dict(zip(names, counts, strict=True)) | {"unknown": len(inputs.size) - len(known)}


def test_fast_plans_with_floors_are_nearly_as_good(inputs):
    floors = (Floor(by="township", share=0.3, penalty=20),)
    short = {}
    for effort in ("fast", "search"):
        question = Question(budget=6, floors=floors, effort=effort)
        after, opened = solve(inputs, question)
        short[effort] = floor_table(Choices(after, question), opened)["short"].sum()
    assert short["fast"] <= 1.2 * short["search"] + 0.1


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
        assert reach(people, **weights) > 1.03 * reach(people)
    whole = Question(budget=4, effort="fast", region_weights={inputs.tree.root_id: 5.0, name: 1.0})
    assert planned(inputs, whole).worth < 5 * planned(inputs, Question(budget=4, effort="fast")).worth


def test_floors_lift_who_is_short(inputs):
    plain = Question(budget=6, floors=(Floor(by="township", share=0.3),))
    _, opened = solve(inputs, Question(budget=6))
    before = floor_table(Choices(inputs, plain), opened)
    floors = Question(budget=6, floors=(Floor(by="township", share=0.3, penalty=20),))
    _, fair = solve(inputs, floors)
    after = floor_table(Choices(inputs, floors), fair)
    assert before["short"].sum() > 0
    assert after["short"].sum() < before["short"].sum()
    assert sum(o.attendance for o in fair) <= sum(o.attendance for o in opened) + 1e-6
    assert after["reached"].sum() == pytest.approx(sum(o.attendance for o in fair), rel=1e-3)
    assert (after["reached"] <= after["coverable"] + 1e-6).all()


def test_more_budget_never_brings_less(inputs):
    curve = benefit_curve(inputs, Question(budget=0), [0, 1, 2, 5, 10, 20])
    assert curve["expected_attendance"].is_monotonic_increasing
    assert curve["expected_attendance"][0] == 0


def test_moves_gain(inputs):
    table = moves(inputs, Question(budget=0))
    assert (table["gain"] > 0).all()
    assert len(table) == 5
    assert table["gain"].is_monotonic_decreasing
    venues, categories = inputs.venues["venue_id"].tolist(), inputs.categories.tolist()
    for category, old, new in table[["category", "from_venue_id", "to_venue_id"]].itertuples(index=False):
        runs = inputs.runs_now[categories.index(category)]
        assert runs[venues.index(old)]
        assert not runs[venues.index(new)]


def test_a_move_gains_what_the_new_class_brings_less_what_ending_the_old_one_loses(inputs):
    """New classes are so small that some running ones would be missed by more."""
    question = Question(budget=0, max_size=4)
    gains, n_losing = {}, 0
    for name, here, loses in closings(inputs, question, at_most=None).itertuples(index=False):
        close = ({"category": name, "venue_id": here},)
        opened = solve(inputs, Question(budget=1, max_size=4, categories=(name,), close=close, effort="fast"))[1]
        brings, there = opened[0].attendance, str(inputs.venues["venue_id"].iloc[opened[0].venue])
        if there != here and brings > loses:
            gains[name, here, there] = brings - loses
        n_losing += there != here and brings < loses
    assert n_losing > 0
    table = moves(inputs, question, at_most=1000).set_index(["category", "from_venue_id", "to_venue_id"])["gain"]
    assert table.to_dict() == pytest.approx(gains)


def test_closings_lose_what_ending_the_class_loses(inputs):
    """Least first, and each as much as the plan of nothing once it is closed falls short of that before."""
    table = closings(inputs, Question(budget=0), at_most=1000)
    assert len(table) == inputs.runs_now.sum()
    assert table["loses"].is_monotonic_increasing
    assert table["loses"].iloc[-1] > 0
    venues, categories = inputs.venues["venue_id"].tolist(), inputs.categories.tolist()

    def reached(seen, category):
        return float(seen.rate[:, category] @ seen.saturation.used(seen.access[:, category])) * seen.bias

    for name, venue_id, loses in table[["category", "venue_id", "loses"]].iloc[[0, -1]].itertuples(index=False):
        pair = categories.index(name), venues.index(venue_id)
        after = without_classes(inputs, [pair])
        expected = (reached(inputs, pair[0]) - reached(after, pair[0])) * inputs.show[pair[0]]
        assert loses == pytest.approx(expected, rel=1e-4, abs=1e-6)
    name, venue_id = table["category"].iloc[0], table["venue_id"].iloc[0]
    closed = closings(inputs, Question(budget=0, close=({"category": name, "venue_id": venue_id},)), at_most=1000)
    assert len(closed) == len(table) - 1
    assert set(closings(inputs, Question(budget=0, categories=(name,)), 1000)["category"]) == {name}


def test_of_many_classes_the_most_promising_are_tried(inputs, monkeypatch):
    every = moves(inputs, Question(budget=0), at_most=3)
    n_running = int(inputs.runs_now.sum())
    assert n_running > 12
    monkeypatch.setattr("recsys.openings.answers.tradeoffs.MOST_TRIED", 12)
    pd.testing.assert_frame_equal(moves(inputs, Question(budget=0), at_most=3), every)


def test_what_a_class_would_be_missed_by_counts_in_what_it_promises(inputs, monkeypatch):
    """New classes are so small that the category of the best one runs where it is missed by more than that."""
    question = Question(budget=0, max_size=4)
    running = closings(inputs, question, at_most=None)
    one = {name: Question(budget=1, max_size=4, categories=(name,), effort="fast") for name in running["category"]}
    brings = running["category"].map({name: solve(inputs, each)[1][0].attendance for name, each in one.items()})
    first = (brings - running["loses"]).idxmax()
    assert first != brings.idxmax()
    monkeypatch.setattr("recsys.openings.answers.tradeoffs.MOST_TRIED", 1)
    tried = moves(inputs, question)[["category", "from_venue_id"]].to_numpy().tolist()
    assert tried == [running.loc[first, ["category", "venue_id"]].tolist()]


def test_moves_stay_within_the_region_and_categories_asked_for(inputs):
    of_venue = inputs.tree.ids.ids[inputs.venues["region_num"].to_numpy(dtype=np.int64)]
    venues = inputs.venues["venue_id"].to_numpy(dtype=object)
    category = str(moves(inputs, Question(budget=0), at_most=1)["category"].iloc[0])
    assert set(moves(inputs, Question(budget=0, categories=(category,)), 20)["category"]) == {category}
    region = str(of_venue[np.flatnonzero(inputs.runs_now.any(axis=0))[0]])
    inside = set(venues[of_venue == region])
    found = moves(inputs, Question(budget=0, region_id=region), at_most=20)
    assert set(found["from_venue_id"]) | set(found["to_venue_id"]) <= inside
    assert set(closings(inputs, Question(budget=0, region_id=region), None)["venue_id"]) <= inside


def test_a_class_closed_twice_frees_one_place_in_the_timetable(inputs):
    pair = tuple(int(num) for num in np.argwhere(inputs.runs_now)[0])
    once, twice = without_classes(inputs, [pair]), without_classes(inputs, [pair, pair])
    np.testing.assert_array_equal(once.access, twice.access)
    pd.testing.assert_frame_equal(once.venues, twice.venues)


def test_moves_gain_whatever_the_plan_costs_and_opens(inputs):
    every = moves(inputs, Question(budget=0), at_most=1000)
    assert (every["gain"] > 0).all()
    costs = {str(category): 2.0 for category in inputs.categories}
    pd.testing.assert_frame_equal(moves(inputs, Question(budget=4, costs=costs), at_most=1000), every)
    must = Question(budget=1, must_open=_free(inputs))
    pd.testing.assert_frame_equal(moves(inputs, must, at_most=1000), every)


def test_hours_are_compared_by_what_classes_would_draw(inputs):
    audience, known = Audience(inputs), inputs.slot_gain >= 0
    category, venue = np.argwhere(known.all(axis=2))[0]
    drawn = np.array([audience.drawn(category, venue, slot).sum() for slot in range(len(inputs.slots))])
    first = np.einsum("g,gs->s", inputs.group_gain[:, category, venue], inputs.slot_fit)
    found = inputs.slot_gain[category, venue]
    assert np.abs(found / drawn - 1).max() < 0.25 * np.abs(first / drawn - 1).max()
