"""Calibration: randomised PIT of sampled counts, and quantile levels put right by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

IDEAL_OUTCOMES = 100.0
"""By so many ideal outcomes levels are drawn to themselves."""


def path_pit(paths: NDArray[np.float32], counts: Floats, rng: np.random.Generator) -> Floats:
    """(...) randomised PIT of counts by (..., n_paths) sampled ones: uniform on [0, 1] if the forecast is right.

    Uniform between the shares of paths below and up to the count, each count standing among its paths as one more.
    Source: Czado, Gneiting & Held 2009, Biometrics 65(4); plain coverage misleads where counts are small.
    """
    below = (paths < counts[..., None]).sum(axis=-1)
    equal = (paths == counts[..., None]).sum(axis=-1)
    return np.asarray((below + rng.random(np.shape(counts)) * (equal + 1)) / (paths.shape[-1] + 1), dtype=np.float64)


def central_levels(pits: Floats, levels: Sequence[float]) -> Floats:
    """Levels to ask of a forecast so that its central intervals hold as many outcomes as they say.

    Both ends of an interval move alike: what lies low or high in a few weeks on end says little of the next. Drawn
    to the levels themselves as if by `IDEAL_OUTCOMES`: weeks and regions go together, so a hundred outcomes say less
    than a hundred. The median stays.

    >>> central_levels(np.array([]), (0.1, 0.5, 0.9)).tolist()
    [0.1, 0.5, 0.9]
    """
    wanted = np.asarray(levels, dtype=np.float64)
    if not len(pits):
        return wanted
    found = _widths(pits, np.abs(2 * wanted - 1))
    return 0.5 + 0.5 * np.sign(wanted - 0.5) * found


def calibrated_pit(pits: Floats, past: Floats) -> Floats:
    """(...) PITs as they are after `central_levels` by the PITs of the `past`: what its intervals really hold.

    >>> calibrated_pit(np.array([0.25]), np.array([])).tolist()
    [0.25]
    """
    if not len(past):
        return pits
    width = np.linspace(0.0, 1.0, 201)
    said = np.interp(np.abs(2 * pits - 1), np.maximum.accumulate(_widths(past, width)), width)
    return np.asarray(0.5 + 0.5 * np.sign(pits - 0.5) * said)


def _widths(past: Floats, width: Floats) -> Floats:
    """What to ask for so that a share `width` of outcomes is inside."""
    share = len(past) / (len(past) + IDEAL_OUTCOMES)
    found = share * np.quantile(np.abs(2 * past - 1), width) + (1 - share) * width
    return np.where(width == 0, 0.0, np.clip(found, 0.0, 0.998))


def pit_coverage(pits: Floats, share: float) -> float:
    """Share of outcomes inside the central interval of `share`, by their PIT; NaN without outcomes."""
    if not len(pits):
        return float("nan")
    return float((np.abs(pits - 0.5) <= share / 2).mean())
