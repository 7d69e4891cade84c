"""Alternating least squares on implicit feedback."""

from __future__ import annotations

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from pydantic import Field
from scipy import sparse
from threadpoolctl import threadpool_limits

from recsys.closed import Closed
from recsys.rankers.factor import FactorRanker
from training.learners.inputs import checked_interactions, sizes_of, users_of


class AlsConfig(Closed):
    """Settings of `fit_als`."""

    n_factors: int = Field(64, gt=0, description="Length of a vector; more means finer taste and more memory")
    regularisation: float = Field(1.0, gt=0, description="Ridge on each vector; more means smoother")
    alpha: float = Field(10.0, gt=0, description="Confidence of a weight of 1, against 1 for what was not chosen")
    user_power: float = Field(
        0.0, ge=0, le=1, description="A history of n keys has its weights times (n / mean n) ** -user_power"
    )
    n_iterations: int = Field(15, gt=0, description="Sweeps over users and keys")
    seed: int = Field(0, ge=0, description="Seed of the first vectors")


def fit_als(interactions: sparse.csr_array, config: AlsConfig) -> FactorRanker:
    """Factors of keys, by conjugate gradients on one thread: the same seed gives the same factors.

    Source: Hu, Koren & Volinsky 2008, ICDM; Takacs, Pilaszy & Tikk 2011, RecSys.

    Raises:
        FitError: no interactions.
    """
    matrix = checked_interactions(interactions, "ALS")
    sizes = np.maximum(sizes_of(matrix), 1)
    typical_size = float(sizes_of(matrix).mean())
    scaled = sparse.diags_array(np.power(sizes / typical_size, -config.user_power)) @ matrix
    with threadpool_limits(limits=1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=config.n_factors,
            regularization=config.regularisation,
            alpha=config.alpha,
            iterations=config.n_iterations,
            num_threads=1,
            random_state=config.seed,
        )
        model.fit(sparse.csr_matrix(scaled, dtype=np.float32), show_progress=False)
    factors = np.ascontiguousarray(model.item_factors, dtype=np.float32)
    known = users_of(matrix) > 0
    return FactorRanker(factors, known, config.regularisation, config.alpha, config.user_power, typical_size)
