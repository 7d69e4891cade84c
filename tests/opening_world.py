"""A small made-up county with known tastes, for tests of everything that decides on openings."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from recsys.dataset import Dataset

UNTIL = pd.Timestamp("2026-03-02T00:00:00+08:00")
SESSION_COLUMNS = ["session_id", "activity_id", "starts_at", "venue_id", "capacity", "published_at"]
BOOKING_COLUMNS = ["booking_id", "user_id", "session_id", "booked_at", "status", "status_at"]


@dataclass(frozen=True)
class World:
    """Tables as a platform delivers them and, beside them, what it cannot see."""

    dataset: Dataset
    taste: np.ndarray
    km: np.ndarray
    reach_km: float
    categories: tuple[str, ...]
    running: np.ndarray
    k: float

    def gain(self, category: int, venue: int) -> float:
        """People a week at a class where nothing else of the category runs, best time."""
        return float((self.taste[:, category] * np.exp(-self.km[:, venue] / self.reach_km)).sum())

    def gained(self, category: int, venues: list[int]) -> float:
        """People a week at classes of a category who would not have come to what runs of it, best times."""
        reach = np.exp(-self.km / self.reach_km)
        before = reach[:, self.running[category]].sum(axis=1)
        after = before + reach[:, venues].sum(axis=1)
        return float(self.taste[:, category] @ (after / (1 + self.k * after) - before / (1 + self.k * before)))


def world(
    seed: int = 0,
    n_users: int = 1500,
    n_venues: int = 10,
    n_categories: int = 6,
    weeks: int = 26,
    reach_km: float = 3.0,
    k: float = 0.0,
) -> World:
    """Bookings are Poisson in taste x distance decay; each category runs at three venues; one runs at none near.

    Sessions of a category take people from each other by `x / (1 + k x)`, `x` what all of them are to a person.
    """
    rng = np.random.default_rng(seed)
    venue_xy = rng.uniform(0, 20, (n_venues, 2))
    user_xy = venue_xy[rng.integers(0, n_venues, n_users)] + rng.normal(0, 2, (n_users, 2))
    age = rng.choice([1960, 1975, 1988, 2000], n_users)
    popularity = 0.02 * np.arange(1, n_categories + 1) ** -0.7
    by_age = rng.lognormal(0, 0.5, (2200 - 1900, n_categories))[age - 1900]
    taste = popularity * by_age * rng.gamma(0.5, 2.0, (n_users, 1)) * rng.gamma(1.0, 1.0, (n_users, n_categories))
    km = np.hypot(*(user_xy[:, None] - venue_xy[None]).transpose(2, 0, 1))
    names = tuple(f"cat{c}" for c in range(n_categories))
    sessions, bookings, running = _programme(rng, taste, np.exp(-km / reach_km), weeks, k)
    towns = [f"t{v}" for v in range(n_venues)]
    nearest = np.argmin(km, axis=1)
    tables = {
        "regions": pd.DataFrame(
            {
                "region_id": ["county", *towns],
                "name": ["County", *towns],
                "level": ["county", *["township"] * n_venues],
                "parent_id": [None, *["county"] * n_venues],
            }
        ),
        "venues": pd.DataFrame(
            {
                "venue_id": [f"v{v}" for v in range(n_venues)],
                "name": [f"Hall {v}" for v in range(n_venues)],
                "region_id": towns,
                **_spots(venue_xy),
                "rooms": 2,
                "seats": 40,
                "weekly_slots": 12,
            }
        ),
        "users": pd.DataFrame(
            {
                "user_id": [f"u{u}" for u in range(n_users)],
                "birth_year": age,
                "gender": rng.choice(["f", "m"], n_users),
                "region_id": [towns[n] for n in nearest],
                **_spots(user_xy),
            }
        ),
        "activities": pd.DataFrame(
            {
                "activity_id": sorted({s[1] for s in sessions}),
                "category": [f"cat{a[1:].split('-')[0]}" for a in sorted({s[1] for s in sessions})],
                "kind": "training",
            }
        ),
        "sessions": pd.DataFrame(sessions, columns=SESSION_COLUMNS),
        "bookings": pd.DataFrame(bookings, columns=BOOKING_COLUMNS),
    }
    return World(Dataset.from_tables(tables, UNTIL), taste, km, reach_km, names, running, k)


def _programme(
    rng: np.random.Generator, taste: np.ndarray, reach: np.ndarray, weeks: int, k: float
) -> tuple[list[tuple], list[tuple], np.ndarray]:
    """Rows of sessions and of bookings, and the three venues at which each category is weekly, twenty places each."""
    sessions, bookings, running = [], [], []
    for c in range(taste.shape[1]):
        running.append(rng.choice(reach.shape[1], 3, replace=False))
        wanted = taste[:, c] / (1 + k * reach[:, running[c]].sum(axis=1))
        for v in running[c]:
            day, hour = int(rng.integers(0, 7)), int(rng.choice([9, 14, 19]))
            for w in range(-weeks, 3):
                start = UNTIL + pd.Timedelta(days=7 * w + day, hours=hour)
                key = f"s{c}-{v}-{w}"
                sessions.append((key, f"a{c}-{v}", start, f"v{v}", 20, start - pd.Timedelta(days=40)))
                if w >= 0:
                    continue
                wants = rng.random(len(taste)) < 1 - np.exp(-wanted * reach[:, v])
                for u in np.flatnonzero(wants)[:20]:
                    status = "attended" if rng.random() < 0.9 else "no_show"
                    bookings.append((f"b{len(bookings)}", f"u{u}", key, start - pd.Timedelta(days=3), status, start))
    return sessions, bookings, np.array(running)


def _spots(xy: np.ndarray) -> dict[str, np.ndarray]:
    """Latitude and longitude of places in kilometres."""
    return {"lat": 36.0 + xy[:, 0] / 111.195, "lon": 117.0 + xy[:, 1] / 111.195 / np.cos(np.radians(36.09))}
