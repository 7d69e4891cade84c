"""How quickly sessions filled, and what that says of those who found no place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.demand.tails import Floats, tail_means

FIT_NOBODY = 2.0
"""Places left that a party may not fit into."""

_PARTIES_DUE = 5.0
"""That nobody comes where so many parties are due happens to one session in 150 that has room."""


@dataclass(frozen=True)
class Speed:
    """How quickly sessions filled, (n_sessions,) each.

    Attributes:
        reached: Places taken by the time when nearly all were.
        due: Share of its places that a session with room has by that time; NaN: not known.
        last_due: The same by the time when the last place was taken.
        party: Places that are taken at once, in the mean over places.
    """

    reached: Floats
    due: Floats
    last_due: Floats
    party: Floats

    @classmethod
    def unknown(cls, n: int) -> Speed:
        """Of sessions of which nothing tells."""
        nothing = np.full(n, np.nan)
        return cls(np.zeros(n), nothing, nothing, np.ones(n))

    def where(self, chosen: NDArray[np.bool_]) -> Speed:
        """The chosen sessions."""
        return Speed(*(one[chosen] for one in (self.reached, self.due, self.last_due, self.party)))

    def has_stopped(self, places: Floats, limits: Floats) -> NDArray[np.bool_]:
        """(n_sessions,) nobody came any more though several were due, and the places left fit no party.

        It was full before a place was given back, or for parties: those turned away are as unseen as of a full one.
        """
        parties_due = places / self.party * (1 - self.last_due) / np.maximum(self.last_due, 1e-3)
        return np.asarray((limits - places <= FIT_NOBODY) & (parties_due >= _PARTIES_DUE))

    def tails(self, means: Floats, limit: Floats, size: float) -> tuple[Floats, Floats]:
        """E[D | D >= limit] and E[D (D - 1) | D >= limit] of sessions with `due`, given how quickly they filled.

        A gamma-Poisson session's factor has gamma's posterior after `reached` places at the share `due` of the time, as
        many parties telling as much as single places; what is to come then is negative binomial, and at least the rest.
        """
        # Figures that nothing explains were cut after they had been counted here.
        reached = np.minimum(self.reached, limit)
        shape = size + reached / self.party
        to_come = (1 - self.due) * shape / (size / means + self.due / self.party)
        first, second = tail_means(np.maximum(to_come, 1e-6), limit - reached, shape)
        return reached + first, second + 2 * reached * first + reached * (reached - 1)
