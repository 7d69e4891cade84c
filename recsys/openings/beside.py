"""Whom one more class draws beside what people can reach already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.openings.saturation import Saturation


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

    def drawn(self, given: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n_points,) people a week whom a class draws and who would not have come elsewhere."""
        return self._new * self._part(given, None)

    def _part(self, given: NDArray[np.float32], out: NDArray[np.float32] | None) -> NDArray[np.float32]:
        """(n_points,) of which who is drawn is a multiple."""
        if self._shares:
            return np.divide(given, np.add(self._filled, given, out=out), out=out)
        return np.negative(np.expm1(np.multiply(-self._k, given, out=out), out=out), out=out)
