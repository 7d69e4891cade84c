"""Rates and means of few observations, drawn towards what many have."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.floating[Any] | np.integer[Any]]


def shrunk(seen: Numbers, due: Numbers, strength: Floats | float, to: Floats | float = 1.0) -> Floats:
    """What was seen over what was due, or sums over counts, as if there were `strength` more of `to`.

    The posterior mean of a Poisson rate with a gamma prior (Gelman et al. 2013, Bayesian Data Analysis, 2.6).

    >>> float(shrunk(np.array([8.0]), np.array([1.0]), 1.0, to=2.0)[0])
    5.0

    Args:
        seen: (...) counts or sums.
        due: (...) how many they would be at a rate of 1.
        strength: (...) or one for all: weight of `to`, in units of `due`.
        to: (...) or one for all: the rate where nothing is due.
    """
    return np.asarray((seen + strength * to) / (due + strength))


def shrunk_by_group(seen: Floats, due: Floats, strength: float, of_all: float) -> Floats:
    """(n_groups, n) rates of groups, drawn to those of all groups together, and these to 1.

    Args:
        seen: (n_groups, n) counts.
        due: (n_groups, n) how many they would be at a rate of 1.
        strength: Weight of all groups in one, in units of `due`.
        of_all: Weight of 1 in all groups.
    """
    return shrunk(seen, due, strength, shrunk(seen.sum(axis=0), due.sum(axis=0), of_all))
