"""One person's answer: filters, visitors, reasons in two languages, rules."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from features.ranking.answers import Request, answer, answers, visitor_block
from features.ranking.lists import Policy
from features.ranking.model import ReRanker
from features.ranking.two_stages import offered
from features.signals.catalogue import catalogue_of
from features.signals.people import user_block
from recsys.errors import UnknownIdError
from recsys.ranking.exploration import Exploration
from recsys.ranking.operator_rules import RuleTable
from tests.ranking_world import AT


def _block(catalogue, known, user_id):
    own = known.bookings[known.bookings["user_id"] == user_id]
    users = known.users[known.users["user_id"] == user_id]
    return user_block(catalogue, users, own, known.feedback.iloc[:0], known.sessions)


def test_filters_leave_only_what_was_asked_for(catalogue, known, model):
    block = visitor_block(catalogue, known, [Request(lat=36.7, lon=117.0)])
    request = Request(k=50, lat=36.7, lon=117.0, max_km=5, category="dance", starts_until=AT + pd.Timedelta(days=9))
    rows = answer(model, catalogue, block, request)
    assert rows
    category = known.activities.set_index("activity_id")["category"]
    starts = known.sessions.set_index("session_id")["starts_at"]
    for row in rows:
        assert category[row.activity_id] == "dance"
        assert row.distance_km is not None
        assert row.distance_km <= 5
        assert AT < starts[row.session_id] < AT + pd.Timedelta(days=9)
    in_town = answer(model, catalogue, block, Request(k=50, region_id="t1"))
    venue = known.sessions.set_index("session_id")["venue_id"]
    assert {venue[row.session_id] for row in in_town} <= {"v2", "v3"}
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))


def test_a_visitor_of_whom_nothing_is_known_gets_what_is_popular(catalogue, known, model):
    rows = answer(model, catalogue, visitor_block(catalogue, known, [Request()]), Request(k=5))
    assert {row.source for row in rows} == {"popular"}
    near = visitor_block(catalogue, known, [Request(lat=36.7, lon=117.0)])
    assert {row.source for row in answer(model, catalogue, near, Request(k=5))} == {"profile"}


@pytest.mark.parametrize("variety", [0.0, 0.5])
@pytest.mark.parametrize("is_re_ranked", [True, False])
def test_lists_of_several_together_are_those_of_each_alone(catalogue, known, model, variety, is_re_ranked):
    """Also of who asks twice, of who opted out and of who asks for something else."""
    ranking = model if is_re_ranked else dataclasses.replace(model, re_ranker=None)
    users = known.users.iloc[:24].assign(personalised=lambda rows: rows["user_id"] != "u5")
    block = user_block(catalogue, users, known.bookings, known.feedback, known.sessions)
    asked = np.array([*range(24), 5, 3, 3])
    requests = [
        [Request(), Request(category="dance"), Request(lat=36.7, lon=117.0, max_km=8), Request(region_id="t1")][num % 4]
        for num in range(len(asked))
    ]
    policy = Policy(variety=variety, exploration=Exploration(0.3, {}, 5.0, AT.date()))
    together = answers(ranking, catalogue, block.take(asked), requests, policy)
    alone = [
        answer(ranking, catalogue, block.take(np.array([row])), request, policy)
        for row, request in zip(asked, requests, strict=True)
    ]
    assert together == alone
    assert sum(len(rows) for rows in together) > 100
    assert sum(len(row.reasons) for rows in together for row in rows) > 100


def test_lists_of_several_lengths_are_not_made_together(catalogue, known, model):
    block = user_block(catalogue, known.users.iloc[:2], known.bookings, known.feedback, known.sessions)
    with pytest.raises(ValueError, match="one length"):
        answers(model, catalogue, block, [Request(k=5), Request(k=6)])


def test_an_unknown_region_is_named(catalogue, known, model):
    with pytest.raises(UnknownIdError, match="nowhere"):
        answer(model, catalogue, visitor_block(catalogue, known, [Request()]), Request(region_id="nowhere"))


def test_reasons_are_told_in_both_languages(catalogue, known, model):
    told = [
        reason
        for user_id in known.users["user_id"][:30]
        for row in answer(model, catalogue, _block(catalogue, known, user_id), Request(k=5))
        for reason in row.reasons
    ]
    assert told
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in reason.zh) for reason in told)
    assert all(reason.en.isascii() or "“" in reason.en or "剪" in reason.en for reason in told)
    assert len({reason.code for reason in told}) >= 3


def test_reasons_do_not_depend_on_how_small_the_scores_are(catalogue, known, model, monkeypatch):
    def told() -> list[list[str]]:
        return [
            [reason.code for reason in row.reasons]
            for user_id in known.users["user_id"][:15]
            for row in answer(model, catalogue, _block(catalogue, known, user_id), Request(k=5))
        ]

    before, trees = told(), ReRanker.tree_scores
    assert any(before)
    monkeypatch.setattr(ReRanker, "tree_scores", lambda *asked: trees(*asked) - 16.0)
    assert told() == before


def test_operators_rules_and_variety_change_the_list_not_what_may_be_in_it(catalogue, known, model):
    block = _block(catalogue, known, "u1")
    rules = RuleTable.of(pd.DataFrame([{"rule_id": "r", "action": "pin", "target": "category", "value": "dance"}]))
    pinned = answer(model, catalogue, block, Request(k=8), Policy(rules=rules))
    category = known.activities.set_index("activity_id")["category"]
    assert category[pinned[0].activity_id] == "dance"
    mixed = answer(model, catalogue, block, Request(k=8), Policy(variety=0.7))
    may = set(catalogue.sessions.session_ids[offered(catalogue, block)[0]])
    assert {row.session_id for row in pinned} | {row.session_id for row in mixed} <= may


def test_what_operators_bury_is_not_drawn(catalogue, known, model):
    category = known.activities.set_index("activity_id")["category"]
    bury = RuleTable.of(pd.DataFrame([{"rule_id": "r", "action": "bury", "target": "category", "value": "dance"}]))

    def drawn(rules: RuleTable | None) -> list[str]:
        explores = Policy(rules=rules, exploration=Exploration(0.5, {}, 1.0, AT.date()))
        rows = [
            row
            for user_id in known.users["user_id"][:40]
            for row in answer(model, catalogue, _block(catalogue, known, user_id), Request(k=6), explores)
        ]
        return [category[row.activity_id] for row in rows if row.propensity < 1]

    assert "dance" in drawn(None)
    assert set(drawn(bury)) == {"craft"}


def test_a_venue_without_coordinates_is_at_no_distance(known, model):
    venues = known.venues.assign(lat=known.venues["lat"].where(known.venues["venue_id"] != "v0"))
    bare = dataclasses.replace(known, venues=venues)
    catalogue = catalogue_of(bare, AT)
    asked = Request(k=100, lat=36.7, lon=117.0)
    at_venue = set(known.sessions.loc[known.sessions["venue_id"] == "v0", "session_id"])
    rows = [
        row
        for user_id in known.users["user_id"][:40]
        for row in answer(model, catalogue, _block(catalogue, bare, user_id), asked)
    ]
    there = [row for row in rows if row.session_id in at_venue]
    assert there
    assert all(row.distance_km is None and "distance" not in {r.code for r in row.reasons} for row in there)
    assert any("distance" in {r.code for r in row.reasons} for row in rows)
    within = dataclasses.replace(asked, max_km=1000.0)
    near = answer(model, catalogue, visitor_block(catalogue, bare, [within]), within)
    assert near
    assert not at_venue & {row.session_id for row in near}


def test_what_nobody_booked_of_late_is_not_called_popular(known, model):
    """All of a category that is offered for the first time, by organisers that are new."""
    is_new = known.activities["activity_id"].isin([f"a{num}" for num in range(0, 60, 4)])
    fresh = known.activities.assign(
        category=known.activities["category"].mask(is_new, "pottery"),
        organiser_id=known.activities["organiser_id"].mask(is_new, "new " + known.activities["activity_id"]),
    )
    activity = known.bookings["session_id"].map(known.sessions.set_index("session_id")["activity_id"])
    unbooked = known.bookings[~activity.isin(known.activities["activity_id"][is_new])]
    told = known.feedback[~known.feedback["activity_id"].isin(known.activities["activity_id"][is_new])]
    changed = dataclasses.replace(known, activities=fresh, bookings=unbooked, feedback=told)
    catalogue = catalogue_of(changed, AT)
    # By the first stage alone: there an organiser of whom nothing is known stands where the mean one does.
    plain = dataclasses.replace(model, re_ranker=None)
    rows = answer(plain, catalogue, visitor_block(catalogue, changed, [Request()]), Request(k=100))
    new_ids = set(known.activities["activity_id"][is_new])
    popular = [row.activity_id for row in rows if "popular" in {r.code for r in row.reasons}]
    assert new_ids & {row.activity_id for row in rows}
    assert popular
    assert not new_ids & set(popular)
