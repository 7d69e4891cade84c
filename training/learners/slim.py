"""SLIM: sparse key-to-key weights by elastic net."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from recsys.closed import Closed
from recsys.rankers.item_item import ItemItemRanker
from training.learners.inputs import checked_interactions, most_common
from training.learners.item_knn import ItemKnnConfig, fit_item_knn

TARGETS_AT_ONCE = 128


class SlimConfig(Closed):
    """Settings of `fit_slim`."""

    l1: float = Field(5.0, ge=0, description="Penalty on a weight's size, in users; more means sparser")
    l2: float = Field(100.0, ge=0, description="Ridge, in users; more means smoother")
    n_neighbours: int = Field(
        200,
        gt=0,
        description="Keys that may predict a key: its nearest by cosine; all keys is full SLIM",
    )
    max_keys: int = Field(
        12_000, gt=0, description="Keys learned at most (memory: 8 * max_keys ** 2 bytes); the rarest are left unscored"
    )
    max_sweeps: int = Field(50, gt=0, description="Sweeps of coordinate descent at most")
    tolerance: float = Field(1e-4, gt=0, description="Ends when no weight moved more in a sweep")


def fit_slim(interactions: sparse.csr_array, config: SlimConfig) -> ItemItemRanker:
    r"""Weights >= 0 that minimise $\frac12 |x_j - X w|^2 + l_1 |w|_1 + \frac{l_2}{2} |w|^2$ for each key j, $w_j = 0$.

    Coordinate descent on the Gram matrix for many keys at once. Source: Ning & Karypis 2011, ICDM ("fsSLIM").

    Raises:
        FitError: no interactions.
    """
    every = checked_interactions(interactions, "SLIM")
    kept_keys = most_common(every, config.max_keys)
    matrix, n_keys = every[:, kept_keys], len(kept_keys)
    neighbours = fit_item_knn(matrix, ItemKnnConfig(n_neighbours=config.n_neighbours, shrinkage=0.0))
    nearest = sparse.csc_array(neighbours.weights)
    nearest.sort_indices()
    counts = np.diff(nearest.indptr)
    gram = (matrix.T @ matrix).toarray()
    rows, columns, values = [], [], []
    # Keys with equally many neighbours together: little of a block is padding.
    order = np.argsort(counts, kind="stable")
    for targets in np.split(order, range(TARGETS_AT_ONCE, n_keys, TARGETS_AT_ONCE)):
        width = counts[targets].max()
        if width == 0:
            continue
        place = np.arange(width)[None, :]
        used = place < counts[targets][:, None]
        predictors = np.where(
            used, nearest.indices[np.minimum(nearest.indptr[targets][:, None] + place, nearest.nnz - 1)], 0
        )
        among = gram[predictors[:, :, None], predictors[:, None, :]]
        block = _descend(among, gram[predictors, targets[:, None]] * used, config)
        kept = used & (block > 0)
        rows.append(predictors[kept])
        columns.append(np.broadcast_to(targets[:, None], kept.shape)[kept])
        values.append(block[kept])
    found = np.zeros((0, 3)) if not values else np.column_stack([np.concatenate(p) for p in (values, rows, columns)])
    places = (kept_keys[found[:, 1].astype(int)], kept_keys[found[:, 2].astype(int)])
    weights = sparse.csr_array((found[:, 0], places), shape=(every.shape[1], every.shape[1]))
    return ItemItemRanker(weights.astype(np.float32), np.isin(np.arange(every.shape[1]), kept_keys))


def _descend(gram: NDArray[np.float64], targets: NDArray[np.float64], config: SlimConfig) -> NDArray[np.float64]:
    # gram: (n_targets, width, width), targets: (n_targets, width), both of the predictors; padding has target 0.
    weights = np.zeros_like(targets)
    left = targets.copy()
    diagonal = np.einsum("tii->ti", gram)
    for _ in range(config.max_sweeps):
        moved = 0.0
        for place in range(targets.shape[1]):
            old = weights[:, place]
            new = np.maximum(left[:, place] + diagonal[:, place] * old - config.l1, 0.0)
            new /= diagonal[:, place] + config.l2
            change = new - old
            largest = float(np.abs(change).max())
            if largest > 0:
                left -= gram[:, place, :] * change[:, None]
                weights[:, place] = new
                moved = max(moved, largest)
        if moved < config.tolerance:
            break
    return weights
