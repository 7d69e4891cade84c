"""What each past session of an organiser says of a candidate: weights of a Gaussian process over sessions.

Whether a person comes to an organiser's session goes with whether they came to others: to those of the same words, of
the same hour, and to those that lie near in time. Kriging weighs all of these at once. Ten sessions that are alike
say a quarter more than three, and what is like none of those that a person left out is not held against it; sums and
shares of likeness know neither.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.products import row_products

_LATELY, _WORDS, _HOUR, _BOTH = 0.2, 0.5, 0.15, 0.15
"""Parts of the covariance of two attendances: near in time, in words, in the hour of the week, in words and hour."""
_LATELY_DAYS, _LASTING_DAYS = 60.0, 400.0
"""Days within which the first of these falls to a third, and within which the others do."""
_NOISE = 1.2
"""Variance of an attendance that no other session tells."""


@dataclass(frozen=True)
class Alike:
    """How alike some sessions are to others, (n_some, n_others) each.

    Attributes:
        words: Cosine of the words of titles.
        hour: Nearness of the hours of the week.
        days: Days between them.
    """

    words: NDArray[np.float64]
    hour: NDArray[np.float64]
    days: NDArray[np.float64]

    def covariance(self) -> NDArray[np.float64]:
        """Covariance of whether a person comes to the one and to the other."""
        lasting = _WORDS * self.words + _HOUR * self.hour + _BOTH * self.words * self.hour
        return _LATELY * np.exp(-self.days / _LATELY_DAYS) + lasting * np.exp(-self.days / _LASTING_DAYS)


def kriging_weights(to_past: Alike, past: Alike) -> NDArray[np.float64]:
    """(n_candidates, n_past) weights of what a person's attendance of each session was beside their mean.

    Added to the mean, they are what is expected of the candidate. The row of a candidate does not depend, to the last
    bit, on which others there are.

    Source: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, 2.2.

    Args:
        to_past: Of the candidates to an organiser's past sessions.
        past: Of its past sessions to each other.
    """
    noisy = past.covariance()
    noisy[np.diag_indices_from(noisy)] += _NOISE
    return row_products(to_past.covariance(), np.linalg.inv(noisy))
