"""How far outcomes fall from their means: what sessions vary by themselves, and what regions share, from back-tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from recsys.demand.hierarchy import Hierarchy
from recsys.demand.paths import Floats, Ints, OpenParts, SharedFactors, level_groups
from training.demand.programme import OpenMeans

_SESSION_PRIOR = (1.2, 0.05, 0.1, 0.7)
"""Variance for each place to come, each place held, squared place to come, and that times what is unknown."""

_UNPUBLISHED_PRIOR = (6.0, 0.3)
_PRIOR_ROWS = 40.0
_SHARED_PRIOR = 0.02
_SHARED_PRIOR_SPREAD = 0.03
_ROUNDS = 4
_WILD = 12.0
"""A squared error counts as at most so many times its variance: one wild session must not rule."""

_LEAST = 0.02


@dataclass(frozen=True)
class OpenOutcomes:
    """What could still come at some past origins, and what came.

    Attributes:
        origin: (n_rows,) weeks back.
        means: (n_rows,) rows of all origins.
        came: (n_rows,) places in the end; NaN where the week is not over.
    """

    origin: Ints
    means: OpenMeans
    came: Floats


@dataclass(frozen=True)
class Spread:
    """Variances learned from a back-test.

    Attributes:
        session: Of a published session: see `_SESSION_PRIOR`.
        unpublished: Variance of what is to be published, for each place and each squared place.
        shared: What regions have in common.
    """

    session: tuple[float, float, float, float]
    unpublished: tuple[float, float]
    shared: SharedFactors

    def parts(self, means: OpenMeans, limit: Floats, kept: Floats) -> OpenParts:
        """Rows to draw from; `limit` (infinite: none) and `kept` (n_rows,) are those of `OpenParts`."""
        is_session = means.session >= 0
        linear, lapse, quadratic, unknown = self.session
        return OpenParts(
            bottom=means.bottom,
            category=means.category,
            week=means.week,
            mean=means.mean,
            held=means.held,
            lapse=np.full(len(means.mean), min(lapse, 0.5)),
            linear=np.where(is_session, linear, self.unpublished[0]),
            quadratic=np.where(is_session, quadratic + unknown * means.unknown, self.unpublished[1]),
            limit=limit,
            kept=kept,
        )


def fit_spread(hierarchy: Hierarchy, outcomes: OpenOutcomes | None) -> Spread:
    """Variances by moments; drawn to priors where there are few outcomes, and those alone without any.

    First what sessions and series vary by, shared factors included; then what the errors of two of them in one week
    have in common, by the lowest level at which their regions meet; what is shared is taken off the first.
    """
    groups = level_groups(hierarchy)
    shared = np.zeros(len(groups))
    session, unpublished = np.array(_SESSION_PRIOR), np.array(_UNPUBLISHED_PRIOR)
    if outcomes is None or not np.isfinite(outcomes.came).any():
        shared[0] = _SHARED_PRIOR
        return Spread(_SESSION_PRIOR, _UNPUBLISHED_PRIOR, SharedFactors(groups, shared))
    means = outcomes.means
    is_session = means.session >= 0
    error = outcomes.came - means.mean
    known = np.isfinite(error) & (means.mean > _LEAST)
    open_mean = np.maximum(means.mean - means.held * (1 - session[1]), 0.0)
    design = np.column_stack([open_mean, means.held, open_mean**2, open_mean**2 * means.unknown])
    for _ in range(_ROUNDS):
        total = shared.sum() * open_mean**2
        for chosen, prior, columns in (
            (known & is_session, np.array(_SESSION_PRIOR), [0, 1, 2, 3]),
            (known & ~is_session, np.array(_UNPUBLISHED_PRIOR), [0, 2]),
        ):
            own = session if columns[-1] == 3 else unpublished
            variance = design[:, columns] @ own + total + 0.05
            found = _own_variance(design[chosen][:, columns], error[chosen], variance[chosen], total[chosen], prior)
            if columns[-1] == 3:
                session = found
            else:
                unpublished = found
        variance = np.where(is_session, design @ session, design[:, [0, 2]] @ unpublished) + total + 0.05
        shared = _shared(groups, outcomes, np.where(known, error, 0.0), np.where(known, open_mean, 0.0), variance)
    return Spread(
        (float(session[0]), float(session[1]), float(session[2]), float(session[3])),
        (float(unpublished[0]), float(unpublished[1])),
        SharedFactors(groups, shared),
    )


def _own_variance(design: Floats, error: Floats, variance: Floats, shared: Floats, prior: Floats) -> Floats:
    """Non-negative least squares of squared errors, each weighed by its variance, drawn to `prior`."""
    if not len(error):
        return prior
    squares = np.minimum(error**2, _WILD * variance) - shared
    weighted = design / variance[:, None]
    scale = np.sqrt(np.maximum((weighted**2).mean(axis=0), 1e-12))
    left = np.concatenate([weighted, np.diag(np.sqrt(_PRIOR_ROWS) * scale)])
    right = np.concatenate([squares / variance, np.sqrt(_PRIOR_ROWS) * scale * prior])
    return np.asarray(optimize.nnls(left, right)[0])


def _shared(groups: Ints, outcomes: OpenOutcomes, error: Floats, mean: Floats, variance: Floats) -> Floats:
    """(n_levels,) variance of each level's factors, from products of errors of two rows of a category and week."""
    means = outcomes.means
    n_weeks = int(means.week.max(initial=0)) + 1
    key = (outcomes.origin * n_weeks + means.week) * (int(means.category.max(initial=0)) + 1) + means.category
    # Seen from many origins, a week counts once.
    n_views = max(len(np.unique(key)) / max(len(np.unique(means.week - outcomes.origin)), 1), 1.0)
    n_views /= max(len(np.unique(means.category)), 1)
    finer: list[Ints] = [np.arange(len(error))]
    for group in groups[::-1]:
        finer.append(np.unique(key * (int(groups.max()) + 1) + group[means.bottom], return_inverse=True)[1])
    found = []
    for inner, outer in pairwise(finer):
        n_outer = int(outer.max(initial=-1)) + 1
        sums = [np.bincount(outer, weights=what, minlength=n_outer) for what in (error, mean, variance)]
        parts = [np.bincount(inner, weights=what) for what in (error, mean)]
        of_inner = np.zeros(len(parts[0]), dtype=np.int64)
        of_inner[inner] = outer
        squares = [np.bincount(of_inner, weights=part**2, minlength=n_outer) for part in parts]
        pairs_of_errors, pairs_of_means = sums[0] ** 2 - squares[0], sums[1] ** 2 - squares[1]
        weight = pairs_of_means / np.maximum(2 * sums[2] ** 2, 1e-9) / n_views
        prior = 1 / _SHARED_PRIOR_SPREAD**2
        limited = np.clip(pairs_of_errors, -_WILD * sums[2], _WILD * sums[2])
        estimate = (weight @ limited + prior * _SHARED_PRIOR) / (weight @ pairs_of_means + prior)
        found.append(max(estimate, 0.0))
    together = np.maximum.accumulate(np.array(found[::-1]))
    return np.asarray(np.diff(together, prepend=0.0))


def joined(parts: Sequence[tuple[int, OpenMeans, NDArray[np.float64]]]) -> OpenOutcomes | None:
    """The rows of several origins, each with what came; None without any."""
    if not parts:
        return None
    names = OpenMeans.__dataclass_fields__
    return OpenOutcomes(
        origin=np.concatenate([np.full(len(means.mean), origin) for origin, means, _ in parts]),
        means=OpenMeans(**{name: np.concatenate([getattr(means, name) for _, means, _ in parts]) for name in names}),
        came=np.concatenate([came for _, _, came in parts]),
    )
