"""How near lists could come to the oracle's, whoever made them: the best possible learner on a simulated county.

python -m benchmarks.ranking.bound --data FOLDER [--recommendations FILE] [--people 600] [--kept 100] [--burn-in 100]

FOLDER is one of `culture simulate`. The learner knows the simulator with all its parameters, how good every session is,
the noise of past counts, ages, homes, families, companions' tastes, and what each person did; of people's own tastes
nothing but what that tells. It ranks by the mean chance over guesses of these tastes (Markov chains). Chains that start
at the truth know too much as long as they remember it, chains that start anywhere too little: the bound lies between.
Of what may be listed: the oracle, and this learner, know who has a child; a platform may offer what is for children to
those alone who have booked for one. And who opted out is a stranger to it: the last rows know nothing of them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.bound.chains import Steps, posterior
from benchmarks.bound.county import Ahead, County
from benchmarks.bound.guesses import Prior, drawn, rows_of
from benchmarks.bound.offer import may_be_listed, strangers_alike
from benchmarks.bound.quality import ToldQuality
from recsys.simulation.scoring.answers import read_answer
from recsys.simulation.scoring.judged import Judged, judge, may
from recsys.simulation.scoring.ranking import RECOMMENDATION_COLUMNS, Lists, best_lists, gains, given_lists
from recsys.simulation.truth.oracle import Truth, load_truth

_STARTS = ("from the truth", "from anywhere")
_QUALITIES = {", quality of what nobody booked unknown": False, ", quality told by bookings": True}
_DRAWS = 500


@dataclass(frozen=True)
class Sample:
    """People judged: all with a hit, and some at random.

    Attributes:
        judged: Of these people.
        nums: (n,) their rows in the world.
        at_random: (n,) by whom expected figures go.
    """

    judged: Judged
    nums: NDArray[np.int64]
    at_random: NDArray[np.bool_]


def sample(truth: Truth, window_days: int, people: int, rng: np.random.Generator) -> Sample:
    """All with a hit and `people` at random."""
    judged = judge(truth, window_days)
    n = len(judged.users)
    at_random = np.zeros(n, dtype=bool)
    at_random[rng.choice(n, min(people, n), replace=False)] = True
    rows = np.flatnonzero(at_random | (judged.n_hits > 0))
    some = replace(
        judged,
        users=judged.users.iloc[rows].reset_index(drop=True),
        **{name: getattr(judged, name)[rows] for name in ("relevance", "allowed", "hits", "n_hits", "n_cold_hits")},
    )
    number = pd.Series(np.arange(len(truth.tables["people"])), index=truth.tables["people"]["user_id"])
    return Sample(some, number[some.users["user_id"]].to_numpy(), at_random[rows])


def guessed(
    county: County, truth: Truth, chosen: Sample, steps: Steps, rng: np.random.Generator
) -> dict[str, NDArray[np.float64]]:
    """(n, n_activities) mean chances of both kinds of chain, and with quality not known but for what bookings tell."""
    nums, judged = chosen.nums, chosen.judged
    ahead = Ahead.of(county, nums, judged, may(truth, judged.users, judged.sessions))
    prior = Prior(county.world.config.shape)
    population = county.drawn.population.of(nums)
    true = prior.normals(rows_of(county.drawn.own, nums))
    start = {
        name: np.concatenate([values, other])
        for (name, values), other in zip(true.items(), drawn(true, rng).values(), strict=True)
    }
    both = county.drawn.population.of(np.tile(nums, len(_STARTS)))
    qualities = {
        told: ToldQuality(county, truth, ahead, rng, of_booked=of_booked) for told, of_booked in _QUALITIES.items()
    }
    names = [f"{start}{told}" for told in ("", *qualities) for start in _STARTS]
    sums = {name: np.zeros(judged.allowed.shape) for name in names}
    for z in posterior(county.known(nums).for_guesses(len(_STARTS)), both, start, prior, steps, rng):
        more = {told: quality.more() for told, quality in qualities.items()}
        for num, name in enumerate(_STARTS):
            own = prior.own({block: values[num * len(nums) : (num + 1) * len(nums)] for block, values in z.items()})
            sums[name] += ahead.relevance(population, own)
            for told, added in more.items():
                sums[f"{name}{told}"] += ahead.relevance(population, own, added)
    return {name: total / steps.kept for name, total in sums.items()}


def shares(chosen: Sample, lists: Lists, k: int, rng: np.random.Generator) -> dict[str, str]:
    """Shares of the oracle's figures by segment, realised / expected, with 95 % bootstrap intervals over people."""
    judged = chosen.judged
    oracle = best_lists(judged.relevance, judged.allowed, k)
    hot = judged.users["n_before"].to_numpy() > 0
    row = {}
    for name, here, cold in (
        ("all", np.ones_like(hot), False),
        ("hot", hot, False),
        ("warm", ~hot, False),
        ("cold sessions", np.ones_like(hot), True),
    ):
        ours, best = gains(judged, lists, k, cold=cold), gains(judged, oracle, k, cold=cold)
        hit = here & ~np.isnan(ours.ndcg)
        some = here & chosen.at_random
        row[name] = f"{_ratio(ours.ndcg[hit], best.ndcg[hit], rng)} / {_ratio(ours.worth[some], best.worth[some], rng)}"
        row[f"n {name}"] = str(int(hit.sum()))
    return row


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64], rng: np.random.Generator) -> str:
    if not len(part) or not whole.sum():
        return "-"
    rows = rng.integers(0, len(part), (_DRAWS, len(part)))
    low, high = np.quantile(part[rows].sum(axis=1) / np.maximum(whole[rows].sum(axis=1), 1e-12), [0.025, 0.975])
    return f"{part.sum() / whole.sum():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of `culture simulate`")
    parser.add_argument("--recommendations", type=Path, help="lists to show beside, of `culture recommend`")
    parser.add_argument("--people", type=int, default=600, help="by whom expected figures go, at random")
    parser.add_argument("--burn-in", type=int, default=100, help="rounds")
    parser.add_argument("--kept", type=int, default=100, help="guesses of each person")
    parser.add_argument("--window-days", type=int, default=14)
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    started = time.process_time()
    rng = np.random.default_rng(args.seed)
    truth = load_truth(args.data / "truth")
    county = County.of(truth)
    chosen = sample(truth, args.window_days, args.people, rng)
    means = guessed(county, truth, chosen, Steps(burn_in=args.burn_in, kept=args.kept), rng)
    judged = chosen.judged
    lists = {name: best_lists(mean, judged.allowed, args.k) for name, mean in means.items()}
    listed = may_be_listed(args.data, truth, judged, args.window_days)
    opted_out = ~county.world.people.table["personalised"].to_numpy()[chosen.nums]
    for name, mean in {**means, "oracle": judged.relevance}.items():
        lists[f"{name}, of what may be listed"] = best_lists(mean, listed, args.k)
        known = strangers_alike(mean, opted_out, chosen.at_random)
        lists[f"{name}, of what may be listed and known"] = best_lists(known, listed, args.k)
    if args.recommendations is not None:
        lists["given"] = given_lists(
            judged, read_answer(args.recommendations, RECOMMENDATION_COLUMNS, "recommendations"), args.k
        )
    table = pd.DataFrame({name: shares(chosen, one, args.k, rng) for name, one in lists.items()}).T
    spent = time.process_time() - started
    print(
        f"{len(chosen.nums)} people, {int(chosen.at_random.sum())} of them at random; {spent:.0f} s of processor time"
    )
    print(table.to_string())


if __name__ == "__main__":
    main()
