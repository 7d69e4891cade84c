"""Lists from the shortlist alone are those of all candidates."""

from __future__ import annotations

import numpy as np
import pytest

from features.ranking.two_stages import BlockScores
from recsys.ranking.key_scores import KeyGroups, SummedScores
from recsys.ranking.top_k import taken, top_k


def _scores(rng: np.random.Generator, n_users: int, n_candidates: int, is_re_ranked: bool) -> BlockScores:
    n_keys = max(n_candidates // 2, 1)
    groups = KeyGroups.of(np.concatenate([np.arange(n_keys), rng.integers(0, n_keys, n_candidates - n_keys)]))
    own = rng.integers(0, 4, (n_users, n_keys)).astype(np.float32)
    shared = rng.integers(0, 3, n_candidates).astype(np.float32)
    seen = (rng.random((n_users, n_candidates)) < rng.random((n_users, 1))) & is_re_ranked
    rows, cols = np.nonzero(seen)
    values = rng.integers(-2, 3, len(rows)).astype(np.float64)
    return BlockScores(SummedScores(groups, own, shared), rows, cols, values, is_re_ranked)


@pytest.mark.parametrize("is_re_ranked", [True, False])
@pytest.mark.parametrize("n_candidates", [1, 3, 12, 60])
def test_the_best_are_those_of_all_scores(n_candidates: int, is_re_ranked: bool) -> None:
    rng = np.random.default_rng(n_candidates)
    for k in (1, 4, 10):
        for share in (0.0, 0.3, 1.0):
            scores = _scores(rng, 7, n_candidates, is_re_ranked)
            allowed = rng.random((7, n_candidates)) < share
            lists, values = scores.best(allowed, k)
            expected = top_k(scores.dense(), allowed, k)
            np.testing.assert_array_equal(lists, expected)
            np.testing.assert_array_equal(values, taken(scores.dense(), expected, 0.0))
