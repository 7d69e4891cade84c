"""How much less people come from farther away, and from beyond the border of the region that a venue is for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from recsys.shrinkage import shrunk

BAND_EDGES_KM = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 5.5, 7, 9, 12, 15, 20, 26, 35, 50, 80, 140, np.inf])


def band_of(km: NDArray[np.float32]) -> NDArray[np.int8]:
    """Of the shape of `km`: row of the band of `BAND_EDGES_KM` that each lies in, the last where it is unknown."""
    band = np.searchsorted(BAND_EDGES_KM[1:-1].astype(np.float32), km, side="right")
    return np.where(np.isnan(km), len(BAND_EDGES_KM) - 1, band).astype(np.int8)


@dataclass(frozen=True)
class DistanceDecay:
    """Willingness to come from a distance, relative to next door.

    Attributes:
        knots_km: (n_knots,) rising distances, from 0.
        log_reach: (n_knots,) logarithm of the willingness, 0 at first, never rising; linear between knots.
        unknown: Willingness assumed where the distance is unknown.
        border: What of it is left across a border, see `features.geography.borders`.
    """

    knots_km: NDArray[np.float64]
    log_reach: NDArray[np.float64]
    unknown: float
    border: float = 1.0

    def reach(
        self, km: NDArray[np.float32], across: NDArray[np.bool_] | NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Of the shape of `km`: willingness in [0, 1]; beyond the last knot it falls on as between the last two.

        Args:
            km: Distances, NaN where unknown.
            across: Share of people for whom a border lies between; None where there are no borders.
        """
        grid = np.linspace(0.0, float(self.knots_km[-1]), 4001)
        table = np.exp(np.interp(grid, self.knots_km, self.log_reach)).astype(np.float32)
        step = grid[1]
        known = np.nan_to_num(km, nan=0.0)
        inside = table[np.minimum((known / step + 0.5).astype(np.int64), len(table) - 1)]
        slope = (self.log_reach[-1] - self.log_reach[-2]) / (self.knots_km[-1] - self.knots_km[-2])
        over = np.maximum(known - self.knots_km[-1], 0.0)
        beyond = np.exp(np.minimum(slope, -0.02) * over).astype(np.float32)
        if across is not None and self.border < 1:
            beyond *= 1 - across * np.float32(1 - self.border)
        return np.where(np.isnan(km), np.float32(self.unknown), inside * beyond).astype(np.float32)


PRIOR_DECAY = DistanceDecay(
    np.array([0.0, 1.0, 3.0, 6.0, 12.0, 25.0, 60.0]), -np.array([0.0, 0.2, 0.6, 1.2, 2.2, 3.6, 6.0]), 0.3
)
"""Used until bookings say more: half at about 2.5 km, a tenth at about 12 km."""

PRIOR_BOOKINGS = 30.0
"""Weight of the prior decay."""


BORDER_ROUNDS = 5
"""Alternations between distance and border."""


def fit_decay(
    observed: NDArray[np.float64], expected: NDArray[np.float64], mean_km: NDArray[np.float64]
) -> DistanceDecay:
    """Decay from bookings per distance band beside what would be expected if distance were nothing.

    Counts are Poisson around `expected * reach(mean_km)`; each band is shrunk towards `PRIOR_DECAY` with the weight
    of `PRIOR_BOOKINGS` bookings, then made never rising by isotonic regression. What is left across borders is shrunk
    to all of it with the same weight.

    Args:
        observed: (2, n_bands) bookings within borders, then across.
        expected: (2, n_bands) bookings expected at reach 1, to a common factor.
        mean_km: (n_bands,) mean distance of the pairs in the band.
    """
    decay, across = PRIOR_DECAY, observed[1].sum()
    for _ in range(BORDER_ROUNDS):
        decay = _falling(observed.sum(axis=0), expected, mean_km, decay.border)
        due = expected @ decay.reach(mean_km.astype(np.float32))
        if not due.all():
            break
        border = shrunk(across, due[1] * observed[0].sum() / due[0], PRIOR_BOOKINGS)
        decay = replace(decay, border=min(float(border), 1.0))
    return decay


def _falling(
    observed: NDArray[np.float64], expected: NDArray[np.float64], mean_km: NDArray[np.float64], border: float
) -> DistanceDecay:
    """The decay given what is left across borders; `observed` (n_bands,) is of both sides."""
    there, passed = expected.sum(axis=0), np.array([1.0, border]) @ expected
    use = there > 0
    if observed[use].sum() < PRIOR_BOOKINGS:
        return PRIOR_DECAY
    km, seen, at_one = mean_km[use], observed[use], passed[use]
    prior = np.exp(np.interp(km, PRIOR_DECAY.knots_km, PRIOR_DECAY.log_reach))
    level = seen.sum() / (at_one * prior).sum()
    weight = PRIOR_BOOKINGS / len(km)
    ratio = (seen + weight) / (at_one * prior * level + weight) * prior * level
    logs = np.log(np.maximum(ratio, 1e-9))
    falling = isotonic_regression(logs, weights=np.sqrt(seen + weight), increasing=False).x
    knots, values = np.unique(np.concatenate([[0.0], km])), np.concatenate([[falling[0]], falling])
    values = values[-len(knots) :]
    spread = float(np.exp(values[-len(km) :] - values[0]) @ at_one / there[use].sum())
    if len(knots) < 2:
        return PRIOR_DECAY
    return DistanceDecay(knots, values - values[0], float(np.clip(spread, 1e-3, 1.0)), border)
