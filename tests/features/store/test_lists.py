"""Rules and the log of shown places in the store."""

import pandas as pd
import pytest

from features.store.lists import (
    KEPT_DAYS,
    Shown,
    delete_operator_rule,
    forget_shown,
    log_shown,
    operator_rules,
    put_operator_rule,
    shown_counts,
)
from recsys.ranking.operator_rules import RuleTable

AT = pd.Timestamp("2026-03-02T08:00:00Z")


def rule(rule_id: str, **others) -> RuleTable:
    row = {"rule_id": rule_id, "action": "boost", "target": "category", "value": "dance", **others}
    return RuleTable.of(pd.DataFrame([row]))


def test_a_rule_comes_back_as_it_was_stored_and_is_replaced_by_id(store):
    assert operator_rules(store).rows.empty
    before = store.version()
    put_operator_rule(store, rule("a", strength=2, valid_from=AT, valid_until=AT + pd.Timedelta(days=3)))
    assert store.version() > before
    row = operator_rules(store).rows.iloc[0]
    assert (row["action"], row["target"], row["value"], row["strength"]) == ("boost", "category", "dance", 2.0)
    assert (row["valid_from"], row["valid_until"]) == (AT, AT + pd.Timedelta(days=3))
    put_operator_rule(store, rule("a", action="bury"))
    row = operator_rules(store).rows.iloc[0]
    assert row["action"] == "bury"
    assert pd.isna(row["valid_from"])
    assert delete_operator_rule(store, "a")
    assert not delete_operator_rule(store, "a")
    assert operator_rules(store).rows.empty


def test_what_was_shown_is_counted_by_session_and_forgotten_in_time(store):
    places = [Shown(1, "a1", "s1", "two-stage", 1.0), Shown(2, "a2", "s2", "exploration", 0.25)]
    log_shown(store, [("r1", places), ("r3", [])], AT, "b")
    again = [Shown(3, "a1", "s1", "popular", 1.0)]
    log_shown(store, [("r2", again), ("r5", again)], AT + pd.Timedelta(hours=1), None)
    log_shown(store, [("r4", [])], AT, "b")
    version = store.version()
    counts = shown_counts(store, AT, AT + pd.Timedelta(days=1)).set_index("session_id")
    assert counts["n_shown"].to_dict() == {"s1": 3, "s2": 1}
    assert counts["n_drawn"].to_dict() == {"s1": 0, "s2": 1}
    assert counts["place"].to_dict() == {"s1": pytest.approx(7 / 3), "s2": 2.0}
    assert shown_counts(store, AT, AT + pd.Timedelta(minutes=1))["n_shown"].sum() == 2
    assert forget_shown(store, AT + pd.Timedelta(days=KEPT_DAYS, minutes=1)) == 2
    assert shown_counts(store, AT, AT + pd.Timedelta(days=1))["n_shown"].sum() == 2
    assert store.version() == version


@pytest.mark.parametrize("column", ["user_id", "lat"])
def test_the_log_names_no_person(store, column):
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT attname FROM pg_attribute WHERE attrelid = 'shown'::regclass")
        names = set(found.scalars())
    assert "request_id" in names
    assert column not in names
