import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.ranking.top_k import MISSING
from recsys.ranking.variety import varied


def _plain(columns, scores, label, k, weight):
    listed = [i for i, c in enumerate(columns) if c != MISSING]
    if not listed:
        return [MISSING] * k
    low, high = min(scores[i] for i in listed), max(scores[i] for i in listed)
    scaled = {i: (scores[i] - low) / (high - low) if high > low else 1.0 for i in listed}
    taken: list[int] = []
    while listed and len(taken) < k:
        worth = {
            i: (1 - weight) * scaled[i]
            - weight * max((float(label[columns[i]] == label[columns[j]]) for j in taken), default=0.0)
            for i in listed
        }
        best = max(listed, key=lambda i: (worth[i], -i))
        taken.append(best)
        listed.remove(best)
    return [columns[i] for i in taken] + [MISSING] * (k - len(taken))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.25, 0.5]))
def test_varied_is_the_plain_greedy_choice(seed, weight):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    columns = rng.permutation(n)
    columns[n - int(rng.integers(0, n)) :] = MISSING
    scores = -np.sort(-rng.integers(0, 8, n).astype(float))
    label = rng.integers(0, 3, n)
    result = varied(columns[None, :], scores[None, :], [(label, 1.0)], 5, weight)
    assert result[0].tolist() == _plain(columns.tolist(), scores.tolist(), label, 5, weight)


def test_more_weight_shows_more_labels():
    columns, scores = np.arange(12)[None, :], np.linspace(2, 1, 12)[None, :]
    label = np.repeat([0, 1, 2], 4)
    shown = [len(set(label[varied(columns, scores, [(label, 1.0)], 4, w)[0]])) for w in (0.0, 0.6)]
    assert shown == [1, 3]
