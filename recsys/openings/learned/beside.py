"""Whom one more class draws beside what people can reach already."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recsys.openings.learned.saturation import Saturation

POINTS_AT_ONCE = 2048
"""Of which what dozens of classes draw is worked out together: arrays stay in the nearest cache."""


class Beside:
    """People beside the access that they have to a category: laid out for asking what many single classes would draw.

    Of interest of rate 1 beside access `x`, with `u` the saturation, a class of access `a` draws `u(x + a) - u(x)` who
    would not have come elsewhere, and `u(x + a) a / (x + a)` want a place in it. For `share` both are multiples of
    `a / (x + a + 1 / k)`.

    Args:
        saturation: How interest is used up.
        access: (n_points,) access that people have.
        rate: (n_points,) people a week who would come to a class next door at a mean time.
        worth: (n_points,) the planner's weight of a person; without it all weigh 1.
    """

    def __init__(
        self,
        saturation: Saturation,
        access: NDArray[np.float32],
        rate: NDArray[np.float32],
        worth: NDArray[np.float32] | None = None,
    ) -> None:
        self.access = access
        self._saturation, self._rate, self._worth = saturation, rate, worth
        k = self._k = np.float32(saturation.k)
        self._shares = saturation.family == "share"
        if self._shares:
            self._filled = access + 1 / k
            self._new, wanting = rate / (np.square(k) * self._filled), rate / k
        else:
            self._new, wanting = rate * np.exp(-k * access) / k, rate
        self._rows = np.stack([self._new, wanting, *([] if worth is None else [self._new * worth])])

    def weighed(self, worth: NDArray[np.float32] | None) -> Beside:
        """The same people as a planner weighs them."""
        return self if worth is None else Beside(self._saturation, self.access, self._rate, worth)

    def after(self, given: NDArray[np.float32]) -> Beside:
        """The same people once a class of (n_points,) access is open."""
        return Beside(self._saturation, self.access + given, self._rate, self._worth)

    def counts(self, given: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> tuple[float, float, float]:
        """People a week: whom a class draws, who want a place in it, and the worth of the first.

        Args:
            given: (n_points,) access that the class gives.
            out: An array like it to work in: making new ones takes longer than counting.
        """
        drawn, wanting, *worth = (self._rows @ self._part(given, out)).tolist()
        if not self._shares:
            wanting = float(self._rate @ self._saturation.part(self.access + given, given))
        return drawn, wanting, worth[0] if worth else drawn

    def together(
        self, given: Callable[[slice], NDArray[np.float32]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n_classes,) worth of whom each class draws, and by how much two draw less than both apart, or no more than.

        Where one draws the part `a` of a person and another `b`, two draw `a b` less by `chance`; by `share` it is
        `a b (1 + (1 - a) (1 - b) / (1 - q))`, `q = a b`, and `1 / (1 - q)` is at least `1 + 4 q^2`.

        Args:
            given: (n_classes, n) access that each class gives to the points of a slice.

        Returns: (n_classes,) and (n_classes, n_classes) figures.
        """
        drawn, less = [], []
        for first in range(0, self._rows.shape[1], POINTS_AT_ONCE):
            at = slice(first, first + POINTS_AT_ONCE)
            part, new = self._part(given(at), None, at), self._rows[-1 if self._worth is not None else 0, at]
            drawn.append(part @ new)
            factors = [part * np.sqrt(new)]
            if self._shares:
                factors.append(factors[0] * (1 - part))
                factors.append(factors[1] * (2 * np.square(part)))
            less += [one @ one.T for one in factors]
        return np.sum(drawn, axis=0, dtype=np.float64), np.sum(less, axis=0, dtype=np.float64)

    def drawn(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_points,) people a week whom a class draws and who would not have come elsewhere."""
        return self._new * self._part(given, None)

    def _part(
        self, given: NDArray[np.float32], out: NDArray[np.float32] | None, at: slice = slice(None)
    ) -> NDArray[np.float32]:
        """(n_points,) of which who is drawn is a multiple; of a slice of the points what is `given` to them."""
        if self._shares:
            return np.divide(given, np.add(self._filled[at], given, out=out), out=out)
        return np.negative(np.expm1(np.multiply(-self._k, given, out=out), out=out), out=out)
