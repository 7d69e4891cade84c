"""A county of any size, made up in a moment: people, programmes and bookings, to be ranked for in numbers.

Open sessions of as many activities, programmes (organiser x category) of venues in townships, and some five bookings a
person, two in three of them with favourite programmes. `python -m benchmarks.speed.made_up FOLDER` writes the tables.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from recsys.dataset import is_among

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


def ids(letter: str, nums: NDArray[np.int64]) -> pd.Series:
    """Text ids of row numbers."""
    return pd.Series(np.char.add(letter, nums.astype(np.str_)), dtype="string[pyarrow]")


def some(rng: np.random.Generator, values: object, share: float) -> pd.Series:
    """The values, each missing with chance 1 - share."""
    series = pd.Series(values)
    return series.where(rng.random(len(series)) < share)


def made_up_tables(n_users: int, n_open: int, seed: int = 0) -> dict[str, pd.DataFrame]:
    """People, programmes and bookings; what is open has as many activities as sessions."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(36.0, 37.0, N_TOWNSHIPS), rng.uniform(117.0, 118.0, N_TOWNSHIPS)
    homes = rng.integers(0, N_TOWNSHIPS, n_users)
    of_venue = rng.integers(0, N_TOWNSHIPS, N_VENUES)
    programme = np.sort(rng.integers(0, N_ORGANISERS * CATEGORIES_EACH, 2 * n_open))
    programme = programme[rng.permutation(2 * n_open)]
    activities, sessions, days = _timetable(rng, programme, n_open)
    townships = ids("t", np.arange(N_TOWNSHIPS))
    return {
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


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> None:
    """Parquet files that `culture ingest` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


def _timetable(
    rng: np.random.Generator, programme: NDArray[np.int64], n_open: int
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.float64]]:
    """Activities, their one session each (first those to come), and days from `AT` to its start."""
    n = len(programme)
    organiser, place = programme // CATEGORIES_EACH, programme % CATEGORIES_EACH
    category = (organiser + place * 7) % N_CATEGORIES
    hours = rng.choice([1, 2, 6, 8, 10, 11, 12], n) / 24
    days = hours + np.where(np.arange(n) < n_open, rng.integers(0, AHEAD_DAYS, n), -rng.integers(1, PAST_DAYS, n))
    starts = (AT + pd.to_timedelta(days, unit="D")).round("min")
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
            "published_at": (starts - pd.to_timedelta(AHEAD_DAYS + rng.uniform(0, 14, n), unit="D")).round("s"),
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
            "booked_at": (AT + pd.to_timedelta(days[session] - ahead, unit="D")).round("s"),
            "status": np.where(days[session] < 0, "attended", "booked"),
            "attendee_birth_years": some(rng, ids("", rng.integers(2012, 2022, len(user))), 0.05),
        }
    )


def sampled(tables: dict[str, pd.DataFrame], n_users: int, seed: int = 1) -> dict[str, pd.DataFrame]:
    """The tables with some of the people at random and their own bookings."""
    users, bookings = tables["users"], tables["bookings"]
    chosen = np.random.default_rng(seed).choice(len(users), min(n_users, len(users)), replace=False)
    users = users.iloc[np.sort(chosen)].reset_index(drop=True)
    mine = is_among(bookings["user_id"], users["user_id"])
    return {**tables, "users": users, "bookings": bookings[mine].reset_index(drop=True)}


def main() -> None:
    """Writes the tables that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=20_000, help="sessions that can be booked")
    parser.add_argument("--only", type=int, help="write so many of the people, at random, and their own bookings")
    given = parser.parse_args()
    tables = made_up_tables(given.users, given.open)
    write_tables(tables if given.only is None else sampled(tables, given.only), given.folder)


if __name__ == "__main__":
    main()
