"""Reconciliation: forecasts made for every node of a hierarchy, made to add up, exactly and in sparse form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

Method = Literal["bottom-up", "ols", "wls-structure", "wls-variance", "mint-shrink"]
METHODS: tuple[Method, ...] = ("bottom-up", "ols", "wls-structure", "wls-variance", "mint-shrink")

_LEAST_VARIANCE = 1e-9


@dataclass(frozen=True)
class Reconciler:
    """y - W C' (C W C')^-1 C y: the coherent point nearest to y in the metric of W.

    W is a diagonal plus a low rank (one column a residual), C holds a row "sum minus its parts" for each sum, so
    nothing of n_nodes x n_nodes is ever formed: one sparse LU of C diag C', and a small dense system.
    Source: Wickramasuriya, Athanasopoulos & Hyndman 2019, JASA 114(526); the inverse by Woodbury's identity.

    Attributes:
        summing: (n_nodes, n_bottoms).
        bottom_rows: (n_bottoms,) rows of `summing` that are the bottoms themselves.
        constraints: C, see `summing_constraints`.
        diagonal: (n_nodes,) diagonal of W; None: bottom-up.
        low_rank: (n_nodes, n_residuals) U in W = diagonal + U U'.
    """

    summing: sparse.csr_array
    bottom_rows: NDArray[np.int64]
    constraints: sparse.csr_array
    diagonal: NDArray[np.float64] | None
    low_rank: NDArray[np.float64] | None

    def bottoms(self, base: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_bottoms, k) reconciled bottoms of (n_nodes, k) base values."""
        if self.diagonal is None or len(self.bottom_rows) == self.summing.shape[0]:
            return base[self.bottom_rows]
        constraints = self.constraints
        core = (constraints @ sparse.diags_array(self.diagonal) @ constraints.T).tocsc()
        factor = sparse_linalg.splu(core)
        gaps = np.asarray(constraints @ base)
        solved = factor.solve(gaps)
        if self.low_rank is not None:
            wing = np.asarray(constraints @ self.low_rank)
            carried = factor.solve(wing)
            inner = np.eye(wing.shape[1]) + wing.T @ carried
            solved = solved - carried @ np.linalg.solve(inner, carried.T @ gaps)
        back = np.asarray(constraints.T @ solved)
        move = self.diagonal[:, None] * back
        if self.low_rank is not None:
            move = move + self.low_rank @ (self.low_rank.T @ back)
        return (base - move)[self.bottom_rows]


def fit_reconciler(
    summing: sparse.csr_array,
    bottom_rows: NDArray[np.int64],
    method: Method,
    residuals: NDArray[np.float64] | None = None,
    constraints: sparse.csr_array | None = None,
) -> Reconciler:
    """The reconciler of a method; `residuals` (n_nodes, n_times) of base forecasts where it weighs by their errors.

    Who reconciles many times over one tree hands in its `summing_constraints`.

    Raises:
        ValueError: a method that weighs by errors got no residuals.
    """
    local = summing_constraints(summing, bottom_rows) if constraints is None else constraints

    def weighing(diagonal: NDArray[np.float64] | None, low_rank: NDArray[np.float64] | None = None) -> Reconciler:
        return Reconciler(summing, bottom_rows, local, diagonal, low_rank)

    if method == "bottom-up":
        return weighing(None)
    if method == "ols":
        return weighing(np.ones(summing.shape[0]))
    if method == "wls-structure":
        return weighing(np.asarray(summing.sum(axis=1)).ravel())
    if residuals is None:
        raise ValueError(f"{method} needs residuals of the base forecasts")
    if method == "wls-variance":
        return weighing(np.maximum((residuals**2).mean(axis=1), _LEAST_VARIANCE))
    centred = residuals - residuals.mean(axis=1, keepdims=True)
    n_times = residuals.shape[1]
    shrinkage = shrinkage_intensity(centred)
    variance = np.maximum((centred**2).sum(axis=1) / max(n_times - 1, 1), _LEAST_VARIANCE)
    low_rank = np.sqrt((1 - shrinkage) / max(n_times - 1, 1)) * centred
    # A residual that never moves would leave its node without weight.
    return weighing(np.maximum(shrinkage, 1e-6) * variance, low_rank)


def shrinkage_intensity(centred: NDArray[np.float64]) -> float:
    """Share of a covariance's off-diagonal to drop, from (n_nodes, n_times) centred residuals.

    Source: Schäfer & Strimmer 2005, Stat. Appl. Genet. Mol. Biol. 4(1). All pairs of nodes enter through the
    (n_times, n_times) Gram matrix, so it costs n_nodes x n_times^2.
    """
    n_times = centred.shape[1]
    if n_times < 3:
        return 1.0
    scale = np.sqrt((centred**2).mean(axis=1, keepdims=True))
    unit = np.divide(centred, scale, out=np.zeros_like(centred), where=scale > 1e-12)
    gram = unit.T @ unit
    # Sum over pairs i != j of mean(w_ij)^2, and of sum over times of (w_ijt - mean)^2; w_ijt = x_it x_jt.
    squares_of_means = ((gram**2).sum() - ((unit**2).sum(axis=1) ** 2).sum()) / n_times**2
    sums_of_squares = ((unit**2).sum(axis=0) ** 2).sum() - (unit**4).sum()
    spread = sums_of_squares - n_times * squares_of_means
    if squares_of_means <= 0:
        return 1.0
    return float(np.clip(spread / (n_times * (n_times - 1)) / squares_of_means, 0.0, 1.0))


def summing_constraints(summing: sparse.csr_array, bottom_rows: NDArray[np.int64]) -> sparse.csr_array:
    """(n_sums, n_nodes) C with C y = 0 for coherent y: each sum less its parts.

    In a tree the parts are the nodes right below, which keeps C C' as sparse as the tree; a sum that no smaller
    sums make up exactly is written in bottoms.
    """
    n_nodes = summing.shape[0]
    is_bottom = np.zeros(n_nodes, dtype=bool)
    is_bottom[bottom_rows] = True
    sums = np.flatnonzero(~is_bottom)
    members = [summing.indices[summing.indptr[num] : summing.indptr[num + 1]] for num in range(n_nodes)]
    by_size = sums[np.argsort([len(members[num]) for num in sums], kind="stable")]
    # Walk from small sums to large: what currently stands for each bottom is the largest sum built so far.
    standing = np.asarray(bottom_rows, dtype=np.int64).copy()
    sizes = np.array([len(one) for one in members])
    rows, columns, values = [], [], []
    for row, num in enumerate(by_size):
        mine = members[num]
        parts, counts = np.unique(standing[mine], return_counts=True)
        if not (counts == sizes[parts]).all():
            parts = bottom_rows[mine]
        rows += [row] * (len(parts) + 1)
        columns += [num, *parts.tolist()]
        values += [1.0] + [-1.0] * len(parts)
        if (counts == sizes[np.unique(standing[mine])]).all():
            standing[mine] = num
    return sparse.csr_array((values, (rows, columns)), shape=(len(by_size), n_nodes))
