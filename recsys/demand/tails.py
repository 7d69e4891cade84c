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


def tail_means(mean: Floats, limit: Floats, size: float | Floats, mixing: Mixing = "gamma") -> tuple[Floats, Floats]:
    """E[D | D >= limit] and E[D (D - 1) | D >= limit] of a count with variance mean + mean^2 / size.

    Negative binomial: from x f(x; r, p) = mean f(x - 1; r + 1, p) both are ratios of tails; a tail is a regularised
    incomplete beta function: P(D >= c) = I(mean / (mean + r); c, r). Lognormal: the same of each Poisson of a
    Gauss-Hermite rule, of which a tail is a regularised incomplete gamma function.

    >>> means, _ = tail_means(np.array([4.0]), np.array([0.0]), 5.0)
    >>> float(means[0])
    4.0
    """
    base, first, second = _tails(mean, limit, size, mixing, 3)
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
        reached = _tails(means[is_full], full_counts, size, mixing, 1)[0]
        least, more = (_tails(means[~is_full], open_counts + step, size, mixing, 1)[0] for step in (0, 1))
        exact = least - more
        found[mixing] = float(np.log(np.maximum(np.concatenate([reached, exact]), 1e-12)).sum())
    return max(found, key=lambda mixing: found[mixing])


def _tails(mean: Floats, limit: Floats, size: float | Floats, mixing: Mixing, n_moments: int) -> list[Floats]:
    """P(D >= limit), E[D; D >= limit] and E[D (D - 1); D >= limit], the first of them."""
    leasts = [limit - steps for steps in range(n_moments)]
    # Where nothing has to be reached the tail is all.
    above = [(np.maximum(least, 1e-9), least > 0) for least in leasts]
    if mixing == "gamma":
        share = mean / (mean + size)
        factors = (np.ones(np.shape(mean)), mean, mean**2 * (size + 1) / size)
        return [
            factors[steps] * np.where(is_short, special.betainc(least, size + steps, share), 1.0)
            for steps, (least, is_short) in enumerate(above)
        ]
    spread = np.sqrt(np.log1p(1 / size))
    sums = [np.zeros(np.shape(mean)) for _ in range(n_moments)]
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        rate = mean * np.exp(spread * node - spread**2 / 2)
        for steps, (least, is_short) in enumerate(above):
            sums[steps] += weight * rate**steps * np.where(is_short, special.gammainc(least, rate), 1.0)
    return sums
