"""Random walks of three steps, popular keys held back."""

from __future__ import annotations

import numpy as np
from pydantic import Field
from scipy import sparse

from recsys.closed import Closed
from recsys.rankers.item_item import ItemItemRanker
from training.learners.inputs import checked_interactions, users_of
from training.learners.item_knn import nearest


class Rp3betaConfig(Closed):
    """Settings of `fit_rp3beta`."""

    alpha: float = Field(0.8, gt=0, description="Exponent of each step's probability; below 1 flattens")
    beta: float = Field(0.4, ge=0, description="Divides by users ** beta; more holds popular keys back")
    n_neighbours: int = Field(200, gt=0, description="Keys kept for each key of the history")


def fit_rp3beta(interactions: sparse.csr_array, config: Rp3betaConfig) -> ItemItemRanker:
    r"""Weights $(\sum_u p_{iu}^\alpha p_{uj}^\alpha) / d_j^\beta$ of the walk key, user, key, without its start.

    Source: Paudel et al. 2017, ACM TIIS 7(1).

    Raises:
        FitError: no interactions.
    """
    matrix = checked_interactions(interactions, "RP3beta")
    per_user = np.asarray(matrix.sum(axis=1)).ravel()
    per_key = np.asarray(matrix.sum(axis=0)).ravel()
    to_keys = (sparse.diags_array(1 / np.where(per_user > 0, per_user, 1)) @ matrix).power(config.alpha)
    to_users = (sparse.diags_array(1 / np.where(per_key > 0, per_key, 1)) @ matrix.T).tocsr().power(config.alpha)
    walk = sparse.csr_array(to_users @ to_keys)
    walk.setdiag(0)
    walk.eliminate_zeros()
    held_back = np.where(per_key > 0, np.power(np.maximum(per_key, 1e-12), config.beta), 1.0)
    weights = nearest(sparse.csr_array(walk @ sparse.diags_array(1 / held_back)), config.n_neighbours)
    return ItemItemRanker(sparse.csr_array(weights, dtype=np.float32), users_of(matrix) > 0)
