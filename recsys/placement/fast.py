"""Plans while a slider moves: greedy and the rounded relaxation, the better of both, with the gap stated."""

from __future__ import annotations

import time

import numpy as np

from recsys.placement.instance import Placement, PlacementInstance
from recsys.placement.whole.greedy import GreedyState, assign, fill, point_weights
from recsys.placement.whole.relaxation import relax, rounded

FAST_STEPS = 120


def solve_fast(instance: PlacementInstance, seconds: float = 0.15) -> Placement:
    """The better of the greedy plan and the rounded relaxation, and the relaxation's bound on every plan.

    Args:
        instance: What to choose from.
        seconds: Most time for the relaxation; greedy and the assignment of people come on top.
    """
    began = time.perf_counter()
    state = GreedyState(instance, point_weights(instance))
    marginal = fill(state)
    tried = [state.classes]
    bound = np.inf
    if state.most.sum():
        relaxed = relax(instance, seconds, marginal, FAST_STEPS)
        bound = relaxed.bound
        tried.append(rounded(instance, relaxed).classes)
    best = max(
        ((*assign(instance, classes), classes) for classes in tried),
        key=lambda one: one[1] - one[2],
    )
    people, value, short, classes = best
    taken = time.perf_counter() - began
    bound = value - short if not state.most.sum() else max(bound, value - short)
    return Placement(classes, people, value, short, bound, taken, "fast")
