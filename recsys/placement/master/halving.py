"""Which two parts of all plans to look at apart, so that each is worth less than what the linear master mixes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys.placement.blocks.parts import Limit
from recsys.placement.master.linear import Master

PART = 1e-4
"""Part of a class by which a number of classes must not be whole for plans to be halved there."""

PROMISED = 0.15
"""Product of the shares of the gap that two parts must promise to close; a gap can be closed once."""


def halves(master: Master, limits: Sequence[Limit], floor: float) -> tuple[Limit, Limit] | None:
    """Two limits, one of which every whole plan keeps, within which plans are worth least; None where that is little.

    Slots keep plans of several blocks from standing side by side. What the master makes of them by mixing is gone once
    it is said how many classes a block has in all, or at a venue. Judged by the plans known: the product of what both
    halves lose (Achterberg, Koch & Martin 2005, Operations Research Letters 33(1)).

    Args:
        master: Solved, within limits.
        limits: These.
        floor: What a plan must be worth to be of use.
    """
    whole, most, best = master.value(), PROMISED, None
    if whole <= floor:
        return None
    for both in _mixed(master):
        product = 1.0
        for half in both:
            master.limit([*limits, half])
            master.prices()
            product *= min((whole - master.value()) / (whole - floor), 1.0)
        if product > most:
            most, best = product, both
    master.limit(limits)
    master.prices()
    return best


def _mixed(master: Master) -> list[tuple[Limit, Limit]]:
    """Halves at each number of classes, of an opening or of a block, that is not whole in the master's mixture."""
    found = []
    wanted = master.wanted()
    for block in master.blocks:
        classes = wanted[block.category, block.venues]
        for venues in [*block.venues[:, None], block.venues][: None if len(classes) > 1 else 1]:
            n = float(classes[np.isin(block.venues, venues)].sum())
            if abs(n - round(n)) > PART:
                below = float(np.floor(n))
                category = block.category
                found.append((Limit(category, venues, 0.0, below), Limit(category, venues, below + 1, np.inf)))
    return found
