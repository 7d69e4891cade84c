"""Popularity by group, backed off up the tree of groups."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import sparse

from recsys.closed import Closed
from recsys.rankers.popularity import PopularityRanker
from training.learners.inputs import checked_interactions


class PopularityConfig(Closed):
    """Settings of `fit_popularity`."""

    prior_weight: float = Field(
        50.0, gt=0, description="Weight of the wider group's shares, in interactions, against a group's own"
    )


def fit_popularity(
    interactions: sparse.csr_array,
    config: PopularityConfig,
    groups: NDArray[np.int64] | None = None,
    parents: NDArray[np.int64] | None = None,
) -> PopularityRanker:
    r"""Shares of keys in each group: $(c_{gk} + m\, s_{\mathrm{parent}(g) k}) / (c_g + m)$; all users at the root.

    A group's counts hold those of the groups below it. Decay is the caller's: interactions carry decayed weights.

    Args:
        interactions: Weights >= 0 of shape (n_users, n_keys).
        config: Settings.
        groups: Row of each user's group, -1 where unknown; None for one ranking for all.
        parents: For each group the row of the wider group, -1 at a root; None when all groups are roots.

    Raises:
        FitError: no interactions.
    """
    matrix = checked_interactions(interactions, "popularity")
    totals = np.asarray(matrix.sum(axis=0)).ravel()
    overall = totals / totals.sum()
    if groups is None:
        return PopularityRanker(overall[None, :].astype(np.float32))
    n_groups = len(parents) if parents is not None else int(groups.max(initial=-1)) + 1
    wider = parents if parents is not None else np.full(n_groups, -1)
    inside = groups >= 0
    member = sparse.csr_array(
        (np.ones(inside.sum()), (groups[inside], np.flatnonzero(inside))), shape=(n_groups, matrix.shape[0])
    )
    counts = (member @ matrix).toarray()
    order = _roots_first(wider)
    for group in order[::-1]:
        if wider[group] >= 0:
            counts[wider[group]] += counts[group]
    shares = np.vstack([counts, overall])
    for group in order:
        prior = config.prior_weight * shares[wider[group]]
        shares[group] = (counts[group] + prior) / (counts[group].sum() + config.prior_weight)
    return PopularityRanker(shares.astype(np.float32))


def _roots_first(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    depth = np.zeros(len(parents), dtype=np.int64)
    above = parents.copy()
    while (above >= 0).any():
        depth += above >= 0
        above = np.where(above >= 0, parents[above], -1)
    return np.argsort(depth, kind="stable")
