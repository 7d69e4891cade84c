"""Kernel ridge regression from whole histories to keys."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy import linalg, sparse

from recsys.closed import Closed
from recsys.rankers.kernel import KernelRanker, kernel, unit_rows
from training.learners.inputs import checked_interactions, sizes_of, users_of


class KernelConfig(Closed):
    """Settings of `fit_kernel`."""

    sharpness: float = Field(1.0, gt=0, description="Steepness in the cosine; more means closer users only")
    regularisation: float = Field(3.0, gt=0, description="Ridge on the kernel's diagonal of 1; more means smoother")
    max_anchors: int = Field(
        7_000, gt=0, description="Users kept as anchors (memory: 8 * max_anchors ** 2 bytes); above, a seeded draw"
    )
    max_products: float = Field(
        4e11, gt=0, description="Users * anchors ** 2 at most, which is what fitting takes; above, fewer anchors"
    )
    seed: int = Field(0, ge=0, description="Seed of that draw")


def fit_kernel(interactions: sparse.csr_array, config: KernelConfig) -> KernelRanker:
    r"""Dual weights of the anchors: $(K + \lambda I)^{-1} X$ when every user is one.

    With fewer anchors than users the subset-of-regressors solution
    $(K_{na}^\top K_{na} + \lambda K_{aa})^{-1} K_{na}^\top X$. Sources: Sachdeva et al. 2022, NeurIPS (kernel ridge on
    histories); Rasmussen & Williams 2006, ch. 8.3.1.

    Raises:
        FitError: no interactions.
    """
    matrix = checked_interactions(interactions, "kernel ridge")
    rows = np.flatnonzero(sizes_of(matrix) > 0)
    targets, units = matrix[rows], unit_rows(matrix[rows])
    n_anchors = max(1, min(config.max_anchors, int(np.sqrt(config.max_products / len(rows)))))
    if len(rows) <= n_anchors:
        anchors = units
        left = kernel(units, units, config.sharpness)
        right = targets.toarray()
        left[np.diag_indices_from(left)] += config.regularisation
    else:
        drawn = np.sort(np.random.default_rng(config.seed).choice(len(rows), n_anchors, replace=False))
        anchors = units[drawn]
        left = config.regularisation * kernel(anchors, anchors, config.sharpness)
        right = np.zeros((len(drawn), matrix.shape[1]))
        for start in range(0, len(rows), n_anchors):
            block = kernel(units[start : start + n_anchors], anchors, config.sharpness)
            left += block.T @ block
            right += block.T @ targets[start : start + n_anchors]
        left[np.diag_indices_from(left)] += 1e-6 * np.trace(left) / len(drawn)
    weights = linalg.solve(left, right, assume_a="pos", overwrite_a=True, overwrite_b=True)
    return KernelRanker(anchors, weights.astype(np.float32), config.sharpness, users_of(matrix) > 0)
