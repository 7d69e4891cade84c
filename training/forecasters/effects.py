"""What a session draws as a product of crossed effects: category, venue, organiser, hour, festival, course."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg as sparse_linalg

from features.calendar import day_table
from features.panel_sessions import SessionBook, joint_codes

REFIT_WEEKS = 4
"""Effects are learned anew at every fourth origin, and used until the next."""

_HALF_LIFE_WEEKS = 40.0
_SIZE = 4.0
_N_ROUNDS = 8
_FESTIVAL_BANDS = (-28, -14, -7, -2, 3, 9, 16, 28)


@dataclass(frozen=True)
class EffectDesign:
    """One column an effect that a session can have.

    Attributes:
        matrix: (n_sessions, n_columns), the first column being ones.
        ridge: (n_columns,) inverse prior variance of each effect on the log scale.
    """

    matrix: sparse.csr_array
    ridge: NDArray[np.float64]


def effect_design(book: SessionBook) -> EffectDesign:
    """Indicator columns of crossed groups, each with the spread that such effects usually have."""
    starts = pd.DatetimeIndex(book.starts)
    hour = (starts.hour // 2).to_numpy(dtype=np.int64)
    weekday = starts.dayofweek.to_numpy(dtype=np.int64)
    category, keys = book.category, book.keys
    days = day_table(book.starts.astype("datetime64[D]"))
    festival = np.digitize(days["to_spring_festival"].to_numpy(), _FESTIVAL_BANDS).astype(np.int64)
    off = days["is_off"].to_numpy().astype(np.int64) + 2 * days["is_makeup"].to_numpy().astype(np.int64)
    kind = np.maximum(keys["kind"], 0)
    groups: list[tuple[NDArray[np.int64], float]] = [
        (category, 0.6),
        (keys["kind"], 0.6),
        (book.bottom, 0.5),
        (keys["venue"], 0.5),
        (keys["organiser"], 0.4),
        (keys["audience"], 0.4),
        (joint_codes(category, keys["kind"]), 0.4),
        (joint_codes(category, keys["audience"]), 0.3),
        (joint_codes(category, book.bottom), 0.4),
        (joint_codes(category, keys["venue"]), 0.4),
        (keys["series"], 0.4),
        (keys["activity"], 0.4),
        (weekday, 0.3),
        (hour, 0.3),
        (joint_codes(weekday, hour), 0.3),
        (joint_codes(keys["audience"], joint_codes(weekday, hour)), 0.2),
        (joint_codes(festival, kind), 0.4),
        (joint_codes(off, kind), 0.4),
        (starts.month.to_numpy(dtype=np.int64), 0.15),
    ]
    n_sessions = len(book)
    rows, columns, ridge = [np.arange(n_sessions)], [np.zeros(n_sessions, dtype=np.int64)], [np.array([1e-4])]
    n_columns = 1
    for codes, spread in groups:
        known = np.flatnonzero(codes >= 0)
        rows.append(known)
        columns.append(n_columns + codes[known])
        n_codes = int(codes.max(initial=-1)) + 1
        ridge.append(np.full(n_codes, spread**-2))
        n_columns += n_codes
    place = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.csr_array((np.ones(len(place[0])), place), shape=(n_sessions, n_columns))
    return EffectDesign(matrix, np.concatenate(ridge))


def effect_means(
    book: SessionBook, design: EffectDesign, values: NDArray[np.float64], n_origins: int
) -> NDArray[np.float64]:
    """(n_sessions, n_refits) mean of each session by what had begun at origin 0, 4, 8, ... weeks back.

    Origin j must read column ceil(j / 4), which knows nothing after it. Counts are taken as negative binomial, older
    ones at less weight; the fit is penalised iterated least squares, each step solved by conjugate gradients.
    """
    n_refits = -(-(n_origins - 1) // REFIT_WEEKS) + 1
    means = np.empty((len(book), n_refits))
    beta = np.zeros(design.matrix.shape[1])
    for refit in range(n_refits - 1, -1, -1):
        cut = refit * REFIT_WEEKS
        begun = np.flatnonzero((book.age > cut) & ~book.is_cancelled)
        if len(begun):
            weight = 0.5 ** ((book.age[begun] - cut) / _HALF_LIFE_WEEKS)
            beta = _fit(design.matrix[begun], values[begun], weight, design.ridge, beta)
        means[:, refit] = np.exp(np.clip(design.matrix @ beta, -5, 9))
    return means


def _fit(
    matrix: sparse.csr_array,
    counts: NDArray[np.float64],
    weight: NDArray[np.float64],
    ridge: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    beta = start.copy()
    if not beta.any():
        beta[0] = np.log(max(float(np.average(counts, weights=weight)), 0.05))
    transposed = matrix.T.tocsr()
    for _ in range(_N_ROUNDS):
        eta = np.clip(matrix @ beta, -5, 9)
        mean = np.exp(eta)
        working = weight * mean / (1 + mean / _SIZE)
        # Counts far above a small mean would throw the step: limited to what three steps can make up.
        pull = working * np.clip((counts - mean) / mean, -1, 3)
        gradient = transposed @ pull - ridge * beta
        diagonal = transposed.power(2) @ working + ridge

        def product(vector: NDArray[np.float64], working: NDArray[np.float64] = working) -> NDArray[np.float64]:
            return np.asarray(transposed @ (working * (matrix @ vector)) + ridge * vector)

        shape = (len(beta), len(beta))
        step, _ = sparse_linalg.cg(
            sparse_linalg.LinearOperator(shape, matvec=product, dtype=np.float64),
            gradient,
            rtol=1e-3,
            maxiter=60,
            M=sparse_linalg.LinearOperator(shape, matvec=lambda v, d=diagonal: v / d, dtype=np.float64),
        )
        beta = beta + step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-9))
        if float(np.abs(step).max()) < 1e-3:
            break
    return beta
