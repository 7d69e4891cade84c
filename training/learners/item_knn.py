"""Nearest neighbours among keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from recsys.closed import Closed
from recsys.rankers.item_item import ItemItemRanker
from training.learners.inputs import checked_interactions, users_of

BLOCK = 1024


class ItemKnnConfig(Closed):
    """Settings of `fit_item_knn`."""

    n_neighbours: int = Field(
        100, gt=0, description="Keys in the history that may speak for a key; more means smoother"
    )
    shrinkage: float = Field(10.0, ge=0, description="Added to the similarity's denominator; distrusts few co-users")
    key_power: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Exponent of the norms under the dot product: 0.5 is cosine, less favours the popular",
    )


def fit_item_knn(interactions: sparse.csr_array, config: ItemKnnConfig) -> ItemItemRanker:
    r"""Sparse weights: for each key its nearest keys by shrunk cosine similarity of the users' columns.

    $s_{ij} = x_i^\top x_j / ((x_i^\top x_i \, x_j^\top x_j)^{p} + \mathrm{shrinkage})$. Equal similarities are kept by
    row. Source: Deshpande & Karypis 2004, ACM TOIS 22(1); shrinkage: Bell & Koren 2007.

    Raises:
        FitError: no interactions.
    """
    matrix = checked_interactions(interactions, "item-kNN")
    columns = matrix.tocsc()
    norms = np.power(np.asarray(matrix.multiply(matrix).sum(axis=0)).ravel(), config.key_power)
    rows = columns.T.tocsr()
    blocks = []
    for start in range(0, rows.shape[0], BLOCK):
        products = (rows[start : start + BLOCK] @ columns).tocsr()
        blocks.append(nearest(_similarities(products, norms, start, config), config.n_neighbours))
    weights = sparse.csr_array(sparse.vstack(blocks, format="csc").T.tocsr(), dtype=np.float32)
    weights.sort_indices()
    return ItemItemRanker(weights, users_of(matrix) > 0)


def _similarities(
    products: sparse.csr_array, norms: NDArray[np.float64], start: int, config: ItemKnnConfig
) -> sparse.csr_array:
    products.sort_indices()
    row_nums = np.repeat(np.arange(start, start + products.shape[0]), np.diff(products.indptr))
    denominator = norms[row_nums] * norms[products.indices] + config.shrinkage
    values = np.where(row_nums == products.indices, 0.0, products.data / denominator)
    result = sparse.csr_array((values, products.indices, products.indptr), shape=products.shape)
    result.eliminate_zeros()
    return result


def nearest(similarities: sparse.csr_array, n_neighbours: int) -> sparse.csr_array:
    """The matrix with the `n_neighbours` largest entries of each row; of equal ones the first columns."""
    counts = np.diff(similarities.indptr)
    row_nums = np.repeat(np.arange(similarities.shape[0]), counts)
    order = np.lexsort((similarities.indices, -similarities.data, row_nums))
    place = np.arange(similarities.nnz) - np.repeat(similarities.indptr[:-1], counts)
    kept = np.sort(order[place < n_neighbours])
    return sparse.csr_array(
        (similarities.data[kept], (row_nums[kept], similarities.indices[kept])), shape=similarities.shape
    )
