import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.ranking import MISSING, KeyGroups, SummedScores, ranks_of, top_k

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


@st.composite
def _keyed(draw):
    """Numbers of users, keys and candidates, and the key of each candidate; each key has one."""
    n_keys = draw(st.integers(1, 8))
    more = draw(st.lists(st.integers(0, n_keys - 1), max_size=20))
    return draw(st.integers(1, 4)), n_keys, np.array(draw(st.permutations([*range(n_keys), *more])))


def _drawn(data, kind, shape, values):
    return data.draw(hnp.arrays(kind, shape, elements=st.sampled_from(values)))


@settings(max_examples=300, deadline=None)
@given(_keyed(), st.integers(1, 6), st.data())
def test_the_best_by_their_keys_are_the_best(keyed, n, data):
    n_users, n_keys, of_candidate = keyed
    values = [0.0, 0.25, 0.5, -1.0, 3.0]
    own = _drawn(data, np.float32, (n_users, n_keys), values)
    shared = _drawn(data, np.float32, (len(of_candidate),), values)
    may = _drawn(data, np.bool_, (n_users, n_keys), [True, True, True, False])
    allowed = _drawn(data, np.bool_, (n_users, len(of_candidate)), [True, False])
    rows, cols = SummedScores(KeyGroups.of(of_candidate), own, shared).best(may, allowed, n)
    lists = top_k(own[:, of_candidate] + shared, allowed & may[:, of_candidate], n)
    of, places = np.nonzero(lists != MISSING)
    assert sorted(zip(rows, cols, strict=True)) == sorted(zip(of, lists[of, places], strict=True))


def test_nothing_to_choose_from_is_no_pair():
    none = np.zeros(0, dtype=np.int64)
    scores = SummedScores(KeyGroups.of(none), np.zeros((2, 0), dtype=np.float32), np.zeros(0, dtype=np.float32))
    rows, cols = scores.best(np.zeros((2, 0), dtype=bool), np.zeros((2, 0), dtype=bool), 3)
    assert len(rows) == len(cols) == 0


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
