import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recsys.ranking.key_scores import KeyGroups, SummedScores
from recsys.ranking.top_k import MISSING, top_k


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
