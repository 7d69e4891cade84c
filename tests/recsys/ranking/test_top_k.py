import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.ranking.top_k import MISSING, ranks_of, top_k

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


def test_a_list_has_at_least_one_place():
    with pytest.raises(ValueError, match="k is 0"):
        top_k(np.zeros((1, 1)), np.ones((1, 1), dtype=bool), 0)


@settings(max_examples=200, deadline=None)
@given(_cases())
def test_a_rank_is_one_and_those_of_the_row_that_are_higher(case):
    scores, there = case
    rows, cols = np.nonzero(there)
    values = scores[rows, cols].astype(np.float32)
    expected = [
        np.nan if np.isnan(value) else 1 + (values[rows == row] > value).sum()
        for row, value in zip(rows, values, strict=True)
    ]
    found, negated = ranks_of(rows, [values, -values], len(scores))
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float32))
    assert found.dtype == np.float32
    # The other way round the last come first, equal ones together again.
    for row in range(len(scores)):
        known = (rows == row) & ~np.isnan(values)
        order = np.lexsort((negated[known], found[known]))
        assert (np.diff(negated[known][order]) <= 0).all()
