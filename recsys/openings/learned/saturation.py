"""How interest is used up by what is within reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Family = Literal["share", "chance"]


@dataclass(frozen=True)
class Saturation:
    """People of rate 1 who come when classes of total access `x` are on: x itself for little, never more than 1 / k.

    Attributes:
        family: `share`: x / (1 + k x), as when one of several is chosen or none (logit); `chance`:
            (1 - exp(-k x)) / k, as when each offer is taken up by itself until one is.
        k: Curvature; a class next door (access 1) uses up k / (1 + k), or 1 - exp(-k), of all interest.
    """

    family: Family
    k: float

    def used(self, access: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Interest used up at an access; written to `out`, another array, where that is given."""
        if self.family == "share":
            used = np.multiply(np.float32(self.k), access, out=out)
            used += 1
            return np.divide(access, used, out=out)
        used = np.expm1(np.multiply(-np.float32(self.k), access, out=out), out=out)
        return np.divide(np.negative(used, out=out), np.float32(self.k), out=out)

    def slope(self, access: NDArray[np.float32], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Interest used up by a little more access; written to `out` where that is given."""
        if self.family == "share":
            slope = np.multiply(np.float32(self.k), access, out=out)
            slope += 1
            return np.divide(1, np.square(slope, out=out), out=out)
        return np.exp(np.multiply(-np.float32(self.k), access, out=out), out=out)

    def bend(self, access: NDArray[np.float32]) -> NDArray[np.float32]:
        """How fast a class uses up its own people: of given access `a` it draws about `slope * a / (1 + bend * a)`.

        Exact for `share`; of `chance` the curve with the same slope and curvature at no access given.

        >>> float(Saturation("share", 2.0).bend(np.float32(0.5)))
        1.0
        """
        if self.family == "share":
            return np.asarray(np.float32(self.k) / (1 + np.float32(self.k) * access), dtype=np.float32)
        return np.full_like(access, self.k / 2)

    def gain(self, access: NDArray[np.float32], given: NDArray[np.float32]) -> NDArray[np.float32]:
        """Interest used up by each unit of `given` more access, see `bend`; the slope where it is 0."""
        return np.asarray(self.slope(access) / (1 + self.bend(access) * given), dtype=np.float32)

    def access_at(self, gain: NDArray[np.float32], given: NDArray[np.float32]) -> NDArray[np.float32]:
        """The access, at least 0, beside which `given` more uses up so much interest by each unit; see `gain`.

        >>> float(Saturation("share", 2.0).access_at(np.float32(0.25), np.float32(0.0)))
        0.5
        """
        k = np.float32(self.k)
        if self.family == "share":
            half = np.float32(0.5) * k * gain * given
            access = (1 / (half + np.sqrt(np.square(half) + gain)) - 1) / k
        else:
            access = -np.log(gain * (1 + np.float32(0.5) * k * given)) / k
        return np.asarray(np.maximum(access, 0), dtype=np.float32)

    def part(self, access: NDArray[np.float32], given: NDArray[np.float32]) -> NDArray[np.float32]:
        """Interest that goes to one class.

        Args:
            access: What everything gives, the class included.
            given: What the class gives of it.
        """
        return np.asarray(self.used(access) * given / np.maximum(access, np.float32(1e-9)), dtype=np.float32)
