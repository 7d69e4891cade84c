"""Sums of sessions, or forecasts of whole regions made to add up: for each level what did better at past origins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from features.demand.panel import DemandPanel
from recsys.demand.hierarchy import Hierarchy
from recsys.demand.reconcile import METHODS, Method, fit_reconciler, summing_constraints
from training.demand.known import KnownDemand
from training.demand.programme import OpenMeans, ProgrammeData
from training.forecasters.family import median_of
from training.forecasters.panel import pooled_panel
from training.forecasters.statistical import Statistical, statistical_forecasts

Floats = NDArray[np.float64]

BOTTOM_UP: Method = "bottom-up"

_LEAST_GAIN = 0.03
"""So much less error than sums of sessions have, or they stay: near a tie the simpler way wins."""

_LEAST_ORIGINS = 4
_LEAST_SHARE_OF_ORIGINS = 0.75
"""Origins a week apart share most of their weeks, so a method that wins at half of them may owe it to one week; fewer
than four do not decide anything."""

_LEAST_RESIDUALS = 6
"""Weeks of errors from which variances are learned; before that a level's weights are those of the tree's structure."""

_DIRECT: tuple[Statistical, ...] = ("ses", "tsb")
"""Beside the pooled panel; of all single-series models the ones that take microseconds: a county has many origins."""

_SCALES = (0.5, 2.0)
"""A level's forecast may at most halve or double what sessions say: beyond that one of both knows something that the
other cannot, and it is sessions that know what is published and booked."""


@dataclass(frozen=True)
class Rows:
    """Sums and bottoms as rows of one matrix: a region may be both.

    Attributes:
        sums: (n_sums,) nodes that several bottoms make up, the root first.
        parents: (n_sums,) row of the sum around each; -1 for the root.
        summing: (n_sums + n_bottoms, n_bottoms).
        constraints: Each sum less its parts.
        names: (n_sums + n_bottoms,) level of each row.
    """

    sums: NDArray[np.int64]
    parents: NDArray[np.int64]
    summing: sparse.csr_array
    constraints: sparse.csr_array
    names: NDArray[np.str_]

    @classmethod
    def of(cls, hierarchy: Hierarchy) -> Rows:
        """The rows of a tree."""
        sizes = np.asarray(hierarchy.summing.sum(axis=1)).ravel()
        sums = np.flatnonzero(sizes > 1)
        own = np.searchsorted(hierarchy.node_regions, hierarchy.bottom_regions)
        bottoms = sparse.eye_array(hierarchy.n_bottoms)
        whole = sparse.csr_array(sparse.vstack([hierarchy.summing[sums], bottoms]).tocsr())
        constraints = summing_constraints(whole, len(sums) + np.arange(hierarchy.n_bottoms))
        names = hierarchy.node_levels[np.concatenate([sums, own])].astype(str)
        parents = np.append(-1, np.searchsorted(sums, hierarchy.parents()[sums[1:]]))
        return cls(sums, parents, whole, constraints, names)

    @property
    def bottoms(self) -> NDArray[np.int64]:
        """(n_bottoms,) rows of the bottoms."""
        return len(self.sums) + np.arange(self.summing.shape[1])

    def up(self, bottoms: Floats) -> Floats:
        """(n_rows, ...) of (n_bottoms, ...)."""
        flat = bottoms.reshape(len(bottoms), int(np.prod(bottoms.shape[1:])))
        return np.asarray(self.summing @ flat).reshape(self.summing.shape[0], *bottoms.shape[1:])


@dataclass(frozen=True)
class Reconciliation:
    """What was chosen, and the means that follow from it.

    Attributes:
        methods: By level of the tree.
        wape: By level and method, of past origins.
        by_method: (n_bottoms, n_categories, horizon) means of whole weeks now, by method.
        chosen: By origin, the means of whole weeks as chosen; empty where sums of sessions are best at every level.
    """

    methods: dict[str, Method]
    wape: dict[str, dict[Method, float]]
    by_method: dict[Method, Floats]
    chosen: dict[int, Floats]

    def adjusted(self, origin: int, means: OpenMeans, begun: Floats) -> OpenMeans:
        """What can still come, moved so that whole weeks have the chosen means; `begun` is certain."""
        if origin not in self.chosen:
            return means
        shape = (begun.shape[0], begun.shape[1], begun.shape[2])
        still_open = means.weekly(shape)
        wanted = np.maximum(self.chosen[origin] - begun, 0.0)
        scale = np.clip(np.divide(wanted, still_open, out=np.ones(shape), where=still_open > 1e-6), *_SCALES)
        return replace(means, mean=means.mean * scale[means.bottom, means.category, means.week])

    def notes(self) -> dict[str, str]:
        """The choice of each level in words, with the errors that made it."""
        return {
            f"reconciliation, {level}": f"{method}; WAPE of demand at past origins "
            + ", ".join(f"{name} {value:.3f}" for name, value in self.wape[level].items())
            for level, method in self.methods.items()
        }


def chosen_reconciliation(
    known: KnownDemand, data: ProgrammeData, tested: Sequence[tuple[int, OpenMeans]], now: OpenMeans
) -> Reconciliation:
    """Every method at every past origin, by what was known at it, and for each level the one that erred least.

    Bases are forecasts of the weekly sums themselves (median of the pooled panel and `_DIRECT`) above, the sessions'
    below; weights are learned from errors of older origins in weeks that were over by then.
    """
    rows = Rows.of(known.hierarchy)
    by_origin = dict(tested) | {0: now}
    bases = {origin: _base(rows, known, data, origin, means) for origin, means in by_origin.items()}
    if not len(rows.sums):
        return Reconciliation({}, {}, {BOTTOM_UP: bases[0]}, {})
    actual = {origin: rows.up(data.totals[origin]) for origin in by_origin}
    said = {origin: _by_method(rows, bases, actual, origin) for origin in by_origin}
    methods: dict[str, Method] = {}
    wape: dict[str, dict[Method, float]] = {}
    for level in dict.fromkeys(rows.names.tolist()):
        errors, total = _errors(rows, said, actual, [origin for origin, _ in tested], rows.names == level)
        if total.sum() > 0:
            wape[level] = {method: float(errors[i].sum() / total.sum()) for i, method in enumerate(METHODS)}
            methods[level] = _best(errors)
    is_plain = set(methods.values()) <= {BOTTOM_UP}
    chosen = {} if is_plain else {origin: _together(rows, said[origin], methods) for origin in by_origin}
    return Reconciliation(methods, wape, said[0], chosen)


def _base(rows: Rows, known: KnownDemand, data: ProgrammeData, origin: int, means: OpenMeans) -> Floats:
    """(n_rows, n_categories, horizon) forecasts that need not add up."""
    shape = (data.shape[1], data.shape[2], data.shape[3])
    bottoms = data.begun[origin] + means.weekly(shape)
    if not len(rows.sums):
        return bottoms
    panel: DemandPanel = known.panel
    n_weeks = max(panel.n_weeks - origin, 0)
    history = rows.up(panel.demand[..., :n_weeks])[: len(rows.sums)]
    ahead = known.weeks - pd.Timedelta(weeks=origin)
    flat = history.reshape(history.shape[0] * history.shape[1], n_weeks)
    direct = [pooled_panel(history, panel.weeks[:n_weeks], ahead, rows.parents)]
    for model in _DIRECT:
        singly = statistical_forecasts(flat, shape[2], model, season=1)[0]
        direct.append(singly.reshape(*history.shape[:2], shape[2]))
    sums = np.maximum(median_of(direct), rows.up(data.begun[origin])[: len(rows.sums)])
    return np.concatenate([sums, bottoms])


def _by_method(rows: Rows, bases: dict[int, Floats], actual: dict[int, Floats], origin: int) -> dict[Method, Floats]:
    """(n_bottoms, n_categories, horizon) by method; before there are errors to weigh by, those count as structural."""
    base = bases[origin]
    residuals = [(actual[older] - bases[older])[..., : older - origin] for older in sorted(bases) if older > origin]
    known = np.concatenate(residuals, axis=-1) if residuals else base[..., :0]
    found: dict[Method, Floats] = {}
    for method in METHODS:
        needs_errors = method in ("wls-variance", "mint-shrink")
        if needs_errors and known.shape[-1] < _LEAST_RESIDUALS:
            found[method] = found["wls-structure"]
        elif needs_errors:
            parts = [_reconciled(rows, base[:, [c]], method, known[:, c]) for c in range(base.shape[1])]
            found[method] = np.concatenate(parts, axis=1)
        else:
            found[method] = _reconciled(rows, base, method, None)
    return found


def _reconciled(rows: Rows, base: Floats, method: Method, residuals: Floats | None) -> Floats:
    reconciler = fit_reconciler(rows.summing, rows.bottoms, method, residuals, rows.constraints)
    bottoms = np.maximum(reconciler.bottoms(base.reshape(len(base), -1)), 0.0)
    return bottoms.reshape(-1, *base.shape[1:])


def _errors(
    rows: Rows,
    said: dict[int, dict[Method, Floats]],
    actual: dict[int, Floats],
    origins: Sequence[int],
    members: NDArray[np.bool_],
) -> tuple[Floats, Floats]:
    """(n_methods, n_origins) absolute errors in weeks that are over, and (n_origins,) what came."""
    errors = np.zeros((len(METHODS), len(origins)))
    total = np.zeros(len(origins))
    for place, origin in enumerate(origins):
        came = actual[origin][members][..., :origin]
        total[place] = came.sum()
        for number, method in enumerate(METHODS):
            means = rows.up(said[origin][method])[members][..., :origin]
            errors[number, place] = np.abs(means - came).sum()
    return errors, total


def _best(errors: Floats) -> Method:
    """The method of least error, if it beats sums of sessions by enough and at most origins; else these."""
    sums = errors.sum(axis=1)
    best = int(np.argmin(sums))
    plain = METHODS.index(BOTTOM_UP)
    wins = errors[best] < errors[plain]
    is_clear = sums[best] < (1 - _LEAST_GAIN) * sums[plain] and wins.mean() >= _LEAST_SHARE_OF_ORIGINS
    return METHODS[best] if is_clear and len(wins) >= _LEAST_ORIGINS else BOTTOM_UP


def _together(rows: Rows, said: dict[Method, Floats], methods: dict[str, Method]) -> Floats:
    """(n_bottoms, n_categories, horizon) of the methods of all levels; one that holds at every level stays as it is."""
    base = np.stack([rows.up(said[methods.get(name, BOTTOM_UP)])[row] for row, name in enumerate(rows.names)])
    return _reconciled(rows, base, "wls-structure", None)
