"""Vectors of people against the normal equations written out."""

import numpy as np
import pytest
from scipy import sparse

from recsys.rankers.base import UserBatch
from recsys.rankers.factor import FactorRanker

N_KEYS, N_FACTORS = 40, 6


@pytest.fixture(scope="module")
def ranker() -> FactorRanker:
    factors = np.random.default_rng(0).normal(size=(N_KEYS, N_FACTORS)).astype(np.float32)
    return FactorRanker(factors, np.ones(N_KEYS, dtype=bool), 0.5, 3.0, user_power=0.3, typical_size=4.0)


def _histories(sizes: list[int]) -> UserBatch:
    rng = np.random.default_rng(1)
    weights = np.zeros((len(sizes), N_KEYS), dtype=np.float32)
    for row, size in enumerate(sizes):
        weights[row, rng.choice(N_KEYS, size, replace=False)] = rng.uniform(0.1, 3.0, size)
    return UserBatch(sparse.csr_array(weights))


def test_short_and_long_histories_solve_the_normal_equations(ranker):
    users = _histories([0, 1, 3, N_FACTORS - 1, N_FACTORS, 25, 3])
    factors = ranker.factors.astype(np.float64)
    for vector, row in zip(ranker.user_factors(users), users.histories.toarray().astype(np.float64), strict=True):
        mine = np.flatnonzero(row)
        confidence = ranker.alpha * (max(len(mine), 1) / ranker.typical_size) ** -ranker.user_power * row[mine]
        left = factors.T @ factors + ranker.regularisation * np.eye(N_FACTORS)
        left += factors[mine].T @ ((confidence - 1)[:, None] * factors[mine])
        expected = np.linalg.solve(left, factors[mine].T @ confidence)
        np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-6)


def test_a_vector_does_not_depend_on_who_else_is_there(ranker):
    users = _histories([2, 9, 2, 2, 0, 9, 17] * 50)
    together = ranker.user_factors(users)
    alone = np.vstack([ranker.user_factors(users.rows(row, row + 1)) for row in range(users.n_users)])
    np.testing.assert_array_equal(together, alone)
