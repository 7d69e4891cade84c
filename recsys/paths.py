"""Sample paths of counts that add up over the tree by construction: shared factors above, counts below."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from recsys.hierarchy import Hierarchy

Floats = NDArray[np.float64]

WEEK_CORRELATION = 0.5
"""Of a region's factor from one week to another: a mood lasts."""


def factor_variances(hierarchy: Hierarchy, quadratic: Floats) -> Floats:
    """(n_nodes, horizon) variance of the factor that each region adds to those above it.

    `quadratic` (n_nodes, horizon) is the relative variance of each region's own forecast. What the root varies by,
    all below vary by too; a region adds what it varies by beyond the region above it.
    """
    order = np.argsort(-np.asarray(hierarchy.summing.sum(axis=1)).ravel(), kind="stable")
    above = parents(hierarchy)
    reached = np.zeros_like(quadratic)
    added = np.zeros_like(quadratic)
    for node in order:
        before = reached[above[node]] if above[node] >= 0 else np.zeros(quadratic.shape[1])
        added[node] = np.maximum(quadratic[node] - before, 0.0)
        reached[node] = before + added[node]
    return added


def parents(hierarchy: Hierarchy) -> NDArray[np.int64]:
    """(n_nodes,) node right above each, -1 for the root: the smallest other region that holds all its bottoms."""
    summing = hierarchy.summing
    sizes = np.asarray(summing.sum(axis=1)).ravel()
    shared = (summing @ summing.T).tocsr()
    above = np.full(hierarchy.n_nodes, -1, dtype=np.int64)
    for node in range(hierarchy.n_nodes):
        others = shared.indices[shared.indptr[node] : shared.indptr[node + 1]]
        counts = shared.data[shared.indptr[node] : shared.indptr[node + 1]]
        # Regions come root first, so of two that hold the same bottoms the earlier one is above.
        holds = (counts >= sizes[node]) & ((sizes[others] > sizes[node]) | (others < node)) & (others != node)
        if holds.any():
            candidates = others[holds]
            above[node] = candidates[np.lexsort((-candidates, sizes[candidates]))[0]]
    return above


def sample_paths(
    hierarchy: Hierarchy,
    means: Floats,
    linear: Floats,
    quadratic: Floats,
    n_paths: int,
    rng: np.random.Generator,
) -> Iterator[NDArray[np.float32]]:
    """Yields one category after the other: (n_paths, n_nodes, horizon) coherent counts, whole and not negative.

    Each bottom is a count of variance `linear` x mean + `quadratic` x mean^2, of which the part that regions share
    comes from lognormal factors of mean one. One category at a time keeps a province within memory.

    Args:
        hierarchy: Of the nodes.
        means: (n_bottoms, n_categories, horizon).
        linear: (n_nodes, horizon) of each region's forecasts; the bottom's own is used.
        quadratic: (n_nodes, horizon).
        n_paths: Paths.
        rng: Source of chance.
    """
    n_bottoms, n_categories, horizon = means.shape
    variances = factor_variances(hierarchy, quadratic)
    has_factor = np.flatnonzero(variances.max(axis=1) > 0)
    spread = np.sqrt(np.log1p(variances[has_factor])).astype(np.float32)
    carried = hierarchy.summing[has_factor].T.tocsr().astype(np.float32)
    own = np.array([_own_node(hierarchy, bottom) for bottom in range(n_bottoms)])
    extra = np.maximum(linear[own] - 1.0, 0.0).astype(np.float32)
    for category in range(n_categories):
        mean = means[:, category].astype(np.float32)
        counts = np.empty((n_bottoms, n_paths, horizon), dtype=np.float32)
        log_factor = np.empty((len(has_factor), n_paths, horizon), dtype=np.float32)
        lasting = rng.standard_normal((len(has_factor), n_paths, 1), dtype=np.float32)
        passing = rng.standard_normal(log_factor.shape, dtype=np.float32)
        mixed = np.sqrt(np.float32(WEEK_CORRELATION)) * lasting + np.sqrt(np.float32(1 - WEEK_CORRELATION)) * passing
        log_factor[:] = spread[:, None, :] * mixed - 0.5 * spread[:, None, :] ** 2
        factor = np.exp(np.asarray(carried @ log_factor.reshape(len(has_factor), -1))).reshape(counts.shape)
        rate = mean[:, None, :] * factor
        # Variance beyond Poisson in proportion to the mean: a gamma of shape mean / extra.
        shape = np.where(extra > 0, mean / np.maximum(extra, np.float32(1e-3)), np.float32(1e6))
        shape = np.maximum(shape, np.float32(1e-3))
        rate *= rng.standard_gamma(np.broadcast_to(shape[:, None, :], rate.shape), dtype=np.float32) / shape[:, None, :]
        counts[:] = rng.poisson(rate)
        nodes = np.asarray(hierarchy.summing.astype(np.float32) @ counts.reshape(n_bottoms, -1))
        yield nodes.reshape(hierarchy.n_nodes, n_paths, horizon).transpose(1, 0, 2)


def _own_node(hierarchy: Hierarchy, bottom: int) -> int:
    return int(np.searchsorted(hierarchy.node_regions, hierarchy.bottom_regions[bottom]))
