import numpy as np
import pytest

from recsys.openings.bounds.limits import Limits

ONE, NO = np.ones((2, 1), dtype=bool), np.zeros((2, 1), dtype=bool)
GAIN = np.array([[[1.0, 0.5, 9.0]], [[2.0, 5.0, 9.0]]])


def _limits(costs=(1.0, 1.0), fixed=NO):
    hours = np.array([[True, True, False]])
    return Limits(ONE & ~fixed, fixed, np.arange(3), hours, 1.0, np.array(costs), np.full(2, np.inf), np.ones(1))


@pytest.mark.parametrize(("costs", "brings"), [((1.0, 1.0), 5.0), ((0.1, 1.0), 5.5)])
def test_free_slots_limit_only_where_that_leaves_a_bound(costs, brings):
    """One slot: either of two classes fits. The cheaper comes first, and must not shut out the better one."""
    assert float((_limits(costs).best(GAIN) * GAIN).sum()) == pytest.approx(brings)


@pytest.mark.parametrize(
    ("numbers", "fixed", "brings"), [([1, 1], NO, 6.0), ([1, 0], NO, 1.0), ([0, 0], ONE, 6.0), ([1, 0], ONE, 6.0)]
)
def test_classes_of_each_category_are_those_that_gain_most_beside_what_must_open(numbers, fixed, brings):
    share = _limits(fixed=fixed).most_of_each(GAIN, np.array(numbers))
    assert float((share * GAIN).sum()) == pytest.approx(brings)


def test_categories_by_themselves_keep_what_is_theirs():
    some = _limits(costs=(1.0, 3.0)).only(np.array([1]))
    assert some.costs.tolist() == [3.0]
    assert some.best(GAIN[1:]).shape == (1, 1, 3)
