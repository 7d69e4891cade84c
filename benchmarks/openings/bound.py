"""How near plans could come to the oracle's, whoever made them: the best possible learner on simulated counties.

python -m benchmarks.openings.bound [--seeds 20-21] [--users 5000] [--shapes logit,gravity] [--budget 40] [--rounds 120]
    [--out FILE]

The learner knows the simulator with all its parameters, the season, how good every session was, the noise of past
counts, how far and when each person goes, ages, homes, families and what each person did; of what people want, and of
what is liked in each township and in the county, nothing but what that tells. It plans as the oracle does on the mean
of guesses of it (Markov chains that start at the truth, so that it knows too much as long as they remember it). The
value of its plan, as a share of the oracle's, is above what anybody can reach in the mean who has no more to go by.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.bound.county import County
from benchmarks.bound.guesses import Prior, chosen, moved, rows_of
from benchmarks.bound.places import Places, tastes
from benchmarks.counties import Row, county_parser, each_county
from recsys.dataset import Dataset
from recsys.simulation.scoring.plans import Belief, plan_of, true_beliefs
from recsys.simulation.setting.tastes import rates
from recsys.simulation.truth.openings import OpeningWorld
from recsys.simulation.truth.oracle import Truth

_WISHES = (("mixing",), ("passion",), ("activity",), ("mixing", "activity"), ("child", "child_passion"), ("passion",))
_STEPS = np.array([0.05, 0.1, 0.2, 0.4])


@dataclass(frozen=True)
class Guess:
    """What one round of the chains guesses.

    Attributes:
        wish: (n, n_categories) chance a week that a person wants each category.
        local: (n_townships, n_categories) tastes of places.
    """

    wish: NDArray[np.float32]
    local: NDArray[np.float64]


def guesses(one: County, nums: NDArray[np.int64], rounds: int, rng: np.random.Generator) -> Iterator[Guess]:
    """Guesses of each round: a step of what is each person's own of each kind, then of each category's places."""
    population, own = one.drawn.population.of(nums), rows_of(one.drawn.own, nums)
    evidence, prior = one.known(nums), Prior(one.world.config.shape)
    habits = evidence.habits(population, own)
    places = Places.of(population, one.world.people.table["township_id"].to_numpy(dtype=object)[nums])
    z, (township, district) = prior.normals(own), places.split(rng)
    n_towns, n_categories = township.shape
    log = evidence.log_likelihood(population, own, habits)
    for _ in range(rounds):
        for names in _WISHES:
            proposal = moved(z, names, rng)
            new = evidence.log_likelihood(population, prior.own(proposal), habits)
            accepted = np.log(rng.random(len(log))) < new - log
            z, log = chosen(accepted, proposal, z), np.where(accepted, new, log)
        own = prior.own(z)
        for category in range(n_categories):
            step = rng.choice(_STEPS, n_towns)
            tried = township.copy()
            tried[:, category] = np.sqrt(1 - step**2) * tried[:, category] + step * rng.normal(size=n_towns)
            new = evidence.log_likelihood(places.guessed(tastes(tried, district)), own, habits)
            gain = np.bincount(places.township, new - log, n_towns)
            accepted = np.log(rng.random(n_towns)) < gain
            township = np.where(accepted[:, None], tried, township)
            log = np.where(accepted[places.township], new, log)
        # The county's part moves against its townships': together they stay, so that no likelihood is needed.
        local = tastes(township, district)
        township, district = replace(places, local=local).split(rng)
        population = places.guessed(local)
        yield Guess(rates(population, own)[0], local)


def believed(truth: Truth, world: OpeningWorld, rounds: int, rng: np.random.Generator) -> tuple[Belief, Belief]:
    """What is so, and what the best possible learner believes: wishes are means over the later half of the rounds."""
    (city,), (true,) = world.cities, true_beliefs(world)
    one, nums = County.of(truth), city.crowd.nums
    kept = [guess.wish for n, guess in enumerate(guesses(one, nums, rounds, rng)) if 2 * n >= rounds]
    mean = np.mean(kept, axis=0)
    return true, replace(true, want=(true.want * mean / np.maximum(truth.people.rates[nums], 1e-12)).astype(np.float32))


def judged(truth: Truth, rounds: int, budget: int) -> Row:
    """The value of the learner's plan, of the oracle's."""
    world = OpeningWorld(truth)
    true, best = believed(truth, world, rounds, np.random.default_rng(truth.manifest["knobs"]["seed"]))
    values = [float(world.value(plan_of(world, [one], budget)).attendance.sum()) for one in (best, true)]
    return {"of oracle": values[0] / values[1]}


def main() -> None:
    """Runs the counties and prints the table."""
    parser = county_parser(__doc__, seeds="20-21", users=5000)
    parser.add_argument("--budget", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=120)
    args = parser.parse_args()

    def bounded(_: Dataset, truth: Truth) -> list[Row]:
        return [judged(truth, args.rounds, args.budget)]

    table = each_county(args, bounded)
    print(f"\n{table.groupby('shape', sort=False)['of oracle'].agg(['mean', 'sem', 'count']).round(3).to_string()}")


if __name__ == "__main__":
    main()
