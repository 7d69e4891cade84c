"""Large blocks cut into clusters: people whom several of them reach are priced (a bound) or shared out (plans)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.placement.blocks.block import Block
from recsys.placement.instance import PlacementInstance
from recsys.placement.whole.greedy import assigned, first_gains, point_weights
from recsys.placement.whole.relaxation import Relaxation

MOST_VENUES = 30
"""Venues of a cluster at most: small enough to be solved in hundredths of a second."""

SECONDS = 3.0
"""Most time for one cluster; its bound holds where it is cut short."""

CLOSE = 1e-3
"""Relative distance of bound and plan that is close enough for a cluster."""


def cluster_bound(
    instance: PlacementInstance,
    relaxed: Relaxation,
    seconds: float,
    pool: ThreadPoolExecutor,
    most_venues: int = MOST_VENUES,
) -> float:
    """A bound on every plan at the relaxation's prices, never above its own but for the slots.

    The relaxation lets every opening take a point's people at a price, whoever else does; a cluster's openings share
    them. People of a point that one cluster alone reaches need no price (Guignard & Kim 1987, Mathematical Programming
    39: what is priced is whether copies of a point agree).

    Args:
        instance: What to choose from.
        relaxed: With prices of people.
        seconds: Time after which the openings of a cluster are bounded one by one.
        pool: Clusters are solved at the same time.
        most_venues: Venues of a cluster at most.
    """
    assert relaxed.people is not None
    most, prices = instance.most_classes(), relaxed.prices
    worth, price = point_weights(instance, prices.floors), prices.of_class(instance)
    active = (most > 0) & (first_gains(instance, worth) > price)
    clusters: list[Block] = []
    bound = prices.of_limits(instance)
    for category in range(instance.n_categories):
        groups = clusters_of(instance, category, np.flatnonzero(active[category]), most_venues)
        people = np.where(_reached_by(instance, groups) > 1, relaxed.people[:, category], 0.0)
        bound += float(people @ instance.demand[:, category])
        clusters += [Block(instance, 0, category, g, most[category, g], people) for g in groups]

    until = time.perf_counter() + seconds

    def best(cluster: Block) -> float:
        mine, left = price[cluster.category, cluster.venues], until - time.perf_counter()
        return cluster.best(mine, worth, min(left, SECONDS), CLOSE)[0] if left > 0 else cluster.at_most(mine, worth)

    return bound + sum(pool.map(best, clusters))


def shared_out(
    instance: PlacementInstance,
    active: NDArray[np.bool_],
    classes: NDArray[np.int64],
    most_venues: int = MOST_VENUES,
) -> list[Block]:
    """Clusters as blocks of their own, the largest first: each may take the people that it takes in a plan.

    Who comes to nothing is left to the cluster of the nearest venue. So any choice of one plan a cluster is a plan of
    all, and the plan given is one of them: but the best choice is not the best of all plans.

    Args:
        instance: What to choose from.
        active: (n_categories, n_venues) openings in question, those of the plan among them.
        classes: (n_categories, n_venues) the plan.
        most_venues: Venues of a cluster at most.
    """
    most = instance.most_classes()
    columns, coming = assigned(instance, classes)
    category_of, served = columns.category[columns.flow_opening], coming / columns.flow_weight
    parts: list[tuple[int, NDArray[np.int64], NDArray[np.float64]]] = []
    for category in range(instance.n_categories):
        groups = clusters_of(instance, category, np.flatnonzero(active[category]), most_venues)
        group, mine = _group_of(instance, groups), category_of == category
        takes = np.zeros((len(groups), len(instance.demand)))
        np.add.at(takes, (group[columns.venue[columns.flow_opening[mine]]], columns.flow_point[mine]), served[mine])
        pairs = np.flatnonzero(group[instance.pair_venue] >= 0)
        pairs = pairs[np.argsort(instance.pair_weight[pairs], kind="stable")]
        nearest = np.full(len(instance.demand), -1)
        nearest[instance.pair_point[pairs]] = group[instance.pair_venue[pairs]]
        reached = np.flatnonzero(nearest >= 0)
        rest = np.maximum(instance.demand[:, category] - takes.sum(axis=0), 0.0)
        takes[nearest[reached], reached] += rest[reached]
        parts += [(category, venues, row) for venues, row in zip(groups, takes, strict=True)]
    parts.sort(key=lambda one: -len(one[1]))
    return [Block(instance, n, c, venues, most[c, venues], demand=row) for n, (c, venues, row) in enumerate(parts)]


def clusters_of(
    instance: PlacementInstance, category: int, venues: NDArray[np.int64], most_venues: int
) -> list[NDArray[np.int64]]:
    """Venues in groups of at most so many: those that share most people join first."""
    row = np.full(instance.n_venues, -1)
    row[venues] = np.arange(len(venues))
    use = row[instance.pair_venue] >= 0
    point = instance.pair_point[use]
    come = instance.pair_weight[use] * np.sqrt(instance.demand[point, category])
    reach = sparse.csr_array((come, (row[instance.pair_venue[use]], point)), shape=(len(venues), len(instance.demand)))
    shared = sparse.triu(reach @ reach.T, 1).tocoo()
    order = np.argsort(-shared.data, kind="stable")
    label = _joined(len(venues), zip(shared.row[order].tolist(), shared.col[order].tolist(), strict=True), most_venues)
    return [venues[label == k] for k in np.unique(label)]


def _joined(n: int, pairs: Iterable[tuple[int, int]], at_most: int) -> NDArray[np.int64]:
    """(n,) label of each once pairs have joined, in turn, to groups of at most so many."""
    above, size = list(range(n)), [1] * n

    def top(k: int) -> int:
        while above[k] != k:
            above[k] = above[above[k]]
            k = above[k]
        return k

    for a, b in pairs:
        a, b = top(a), top(b)
        if a != b and size[a] + size[b] <= at_most:
            above[b] = a
            size[a] += size[b]
    return np.array([top(k) for k in range(n)], dtype=np.int64)


def _group_of(instance: PlacementInstance, groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(n_venues,) group of each venue, -1 where in none."""
    group = np.full(instance.n_venues, -1)
    for k, venues in enumerate(groups):
        group[venues] = k
    return group


def _reached_by(instance: PlacementInstance, groups: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    """(n_points,) number of groups that reach each point."""
    group = _group_of(instance, groups)
    use = group[instance.pair_venue] >= 0
    pairs = np.unique(np.stack([instance.pair_point[use], group[instance.pair_venue[use]]]), axis=1)
    return np.bincount(pairs[0], minlength=len(instance.demand))
