"""How fast `culture recommend` makes lists where a million people live, beside a bare product: `make bench-recommend`.

The world is made up in memory: open sessions of as many activities, programmes (organiser x category) of venues in
townships, and some five bookings a person. In turns, with the same candidates, it measures users a second of processor
time of both stages (from the people's rows to the rows of their lists), of the first stage alone (what may be offered,
scores of all rankers, shortlists), and of a float32 product of 64 factors with the ten best of each row. On a busy
machine only their ratios mean something.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.speed.made_up import AT, made_up_tables, sampled
from features.ranking.lists import RankingModel, list_frame, rank_block, user_blocks
from features.ranking.two_stages import offered, rivals, shortlisted
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.learned.stage_one import booked_organisers, stage_one
from recsys.dataset import Dataset
from training.ranking.fit import RankingConfig, fit_ranking
from training.ranking.windows import WindowConfig

K = 10
N_FACTORS = 64
PRODUCT_ROWS = 256
PARTS = {"both stages": 0.1, "first stage": 0.5}
"""Least share of the bare product's users a second that each part is to reach."""

Actions = dict[str, Callable[[], object]]


def only_users(dataset: Dataset, n: int, seed: int) -> Dataset:
    """Some of the people at random, with their own bookings."""
    some = sampled(dataset.tables(), n, seed)
    return replace(dataset, users=some["users"], bookings=some["bookings"])


def both_stages(model: RankingModel, catalogue: Catalogue, people: Dataset) -> pd.DataFrame:
    """Lists as `recommend` makes them, from the people's own rows."""
    blocks = user_blocks(catalogue, people, people.users)
    frames = [list_frame(catalogue, block, rank_block(model, catalogue, block, K)) for block in blocks]
    return pd.concat(frames, ignore_index=True)


def first_stage(model: RankingModel, catalogue: Catalogue, people: Dataset) -> Callable[[], None]:
    """Scores and shortlists of blocks of people whose rows have been read."""
    blocks = list(user_blocks(catalogue, people, people.users))

    def run() -> None:
        for block in blocks:
            allowed = rivals(block, offered(catalogue, block))
            first = stage_one(catalogue, block, model.learners)
            shortlisted(first, allowed, ~booked_organisers(catalogue, block))

    return run


def bare_product(n_users: int, n_candidates: int) -> Callable[[], None]:
    """The ten best of users' products with all candidates: no rule, no history, no order of equals."""
    rng = np.random.default_rng(0)
    users = rng.normal(size=(n_users, N_FACTORS)).astype(np.float32)
    candidates = rng.normal(size=(N_FACTORS, n_candidates)).astype(np.float32)

    def run() -> None:
        for start in range(0, n_users, PRODUCT_ROWS):
            scores = users[start : start + PRODUCT_ROWS] @ candidates
            best = np.argpartition(scores, -K, axis=1)[:, -K:]
            np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)

    return run


def seconds(action: Callable[[], object]) -> float:
    """Seconds of processor time that an action takes, of all threads together."""
    started = time.process_time()
    action()
    return time.process_time() - started


def peak_gib() -> float:
    """Most memory that the process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def asked() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=20_000, help="sessions that can be booked")
    parser.add_argument("--learn-from", type=int, default=20_000, help="users whose bookings the model is learned from")
    parser.add_argument("--ranked", type=int, default=3000, help="users ranked in each turn")
    parser.add_argument("--turns", type=int, default=3, help="turns, of which the best counts")
    parser.add_argument("--profile", action="store_true", help="print where the time of one turn goes instead")
    return parser.parse_args()


def show_profiles(actions: Actions) -> None:
    """Prints where the time of the parts goes, once what is kept from turn to turn is there."""
    for name in PARTS:
        actions[name]()
        profile = cProfile.Profile()
        profile.runcall(actions[name])
        print(name)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def show_rates(rates: dict[str, float]) -> bool:
    """Prints users a second of processor time; says whether every part reaches its share of the bare product."""
    bare = rates["bare product"]
    for name, rate in rates.items():
        least = PARTS.get(name)
        aim = "" if least is None else f", to reach {least:g}: {'reached' if rate >= least * bare else 'MISSED'}"
        print(f"{name:14s} {rate:8.0f} users/CPU s {rate / bare:7.3f} of the bare product{aim}")
    return all(rates[name] >= least * bare for name, least in PARTS.items())


def main() -> int:
    """Makes the world, learns, measures in turns and prints a table."""
    given = asked()
    started = time.perf_counter()

    def tell(what: str) -> None:
        print(f"{time.perf_counter() - started:6.0f} s, {peak_gib():5.1f} GiB: {what}", flush=True)

    dataset = Dataset.from_tables(made_up_tables(given.users, given.open), AT)
    tell(f"{len(dataset.users):,} users, {len(dataset.bookings):,} bookings, {len(dataset.sessions):,} sessions")
    config = RankingConfig(windows=WindowConfig(n_windows=2, users_each=200))
    model = fit_ranking(only_users(dataset, given.learn_from, 1), config)
    tell(f"learned from {given.learn_from:,} users, {'two stages' if model.re_ranker else 'FIRST STAGE ALONE'}")
    catalogue = catalogue_of(dataset, AT)
    people = only_users(dataset, given.ranked, 2)
    tell(f"catalogue of {len(catalogue):,} candidates, {len(catalogue.levels['programme'].keys):,} programmes")
    actions: Actions = {
        "both stages": lambda: both_stages(model, catalogue, people),
        "first stage": first_stage(model, catalogue, people),
        "bare product": bare_product(len(people.users), len(catalogue)),
    }
    if given.profile:
        show_profiles(actions)
        return 0
    best = dict.fromkeys(actions, float("inf"))
    for _ in range(given.turns):
        for name, action in actions.items():
            best[name] = min(best[name], seconds(action))
    tell(f"{given.turns} turns of {len(people.users):,} users")
    has_reached = show_rates({name: len(people.users) / spent for name, spent in best.items()})
    print(f"peak memory {peak_gib():.2f} GiB")
    return 0 if has_reached else 1


if __name__ == "__main__":
    sys.exit(main())
