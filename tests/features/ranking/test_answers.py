"""One person's answer: filters, visitors, reasons in two languages, rules."""

import pandas as pd
import pytest

from features.ranking.answers import Request, answer, visitor_block
from features.ranking.lists import Policy
from features.ranking.two_stages import offered
from features.signals.people import user_block
from recsys.errors import UnknownIdError
from recsys.operator_rules import RuleTable
from tests.ranking_world import AT


def _block(catalogue, known, user_id):
    own = known.bookings[known.bookings["user_id"] == user_id]
    users = known.users[known.users["user_id"] == user_id]
    return user_block(catalogue, users, own, known.feedback.iloc[:0], known.sessions)


def test_filters_leave_only_what_was_asked_for(catalogue, known, model):
    block = visitor_block(catalogue, known, Request(lat=36.7, lon=117.0))
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
    rows = answer(model, catalogue, visitor_block(catalogue, known, Request()), Request(k=5))
    assert {row.source for row in rows} == {"popular"}
    near = visitor_block(catalogue, known, Request(lat=36.7, lon=117.0))
    assert {row.source for row in answer(model, catalogue, near, Request(k=5))} == {"profile"}


def test_an_unknown_region_is_named(catalogue, known, model):
    with pytest.raises(UnknownIdError, match="nowhere"):
        answer(model, catalogue, visitor_block(catalogue, known, Request()), Request(region_id="nowhere"))


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


def test_operators_rules_and_variety_change_the_list_not_what_may_be_in_it(catalogue, known, model):
    block = _block(catalogue, known, "u1")
    rules = RuleTable.of(pd.DataFrame([{"rule_id": "r", "action": "pin", "target": "category", "value": "dance"}]))
    pinned = answer(model, catalogue, block, Request(k=8), Policy(rules=rules))
    category = known.activities.set_index("activity_id")["category"]
    assert category[pinned[0].activity_id] == "dance"
    mixed = answer(model, catalogue, block, Request(k=8), Policy(variety=0.7))
    may = set(catalogue.sessions.session_ids[offered(catalogue, block)[0]])
    assert {row.session_id for row in pinned} | {row.session_id for row in mixed} <= may
