import numpy as np
import pandas as pd
import pytest

from recsys.errors import DataError
from recsys.operator_rules import RuleTable, adjustment
from recsys.ranking import top_k

AT = pd.Timestamp("2026-03-01T00:00:00Z")
CATEGORY = np.array(["dance", "dance", "craft", None], dtype=object)
PATHS = np.empty(4, dtype=object)
PATHS[:] = [("t0", "c"), ("t1", "c"), ("t1", "c"), ("c",)]


def _order(rules, allowed=None):
    scores = np.array([[1.0, 2.0, 3.0, 2.5]])
    may = np.ones((1, 4), dtype=bool) if allowed is None else allowed
    table = RuleTable.of(pd.DataFrame(rules))
    effect = adjustment(table, AT, {"category": CATEGORY, "organiser": CATEGORY}, PATHS)
    return [c for c in top_k(effect.applied(scores, may), may, 4)[0].tolist() if c >= 0]


def _rule(**values):
    return {"rule_id": "r", "action": "boost", "target": "category", "value": "dance", **values}


def test_rules_move_what_they_name():
    assert _order([_rule(strength=0.0001)]) == [2, 3, 1, 0]
    assert _order([_rule(strength=9)]) == [1, 0, 2, 3]
    assert _order([_rule(action="bury", value="craft", strength=9)]) == [3, 1, 0, 2]
    assert _order([_rule(action="pin", target="region", value="t0")]) == [0, 2, 3, 1]


def test_a_pin_stands_before_every_boost_but_never_lists_what_is_not_allowed():
    rules = [_rule(action="pin", target="region", value="t0"), _rule(value="craft", strength=50)]
    assert _order(rules)[0] == 0
    assert _order(rules, np.array([[False, True, True, True]])) == [2, 3, 1]


def test_rules_hold_from_their_first_instant_until_before_their_last():
    day = pd.Timedelta(days=1)
    assert _order([_rule(strength=9, valid_from=AT + day)]) == [2, 3, 1, 0]
    assert _order([_rule(strength=9, valid_from=AT, valid_until=AT + day)]) == [1, 0, 2, 3]
    assert _order([_rule(strength=9, valid_until=AT)]) == [2, 3, 1, 0]


def test_every_broken_rule_is_named():
    rules = pd.DataFrame([_rule(action="hide"), {**_rule(target="colour"), "rule_id": "q"}, _rule(strength=-1)])
    with pytest.raises(DataError) as error:
        RuleTable.of(rules)
    assert len(error.value.problems) == 3
    with pytest.raises(DataError, match="'value' is missing"):
        RuleTable.of(pd.DataFrame({"rule_id": ["r"], "action": ["pin"], "target": ["region"]}))
