"""Tails of overdispersed counts: what is expected of a count that is known to have reached a limit."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Mixing = Literal["gamma", "lognormal"]
MIXINGS: tuple[Mixing, ...] = ("gamma", "lognormal")
"""What multiplies a Poisson's mean: gamma makes it negative binomial, lognormal gives a heavier tail."""

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_LOST = 1e-280


def tail_means(mean: Floats, limit: Floats, size: float, mixing: Mixing = "gamma") -> tuple[Floats, Floats]:
    """E[D | D >= limit] and E[D (D - 1) | D >= limit] of a count with variance mean + mean^2 / size.

    Negative binomial: from x f(x; r, p) = mean f(x - 1; r + 1, p) both are ratios of tails; a tail is a regularised
    incomplete beta function: P(D >= c) = I(mean / (mean + r); c, r). Lognormal: the same of each Poisson of a
    Gauss-Hermite rule, of which a tail is a regularised incomplete gamma function.

    >>> means, _ = tail_means(np.array([4.0]), np.array([0.0]), 5.0)
    >>> float(means[0])
    4.0
    """
    base, first, second = (_gamma_tails if mixing == "gamma" else _lognormal_tails)(mean, limit, size)
    base = np.maximum(base, _LOST)
    # So far in the tail that both underflow: somebody who fills it only just did.
    lost = base <= _LOST
    return (
        np.where(lost, limit, np.maximum(first / base, limit)),
        np.where(lost, limit * (limit - 1), second / base),
    )


def likelier_mixing(counts: Floats, means: Floats, is_full: NDArray[np.bool_], size: float) -> Mixing:
    """The mixing under which (n,) counts with these means are likelier; a full one reached its count at least."""
    open_counts, full_counts = counts[~is_full], counts[is_full]
    found: dict[Mixing, float] = {}
    for mixing in MIXINGS:
        tails = _gamma_tails if mixing == "gamma" else _lognormal_tails
        reached = tails(means[is_full], full_counts, size)[0]
        exact = tails(means[~is_full], open_counts, size)[0] - tails(means[~is_full], open_counts + 1, size)[0]
        found[mixing] = float(np.log(np.maximum(np.concatenate([reached, exact]), 1e-12)).sum())
    return max(found, key=lambda mixing: found[mixing])


def _gamma_tails(mean: Floats, limit: Floats, size: float) -> tuple[Floats, Floats, Floats]:
    share = mean / (mean + size)

    def tail(steps: int) -> Floats:
        least = limit - steps
        above = special.betainc(np.maximum(least, 1e-9), size + steps, share)
        return np.where(least > 0, above, 1.0)

    return tail(0), mean * tail(1), mean**2 * (size + 1) / size * tail(2)


def _lognormal_tails(mean: Floats, limit: Floats, size: float) -> tuple[Floats, Floats, Floats]:
    spread = np.sqrt(np.log1p(1 / size))
    sums = [np.zeros(np.shape(mean)) for _ in range(3)]
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        rate = mean * np.exp(spread * node - spread**2 / 2)
        for steps, total in enumerate(sums):
            least = limit - steps
            above = np.where(least > 0, special.gammainc(np.maximum(least, 1e-9), rate), 1.0)
            total += weight * rate**steps * above
    return sums[0], sums[1], sums[2]
