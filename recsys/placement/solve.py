"""Plans with a bound: proven by enumeration up to the size of a city, else column generation over blocks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from recsys.placement.instance import Placement, PlacementInstance
from recsys.placement.master.generation import ColumnGeneration
from recsys.placement.proof.exact import Proof

PROVEN_UP_TO = 5000
"""Openings up to which a proof by enumeration is worth a try: a city of some 230 venues with 24 categories."""

THREADS = 2
"""Blocks solved at the same time."""


def solve(
    instance: PlacementInstance,
    seconds: float,
    gap: float = 1e-4,
) -> Placement:
    """The best plan found and a bound on every plan, in one of two ways (`Placement.method` says which).

    - `enumeration` (`recsys.placement.proof.exact`): without floors and with at most `PROVEN_UP_TO` openings (pairs of
      category and venue that could run a class), all plans of blocks that a better plan could hold are written
      down, and the best choice among them is proven.
    - `blocks`, for all else: column generation over blocks, which ends within a gap.

    Both price budget, slots, teachers (and floors): the rest falls apart into small blocks (one category, venues with
    shared points). Openings whose gain alone is below a share of the price start outside all blocks; the bound
    counts what they could still bring, and they are taken in when that matters. The bound holds at any time.

    Args:
        instance: What to choose from.
        seconds: Time after which the best so far is returned.
        gap: Proven relative distance at which to stop.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        if not instance.floors and np.count_nonzero(instance.most_classes()) <= PROVEN_UP_TO:
            return Proof(instance, seconds, gap, pool).run()
        return ColumnGeneration(instance, seconds, gap, pool).run()
