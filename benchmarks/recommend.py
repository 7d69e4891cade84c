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
from numpy.typing import NDArray

from features.ranking.lists import RankingModel, list_frame, rank_block, user_blocks
from features.ranking.two_stages import offered, shortlisted
from features.signals.catalogue import Catalogue, catalogue_of
from features.signals.stage_one import booked_organisers, stage_one
from recsys.dataset import Dataset, is_among
from training.ranking import RankingConfig, fit_ranking
from training.windows import WindowConfig

AT = pd.Timestamp("2026-03-02T00:00:00Z")
N_TOWNSHIPS = 100
N_VENUES = 300
N_ORGANISERS = 200
N_CATEGORIES = 20
CATEGORIES_EACH = 10
BOOKINGS_EACH = 5
FAVOURITES = 3
BOOKED_AHEAD = 0.1
"""Share of the bookings for what is still to come that have been made."""
PAST_DAYS = 180
AHEAD_DAYS = 28

K = 10
N_FACTORS = 64
PRODUCT_ROWS = 256
PARTS = {"both stages": 0.1, "first stage": 0.5}
"""Least share of the bare product's users a second that each part is to reach."""


def ids(letter: str, nums: NDArray[np.int64]) -> pd.Series:
    """Text ids of row numbers."""
    return pd.Series(np.char.add(letter, nums.astype(np.str_)), dtype="string[pyarrow]")


def some(rng: np.random.Generator, values: object, share: float) -> pd.Series:
    """The values, each missing with chance 1 - share."""
    series = pd.Series(values)
    return series.where(rng.random(len(series)) < share)


def made_up_world(n_users: int, n_open: int, seed: int = 0) -> Dataset:
    """People, programmes and bookings; what is open has as many activities as sessions."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(36.0, 37.0, N_TOWNSHIPS), rng.uniform(117.0, 118.0, N_TOWNSHIPS)
    homes = rng.integers(0, N_TOWNSHIPS, n_users)
    of_venue = rng.integers(0, N_TOWNSHIPS, N_VENUES)
    programme = np.sort(rng.integers(0, N_ORGANISERS * CATEGORIES_EACH, 2 * n_open))
    programme = programme[rng.permutation(2 * n_open)]
    activities, sessions, days = _timetable(rng, programme, n_open)
    townships = ids("t", np.arange(N_TOWNSHIPS))
    tables = {
        "regions": pd.DataFrame(
            {
                "region_id": ["county", *townships],
                "name": ["county", *townships],
                "level": ["county"] + ["township"] * N_TOWNSHIPS,
                "parent_id": [None] + ["county"] * N_TOWNSHIPS,
                "lat": [36.5, *lat],
                "lon": [117.5, *lon],
            }
        ),
        "venues": pd.DataFrame(
            {
                "venue_id": ids("v", np.arange(N_VENUES)),
                "name": ids("house ", np.arange(N_VENUES)),
                "region_id": ids("t", of_venue),
                "lat": lat[of_venue] + rng.normal(0, 0.02, N_VENUES),
                "lon": lon[of_venue] + rng.normal(0, 0.02, N_VENUES),
            }
        ),
        "users": pd.DataFrame(
            {
                "user_id": ids("u", np.arange(n_users)),
                "birth_year": some(rng, rng.integers(1940, 2015, n_users), 0.9),
                "gender": some(rng, np.array(["f", "m"])[rng.integers(0, 2, n_users)], 0.9),
                "region_id": ids("t", homes),
                "lat": some(rng, lat[homes] + rng.normal(0, 0.02, n_users), 0.7),
                "lon": lon[homes] + rng.normal(0, 0.02, n_users),
                "interests": some(rng, ids("category ", rng.integers(0, N_CATEGORIES, n_users)), 0.3),
                "personalised": rng.random(n_users) > 0.02,
            }
        ),
        "activities": activities,
        "sessions": sessions,
        "bookings": _bookings(rng, n_users, programme, days),
    }
    return Dataset.from_tables(tables, AT)


def _timetable(
    rng: np.random.Generator, programme: NDArray[np.int64], n_open: int
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.float64]]:
    """Activities, their one session each (first those to come), and days from `AT` to its start."""
    n = len(programme)
    organiser, place = programme // CATEGORIES_EACH, programme % CATEGORIES_EACH
    category = (organiser + place * 7) % N_CATEGORIES
    hours = rng.choice([1, 2, 6, 8, 10, 11, 12], n) / 24
    days = hours + np.where(np.arange(n) < n_open, rng.integers(0, AHEAD_DAYS, n), -rng.integers(1, PAST_DAYS, n))
    starts = AT + pd.to_timedelta(days, unit="D")
    words = np.array([f"word{i}" for i in range(400)])
    title = np.char.add(np.char.add(words[category], " "), words[20 + programme * 3 % 380])
    activities = pd.DataFrame(
        {
            "activity_id": ids("a", np.arange(n)),
            "category": ids("category ", category),
            "title": np.char.add(np.char.add(title, " "), words[rng.integers(0, 400, n)]),
            "kind": rng.choice(["training", "performance", "lecture", "exhibition"], n),
            "organiser_id": ids("o", organiser),
            "audience": some(rng, rng.choice(["adults", "families", "seniors"], n), 0.5),
            "min_age": some(rng, rng.choice([3, 6, 16, 18, 55], n), 0.3),
            "max_age": some(rng, rng.choice([12, 14, 90], n), 0.2),
        }
    )
    sessions = pd.DataFrame(
        {
            "session_id": ids("s", np.arange(n)),
            "activity_id": ids("a", np.arange(n)),
            "starts_at": starts,
            "ends_at": starts + pd.to_timedelta(rng.choice([60, 90, 120], n), unit="m"),
            "venue_id": ids("v", (organiser * 3 + rng.integers(0, 3, n)) % N_VENUES),
            "capacity": some(rng, rng.integers(10, 200, n), 0.9),
            "published_at": starts - pd.to_timedelta(AHEAD_DAYS + rng.uniform(0, 14, n), unit="D"),
        }
    )
    return activities, sessions, days


def _bookings(
    rng: np.random.Generator, n_users: int, programme: NDArray[np.int64], days: NDArray[np.float64]
) -> pd.DataFrame:
    """Two in three with a favourite programme, the rest anywhere; a few for what is still to come."""
    n = round(n_users * BOOKINGS_EACH / (0.5 + 0.5 * BOOKED_AHEAD))
    user = rng.integers(0, n_users, n)
    favourite = (user * 7919 + rng.integers(0, FAVOURITES, n) * 104_729) % programme.max()
    order = np.argsort(programme, kind="stable")
    first = np.searchsorted(programme[order], favourite)
    size = np.searchsorted(programme[order], favourite, side="right") - first
    liked = order[np.minimum(first + (rng.random(n) * size).astype(np.int64), len(programme) - 1)]
    session = np.where(rng.random(n) < 0.67, liked, rng.integers(0, len(programme), n))
    kept = (days[session] < 0) | (rng.random(n) < BOOKED_AHEAD)
    user, session = user[kept], session[kept]
    ahead = np.maximum(days[session], 0) + rng.uniform(0.01, 14, len(user))
    return pd.DataFrame(
        {
            "booking_id": ids("b", np.arange(len(user))),
            "user_id": ids("u", user),
            "session_id": ids("s", session),
            "booked_at": AT + pd.to_timedelta(days[session] - ahead, unit="D"),
            "status": np.where(days[session] < 0, "attended", "booked"),
            "attendee_birth_years": some(rng, ids("", rng.integers(2012, 2022, len(user))), 0.05),
        }
    )


def only_users(dataset: Dataset, n: int, seed: int) -> Dataset:
    """Some of the people at random, with their own bookings."""
    chosen = np.sort(np.random.default_rng(seed).choice(len(dataset.users), min(n, len(dataset.users)), replace=False))
    users = dataset.users.iloc[chosen].reset_index(drop=True)
    mine = is_among(dataset.bookings["user_id"], users["user_id"])
    return replace(dataset, users=users, bookings=dataset.bookings[mine].reset_index(drop=True))


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
            allowed = offered(catalogue, block) | ~block.is_personal[:, None]
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


def main() -> int:
    """Makes the world, learns, measures in turns and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=20_000, help="sessions that can be booked")
    parser.add_argument("--learn-from", type=int, default=20_000, help="users whose bookings the model is learned from")
    parser.add_argument("--ranked", type=int, default=3000, help="users ranked in each turn")
    parser.add_argument("--turns", type=int, default=3, help="turns, of which the best counts")
    parser.add_argument("--profile", action="store_true", help="print where the time of one turn goes instead")
    given = parser.parse_args()
    started = time.perf_counter()

    def tell(what: str) -> None:
        print(f"{time.perf_counter() - started:6.0f} s, {peak_gib():5.1f} GiB: {what}", flush=True)

    dataset = made_up_world(given.users, given.open)
    tell(f"{len(dataset.users):,} users, {len(dataset.bookings):,} bookings, {len(dataset.sessions):,} sessions")
    config = RankingConfig(windows=WindowConfig(n_windows=2, users_each=200))
    model = fit_ranking(only_users(dataset, given.learn_from, 1), config)
    tell(f"learned from {given.learn_from:,} users, {'two stages' if model.re_ranker else 'FIRST STAGE ALONE'}")
    catalogue = catalogue_of(dataset, AT)
    people = only_users(dataset, given.ranked, 2)
    tell(f"catalogue of {len(catalogue):,} candidates, {len(catalogue.levels['programme'].keys):,} programmes")
    actions: dict[str, Callable[[], object]] = {
        "both stages": lambda: both_stages(model, catalogue, people),
        "first stage": first_stage(model, catalogue, people),
        "bare product": bare_product(len(people.users), len(catalogue)),
    }
    if given.profile:
        for name in PARTS:
            profile = cProfile.Profile()
            profile.runcall(actions[name])
            print(name)
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        return 0
    best = dict.fromkeys(actions, float("inf"))
    for _ in range(given.turns):
        for name, action in actions.items():
            best[name] = min(best[name], seconds(action))
    tell(f"{given.turns} turns of {len(people.users):,} users")
    rates = {name: len(people.users) / spent for name, spent in best.items()}
    for name, rate in rates.items():
        share = rate / rates["bare product"]
        least = PARTS.get(name)
        aim = "" if least is None else f", to reach {least:g}: {'reached' if share >= least else 'MISSED'}"
        print(f"{name:14s} {rate:8.0f} users/CPU s {share:7.3f} of the bare product{aim}")
    print(f"peak memory {peak_gib():.2f} GiB")
    return 0 if all(rates[name] >= least * rates["bare product"] for name, least in PARTS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
