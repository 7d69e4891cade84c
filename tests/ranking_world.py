"""A small made-up place with everything that decides what may be offered; tables in the contract's form."""

import numpy as np
import pandas as pd

from recsys.dataset import Dataset

AT = pd.Timestamp("2026-03-02T08:00:00Z")


def ranking_world(
    seed: int = 0, n_users: int = 60, n_activities: int = 40, n_bookings: int = 900, days_after: int = 15
) -> Dataset:
    """Two tastes by organiser, families, ages, places, cancellations; known until `AT` + `days_after`."""
    rng = np.random.default_rng(seed)
    return Dataset.from_tables(world_tables(rng, n_users, n_activities, n_bookings), AT + pd.Timedelta(days=days_after))


def world_tables(rng: np.random.Generator, n_users: int, n_activities: int, n_bookings: int) -> dict[str, pd.DataFrame]:
    activities = _activities(rng, n_activities)
    sessions = _sessions(rng, activities)
    users = _users(rng, n_users)
    return {
        "regions": pd.DataFrame(
            {
                "region_id": ["c", "t0", "t1"],
                "name": ["county", "north", "south"],
                "level": ["county", "township", "township"],
                "parent_id": [None, "c", "c"],
            }
        ),
        "venues": pd.DataFrame(
            {
                "venue_id": [f"v{i}" for i in range(4)],
                "name": [f"house {i}" for i in range(4)],
                "region_id": ["t0", "t0", "t1", "t1"],
                "lat": [36.7, 36.71, 36.8, 36.81],
                "lon": [117.0, 117.02, 117.1, 117.12],
            }
        ),
        "users": users,
        "activities": activities,
        "sessions": sessions,
        "bookings": _bookings(rng, users, sessions, activities, n_bookings),
        "feedback": pd.DataFrame(
            {
                "feedback_id": [f"f{i}" for i in range(40)],
                "user_id": rng.choice(users["user_id"], 40),
                "activity_id": rng.choice(activities["activity_id"], 40),
                "kind": rng.choice(["view", "favourite", "impression", "rating"], 40),
                "occurred_at": AT + pd.to_timedelta(rng.uniform(-60, 10, 40), unit="D"),
                "value": rng.integers(1, 6, 40),
            }
        ),
    }


def _maybe(rng: np.random.Generator, values: object, share: float) -> pd.Series:
    series = pd.Series(values)
    return series.where(rng.random(len(series)) < share)


def _users(rng: np.random.Generator, n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "user_id": [f"u{i}" for i in range(n)],
            "birth_year": _maybe(rng, rng.integers(1945, 2018, n), 0.8),
            "gender": _maybe(rng, rng.choice(["f", "m"], n), 0.7),
            "region_id": _maybe(rng, rng.choice(["t0", "t1"], n), 0.8),
            "lat": _maybe(rng, rng.uniform(36.68, 36.83, n), 0.7),
            "lon": rng.uniform(117.0, 117.13, n),
            "interests": _maybe(rng, rng.choice(["dance;music", "craft"], n), 0.4),
            "personalised": rng.random(n) > 0.1,
        }
    )


def _activities(rng: np.random.Generator, n: int) -> pd.DataFrame:
    taste = np.arange(n) % 2
    return pd.DataFrame(
        {
            "activity_id": [f"a{i}" for i in range(n)],
            "category": np.where(taste == 0, "dance", "craft"),
            "title": [f"{'Folk dance' if t == 0 else '剪纸课'} {i}" for i, t in enumerate(taste)],
            "organiser_id": [f"o{t}{i % 11}" for i, t in enumerate(taste)],
            "kind": rng.choice(["training", "performance"], n),
            "min_age": _maybe(rng, rng.choice([0, 6, 18, 60], n), 0.5),
            "max_age": _maybe(rng, rng.choice([12, 90], n), 0.3),
            "audience": _maybe(rng, rng.choice(["adults", "all"], n), 0.3),
        }
    )


def _sessions(rng: np.random.Generator, activities: pd.DataFrame) -> pd.DataFrame:
    n = len(activities) * 4
    hours = np.round(rng.uniform(-24 * 60, 24 * 15, n))
    starts = AT + pd.to_timedelta(hours, unit="h")
    return pd.DataFrame(
        {
            "session_id": [f"s{i}" for i in range(n)],
            "activity_id": np.tile(activities["activity_id"], 4),
            "starts_at": starts,
            "ends_at": _maybe(rng, starts + pd.to_timedelta(rng.choice([1, 2, 3], n), unit="h"), 0.8),
            "venue_id": _maybe(rng, rng.choice([f"v{i}" for i in range(4)], n), 0.9),
            "capacity": _maybe(rng, rng.integers(1, 20, n), 0.8),
            "published_at": _maybe(rng, starts - pd.to_timedelta(rng.integers(1, 20, n), unit="D"), 0.8),
            "booking_opens_at": _maybe(rng, starts - pd.to_timedelta(rng.integers(1, 15, n), unit="D"), 0.4),
            "booking_closes_at": _maybe(rng, starts - pd.to_timedelta(rng.integers(0, 48, n), unit="h"), 0.4),
            "cancelled_at": _maybe(rng, starts - pd.to_timedelta(rng.integers(1, 9, n), unit="D"), 0.1),
        }
    )


def _bookings(
    rng: np.random.Generator, users: pd.DataFrame, sessions: pd.DataFrame, activities: pd.DataFrame, n: int
) -> pd.DataFrame:
    user = rng.integers(0, len(users), n)
    likes = (user % 2).astype(bool)
    session = rng.integers(0, len(sessions), n)
    # Three bookings in four are of the person's own taste: even users dance, odd ones do crafts.
    is_craft = (session % len(activities)) % 2 == 1
    swap = (is_craft != likes) & (rng.random(n) < 0.75)
    session = np.where(swap, (session + 1) % len(sessions), session)
    starts = pd.DatetimeIndex(sessions["starts_at"].iloc[session])
    frame = pd.DataFrame(
        {
            "booking_id": [f"b{i}" for i in range(n)],
            "user_id": users["user_id"].to_numpy()[user],
            "session_id": sessions["session_id"].to_numpy()[session],
            "booked_at": starts - pd.to_timedelta(rng.uniform(0, 10, n), unit="D"),
            "status": rng.choice(
                ["booked", "attended", "cancelled", "waitlisted", "no_show"], n, p=[0.4, 0.4, 0.1, 0.05, 0.05]
            ),
            "party_size": rng.integers(1, 4, n),
            "attendee_birth_years": _maybe(rng, rng.integers(2012, 2022, n).astype(str), 0.15),
        }
    )
    # Half way to the start it is known that a place was given back.
    given_back = frame["booked_at"] + (starts - pd.DatetimeIndex(frame["booked_at"])) / 2
    return frame.assign(status_at=given_back.where(frame["status"] == "cancelled"))
