"""Each person's tastes given what is seen of them: Metropolis steps, all people at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.bound.choice import Bools
from benchmarks.bound.evidence import Evidence
from benchmarks.bound.guesses import Normals, Prior, chosen, moved
from recsys.simulation.setting.tastes import Population

_HABITS = (("slots",), ("kinds",), ("styles",), ("reach",), ("slots", "kinds", "styles"))
_WISHES = (
    ("mixing",),
    ("passion",),
    ("activity",),
    ("mixing", "activity"),
    ("passion", "activity"),
    ("child",),
    ("child_passion",),
    ("child", "child_passion", "activity"),
)


@dataclass(frozen=True)
class Steps:
    """How long to walk.

    Attributes:
        burn_in: Rounds before the first guess is kept; a round has one step of habits and `wishes` steps of wishes.
        kept: Guesses kept.
        between: Rounds between them.
        wishes: Steps of wishes a round.
    """

    burn_in: int = 100
    kept: int = 100
    between: int = 2
    wishes: int = 40


def posterior(
    evidence: Evidence, population: Population, start: Normals, prior: Prior, steps: Steps, rng: np.random.Generator
) -> Iterator[Normals]:
    """Guesses after the burn-in, each row a chain of its own."""
    z = start
    own = prior.own(z)
    habits = evidence.habits(population, own)
    log = evidence.log_likelihood(population, own, habits)
    n = len(log)

    def accepts(new: NDArray[np.float64]) -> Bools:
        return np.log(rng.random(n)) < new - log

    for round_num in range(steps.burn_in + steps.kept * steps.between):
        names = _HABITS[round_num % len(_HABITS)]
        proposal = moved(z, names, rng)
        own = prior.own(proposal)
        proposed = evidence.habits(population, own)
        new = evidence.log_likelihood(population, own, proposed)
        accepted = accepts(new)
        z, log = chosen(accepted, proposal, z), np.where(accepted, new, log)
        habits = proposed.where(accepted, habits, evidence.booked_row)
        for step in range(steps.wishes):
            proposal = moved(z, _WISHES[step % len(_WISHES)], rng)
            new = evidence.log_likelihood(population, prior.own(proposal), habits)
            accepted = accepts(new)
            z, log = chosen(accepted, proposal, z), np.where(accepted, new, log)
        if round_num >= steps.burn_in and (round_num - steps.burn_in) % steps.between == steps.between - 1:
            yield z
