"""Sample paths of weeks ahead, summed from sessions: counts that add up over the tree and respect each limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.demand.hierarchy import Hierarchy

Floats = NDArray[np.float64]
Paths = NDArray[np.float32]
Ints = NDArray[np.int64]

Span = tuple[int, int]
"""Weeks of a forecast from the first up to, but without, the last."""

_LEAST = 1e-6


@dataclass(frozen=True)
class OpenParts:
    """What weeks ahead are made of, but for what has begun: a row a session, or what a series has yet to publish.

    Attributes:
        bottom: (n_rows,) bottom region.
        category: (n_rows,) category number.
        week: (n_rows,) weeks ahead.
        mean: (n_rows,) places wanted in the end.
        held: (n_rows,) places booked already.
        lapse: (n_rows,) share of these that is given up again.
        linear: (n_rows,) own variance of what is not held, of mean m: `linear` m + `quadratic` m^2.
        quadratic: (n_rows,) see there.
        limit: (n_rows,) places that can be taken; infinite where nothing limits them.
        kept: (n_rows,) share of the places wanted within the limit that is taken; below 1 for what is not published.
    """

    bottom: Ints
    category: Ints
    week: Ints
    mean: Floats
    held: Floats
    lapse: Floats
    linear: Floats
    quadratic: Floats
    limit: Floats
    kept: Floats

    def __len__(self) -> int:
        return len(self.mean)

    def where(self, chosen: NDArray[np.bool_] | Ints) -> OpenParts:
        """The chosen rows."""
        return OpenParts(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})

    def split(self) -> tuple[Floats, Floats]:
        """(n_rows,) share of what is held that stays, and the mean of what comes beside it."""
        stays = np.minimum(1 - self.lapse, self.mean / np.maximum(self.held, _LEAST))
        return stays, np.maximum(self.mean - stays * self.held, 0.0)


@dataclass(frozen=True)
class SharedFactors:
    """What regions have in common in a week: a factor of mean one for each group of each level, from wide to narrow.

    Attributes:
        groups: (n_levels, n_bottoms) group of each bottom.
        variances: (n_levels,) variance of a level's factors.
    """

    groups: Ints
    variances: Floats

    def log_factors(self, bottom: Ints, week: Ints, n_paths: int, rng: np.random.Generator) -> Paths:
        """(n_rows, n_paths) logarithm of the product of the factors of each row."""
        log = np.zeros((len(bottom), n_paths), dtype=np.float32)
        for groups, variance in zip(self.groups, self.variances, strict=True):
            if variance <= 0:
                continue
            _, code = np.unique(groups[bottom] * (int(week.max(initial=0)) + 1) + week, return_inverse=True)
            spread = np.float32(np.sqrt(np.log1p(variance)))
            drawn = rng.standard_normal((int(code.max(initial=-1)) + 1, n_paths), dtype=np.float32)
            log += (spread * drawn - np.float32(0.5) * spread**2)[code]
        return log


def level_groups(hierarchy: Hierarchy) -> Ints:
    """(n_levels, n_bottoms) groups of bottoms under one region, a row a level, from the root to the bottoms.

    A bottom without a region of some level above it is a group of its own there. Levels that group alike appear once.
    """
    sizes = np.asarray(hierarchy.summing.sum(axis=1)).ravel()
    names = sorted(set(hierarchy.node_levels), key=lambda one: -sizes[hierarchy.node_levels == one].max())
    own = hierarchy.n_nodes + np.arange(hierarchy.n_bottoms)
    levels = [np.zeros(hierarchy.n_bottoms, dtype=np.int64)]
    for name in names:
        groups = own.copy()
        for node in np.flatnonzero(hierarchy.node_levels == name):
            groups[hierarchy.summing[[node]].indices] = node
        levels.append(groups)
    levels.append(own)
    distinct: list[Ints] = []
    for groups in levels:
        if not distinct or len(np.unique(groups)) > len(np.unique(distinct[-1])):
            distinct.append(groups.astype(np.int64))
    return np.stack(distinct)


def sample_wanted(parts: OpenParts, shared: SharedFactors, n_paths: int, rng: np.random.Generator) -> Paths:
    """(n_rows, n_paths) places wanted, whole and not negative, of rows of one category."""
    stays, to_come = parts.split()
    rate = to_come.astype(np.float32)[:, None] * np.exp(shared.log_factors(parts.bottom, parts.week, n_paths, rng))
    # One gamma factor of mean 1 gives the whole own variance: relative variance quadratic + (linear - 1) / mean.
    own = parts.quadratic + np.maximum(parts.linear - 1.0, 0.0) / np.maximum(to_come, 1e-3)
    shape = np.clip(1 / np.maximum(own, 1e-4), 1e-3, 1e4).astype(np.float32)[:, None]
    rate *= rng.standard_gamma(np.broadcast_to(shape, rate.shape), dtype=np.float32) / shape
    wanted = rng.poisson(rate).astype(np.float32)
    has_held = np.flatnonzero(parts.held > 0)
    held, kept = np.round(parts.held[has_held]).astype(np.int64), np.clip(stays[has_held], 0.0, 1.0)
    wanted[has_held] += rng.binomial(held[:, None], kept[:, None], (len(has_held), n_paths))
    return wanted


def taken_of(parts: OpenParts, wanted: Paths, rng: np.random.Generator) -> Paths:
    """(n_rows, n_paths) places taken of those wanted: none above the limit, and of what is not published a share."""
    taken = np.minimum(wanted, parts.limit.astype(np.float32)[:, None])
    thinned = np.flatnonzero(parts.kept < 1)
    taken[thinned] = rng.binomial(taken[thinned].astype(np.int64), parts.kept[thinned][:, None])
    return taken


def category_paths(
    parts: OpenParts, shared: SharedFactors, n_categories: int, n_paths: int, rng: np.random.Generator
) -> Iterator[tuple[Ints, Paths, Paths]]:
    """Yields for each category its rows of `parts`, and their places taken and wanted, both (n_rows, n_paths).

    Whole, not negative, and nowhere more is taken than wanted. One category at a time keeps a province within memory.
    """
    order = np.argsort(parts.category, kind="stable")
    ends = np.searchsorted(parts.category[order], np.arange(n_categories), side="right")
    for rows in np.split(order, ends)[:n_categories]:
        mine = parts.where(rows)
        wanted = sample_wanted(mine, shared, n_paths, rng)
        yield rows, taken_of(mine, wanted, rng), wanted


def node_paths(hierarchy: Hierarchy, bottom: Ints, week: Ints, horizon: int, paths: Paths) -> Paths:
    """(n_nodes, horizon, n_paths) sums over the tree of (n_rows, n_paths): coherent path by path."""
    shape = (hierarchy.n_bottoms * horizon, len(bottom))
    at = (bottom * horizon + week, np.arange(len(bottom)))
    cells = sparse.csr_array((np.ones(len(bottom), dtype=np.float32), at), shape=shape)
    bottoms = np.asarray(cells @ paths).reshape(hierarchy.n_bottoms, -1)
    nodes = np.asarray(hierarchy.summing.astype(np.float32) @ bottoms)
    return nodes.reshape(hierarchy.n_nodes, horizon, paths.shape[1])


def over_spans(values: NDArray[np.floating], spans: Sequence[Span], axis: int) -> NDArray[Any]:
    """Sums of each span of weeks, which take the place of the weeks along an axis.

    >>> over_spans(np.arange(4.0), [(0, 1), (1, 4)], axis=0).tolist()
    [0.0, 6.0]
    """
    weeks = np.moveaxis(values, axis, 0)
    sums = np.empty((len(spans), *weeks.shape[1:]), dtype=values.dtype)
    for place, (first, end) in enumerate(spans):
        sums[place] = weeks[first:end].sum(axis=0)
    return np.moveaxis(sums, 0, axis)


def single_weeks(horizon: int) -> list[Span]:
    """Each week by itself."""
    return [(week, week + 1) for week in range(horizon)]
