import numpy as np
import pandas as pd
import pytest

from recsys.errors import DataError
from recsys.ranking.operator_rules import Adjustment, RuleTable, adjustment
from recsys.ranking.top_k import top_k

N_PLACES = 140
AT = pd.Timestamp("2026-03-01T00:00:00Z")
CATEGORY = np.array(["dance", "dance", "craft", None], dtype=object)
PATHS = np.empty(4, dtype=object)
PATHS[:] = [("t0", "c"), ("t1", "c"), ("t1", "c"), ("c",)]


def _order(rules, allowed=None):
    scores = np.array([[1.0, 2.0, 3.0, 2.5]])
    may = np.ones((1, 4), dtype=bool) if allowed is None else allowed
    table = RuleTable.of(pd.DataFrame(rules))
    effect = adjustment(table, AT, {"category": CATEGORY, "organiser": CATEGORY}, PATHS, N_PLACES)
    return [c for c in top_k(effect.applied(scores, may), may, 4)[0].tolist() if c >= 0]


def _rule(**values):
    return {"rule_id": "r", "action": "boost", "target": "category", "value": "dance", **values}


def test_rules_move_what_they_name():
    assert _order([_rule(strength=0.0001)]) == [2, 3, 1, 0]
    assert _order([_rule(strength=9)]) == [1, 0, 2, 3]
    assert _order([_rule(action="bury", value="craft", strength=9)]) == [3, 1, 0, 2]
    assert _order([_rule(action="pin", target="region", value="t0")]) == [0, 2, 3, 1]


@pytest.mark.parametrize("exponent", [0.01, 1.0, 40.0])
def test_how_far_a_rule_moves_depends_on_places_not_on_how_scores_are_spread(exponent):
    """Of 100, the best is buried, one of the middle boosted; all others keep order and score."""
    scores = np.linspace(0.9, 0.1, 100)[None] ** exponent
    shift = np.zeros(100)
    shift[0], shift[50] = -1.0, 1.0
    moved = Adjustment(shift, np.zeros(100, dtype=bool), N_PLACES).applied(scores, np.ones((1, 100), dtype=bool))
    order = np.argsort(-moved[0], kind="stable").tolist()
    assert order.index(50) == 16
    assert order.index(0) == 5
    assert [column for column in order if column not in (0, 50)] == [n for n in range(100) if n not in (0, 50)]
    np.testing.assert_array_equal(np.delete(moved, [0, 50]), np.delete(scores, [0, 50]))


def test_what_stands_below_the_places_is_lifted_by_a_boost_alone():
    scores = np.linspace(2.0, 1.0, 3 * N_PLACES)[None]
    for shift, expected in ((3.0, True), (-3.0, False)):
        of_last = np.zeros(scores.shape[1])
        of_last[-1] = shift
        ruled = Adjustment(of_last, np.zeros(scores.shape[1], dtype=bool), N_PLACES)
        moved = ruled.applied(scores, np.ones(scores.shape, dtype=bool))
        assert (moved[0, -1] > scores[0, N_PLACES]) == expected
        assert (moved[0, -1] < scores[0, -1]) == (not expected)


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
