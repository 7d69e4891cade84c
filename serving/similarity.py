"""How alike activities are, from what is known of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.encoding.activity_features import activity_features
from recsys.dataset import Dataset
from recsys.regions import RegionTree


def similarity_rows(dataset: Dataset, tree: RegionTree) -> sparse.csr_array:
    """(n_activities, n_features) rows of length 1 (or 0), features weighted by how rare they are."""
    features = activity_features(dataset, tree)
    matrix = sparse.csr_array(features.matrix, dtype=np.float64)
    used = np.asarray((matrix > 0).sum(axis=0)).ravel()
    idf: NDArray[np.float64] = np.log((1 + matrix.shape[0]) / (1 + used))
    weighted = matrix @ sparse.diags_array(idf)
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return sparse.csr_array(sparse.diags_array(1 / np.where(norms > 0, norms, 1)) @ weighted)
