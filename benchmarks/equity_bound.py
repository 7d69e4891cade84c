"""The least Gini coefficient that any plan could have at a given reach: a bound on every search of the front."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recsys.openings.access import Access
from recsys.openings.bound import ConcaveModel, Limits
from recsys.openings.question import Choice
from recsys.openings.search import Search

Array = NDArray[np.float64]

MOST_CUTS = 60
CLOSE = 2e-3
"""Share of the reach by which the programme's plan may miss it in the end; the bound holds wherever it stops."""


def least_gini(search: Search, access: Access, reach: float, plan: Sequence[Choice]) -> float:
    """No plan that reaches `reach` people has a lower Gini coefficient: NaN if no plan is that good, 0 for one group.

    A linear programme: classes may be opened in part and have any places between the usual ones and those planned for
    the only new class, nobody is turned away and teachers do not limit. Reach is concave in the classes, so its
    tangents are cut off one by one (Kelley 1960). The ratio that the coefficient is becomes linear by scaling (Charnes
    & Cooper 1962).

    Args:
        search: Of the question, after `run`.
        access: What evenness is of.
        reach: People a week.
        plan: A good one, at which reach is looked at first.
    """
    if len(access.people) < 2:
        return 0.0
    limits = Limits.of(search)
    row, column = np.nonzero(limits.free | limits.fixed)
    n, pairs = len(row), list(itertools.combinations(range(len(access.people)), 2))
    most = search.places(search.inputs.bias * search.inputs.alone.coming)[row, column]
    usual = np.minimum(most, search.inputs.typical_size[row])
    first, second = (np.array(side, dtype=np.int64) for side in zip(*pairs, strict=True))
    # Columns: shares and places of classes, differences of pairs, and the scale, all times the scale.
    n_columns = 2 * n + len(pairs) + 1
    adds = sparse.csr_array(access.per_place[:, column])
    rows: list[tuple[sparse.csr_array, Array, Array]] = []

    def at_most(share: sparse.csr_array, places: sparse.csr_array, apart: sparse.csr_array, scale: Array) -> None:
        block = sparse.hstack([share, places, apart, sparse.csr_array(scale[:, None])], format="csr")
        rows.append((block, np.full(len(scale), -np.inf), np.zeros(len(scale))))

    def none(m: int, width: int) -> sparse.csr_array:
        return sparse.csr_array((m, width))

    eye, apart = sparse.eye_array(n, format="csr"), sparse.eye_array(len(pairs), format="csr")
    at_most(eye, none(n, n), none(n, len(pairs)), -np.ones(n))
    held = limits.fixed[row, column].astype(np.float64)
    at_most(-eye, none(n, n), none(n, len(pairs)), held)
    at_most(sparse.diags_array(-most, format="csr"), eye, none(n, len(pairs)), np.zeros(n))
    at_most(sparse.diags_array(usual, format="csr"), -eye, none(n, len(pairs)), np.zeros(n))
    cost = sparse.csr_array(limits.costs[row][None, :])
    held_cost = float(limits.costs @ limits.fixed.sum(axis=1))
    at_most(cost, none(1, n), none(1, len(pairs)), -np.array([limits.budget + held_cost]))
    free = np.isfinite(limits.slots)
    at = sparse.csr_array((np.ones(n), (column, np.arange(n))), shape=(len(free), n))[np.flatnonzero(free)]
    slots = (limits.slots + limits.fixed.sum(axis=0))[free]
    at_most(at, none(len(slots), n), none(len(slots), len(pairs)), -slots)
    for sign in (1.0, -1.0):
        change = sparse.csr_array(sign * (adds[first] - adds[second]))
        at_most(none(len(pairs), n), change, -apart, sign * (access.now[first] - access.now[second]))
    total = sparse.hstack(
        [none(1, n), sparse.csr_array((access.people @ adds)[None, :]), none(1, len(pairs)),
         sparse.csr_array([[float(access.people @ access.now)]])], format="csr")  # fmt: skip
    rows.append((total, np.ones(1), np.ones(1)))
    weight = access.people[first] * access.people[second] / access.people.sum()
    programme = _programme(np.concatenate([np.zeros(2 * n), weight, [0.0]]), rows, n_columns)
    model, share, least = ConcaveModel(search.inputs, None, limits.slot), _shares(search, limits, plan), float("nan")
    for _ in range(MOST_CUTS):
        reached = model.access(share)
        value, gain = model.value(reached), model.gain(reached)
        # Nowhere is the reach above its tangent: at the plan first, then wherever the programme would go instead.
        slope = np.append(-gain[row, column], reach - value + float((gain * share).sum()))
        where = np.append(np.arange(n), n_columns - 1).astype(np.int32)
        programme.addRow(-highspy.kHighsInf, 0.0, len(where), where, slope)
        programme.run()
        if programme.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return least
        least = float(programme.getInfo().objective_function_value)
        found = np.array(programme.getSolution().col_value)
        share = np.zeros(limits.free.shape)
        share[row, column] = found[:n] / max(found[-1], 1e-12)
        if model.value(model.access(share)) >= reach * (1 - CLOSE):
            break
    return least


def _shares(search: Search, limits: Limits, plan: Sequence[Choice]) -> Array:
    share = np.zeros(limits.free.shape)
    for choice in plan:
        share[
            search.choices.categories.nums([choice.category])[0], search.choices.venues.nums([choice.venue_id])[0]
        ] = 1
    return share


def _programme(cost: Array, rows: list[tuple[sparse.csr_array, Array, Array]], n_columns: int) -> highspy.Highs:
    matrix = sparse.csr_array(sparse.vstack([block for block, _, _ in rows], format="csr"))
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = n_columns, matrix.shape[0]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = cost, np.zeros(n_columns), np.full(n_columns, highspy.kHighsInf)
    lp.row_lower_ = np.concatenate([low for _, low, _ in rows])
    lp.row_upper_ = np.concatenate([high for _, _, high in rows])
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    highs = highspy.Highs()  # type: ignore[no-untyped-call]
    highs.setOptionValue("output_flag", False)
    highs.passModel(lp)
    return highs
