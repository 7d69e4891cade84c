import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.ranking import MISSING, ranks, top_k

_SHAPES = st.tuples(st.integers(1, 4), st.integers(0, 30))


@st.composite
def _cases(draw):
    shape = draw(_SHAPES)
    values = st.sampled_from([0.0, 1.0, 2.0, -np.inf, np.inf, np.nan, 0.5])
    return draw(hnp.arrays(np.float64, shape, elements=values)), draw(hnp.arrays(np.bool_, shape))


def _plain(scores, allowed, k):
    usable = [c for c in range(len(scores)) if allowed[c] and not np.isnan(scores[c])]
    best = sorted(usable, key=lambda c: (-scores[c], c))[:k]
    return best + [MISSING] * (k - len(best))


@settings(max_examples=200, deadline=None)
@given(_cases(), st.integers(1, 12))
def test_top_k_is_the_plain_sort(case, k):
    scores, allowed = case
    expected = [_plain(scores[row], allowed[row], k) for row in range(len(scores))]
    np.testing.assert_array_equal(top_k(scores, allowed, k), expected)


@settings(max_examples=50, deadline=None)
@given(_cases())
def test_ranks_count_from_the_best_and_leave_out_the_rest(case):
    scores, allowed = case
    places = ranks(scores, allowed)
    for row in range(len(scores)):
        order = _plain(scores[row], allowed[row], max(scores.shape[1], 1))
        expected = np.zeros(scores.shape[1], dtype=int)
        for place, column in enumerate(c for c in order if c != MISSING):
            expected[column] = place + 1
        np.testing.assert_array_equal(places[row], expected)


def test_a_list_has_at_least_one_place():
    with pytest.raises(ValueError, match="k is 0"):
        top_k(np.zeros((1, 1)), np.ones((1, 1), dtype=bool), 0)
