"""A small county by hand, and what may be odd about its delivery."""

from collections.abc import Callable

import numpy as np
import pandas as pd

Tables = dict[str, pd.DataFrame]

AS_OF = pd.Timestamp("2026-03-02T10:00:00+08:00")
N_WEEKS, N_AHEAD = 10, 3


def _sessions(prefix: str) -> pd.DataFrame:
    """Three weekly classes, and an event every third week."""
    weeks = np.arange(-N_WEEKS, N_AHEAD)
    rows = [
        (f"{prefix}s{week}-{line}", f"{prefix}a{line}", AS_OF + pd.Timedelta(days=7 * int(week) + 2 * line + 1))
        for week in weeks
        for line in range(4)
        if line < 3 or week % 3 == 0
    ]
    sessions = pd.DataFrame(rows, columns=["session_id", "activity_id", "starts_at"])
    sessions["venue_id"] = [f"{prefix}v{activity[-1]}" for activity in sessions["activity_id"]]
    sessions["capacity"] = 12
    sessions["published_at"] = sessions["starts_at"] - pd.Timedelta(days=28)
    return sessions


def _bookings(prefix: str, sessions: pd.DataFrame) -> pd.DataFrame:
    """Half full sessions in the mean, booked in the last twelve days."""
    rng = np.random.default_rng(4)
    wanted = rng.poisson(6, len(sessions)).clip(max=12)
    known = sessions.loc[np.repeat(np.arange(len(sessions)), wanted)].reset_index(drop=True)
    booked = known["starts_at"] - pd.to_timedelta(rng.uniform(0.1, 12, len(known)), unit="D")
    bookings = pd.DataFrame(
        {
            "booking_id": [f"{prefix}b{i}" for i in range(len(known))],
            "user_id": [f"{prefix}u{i}" for i in rng.integers(0, 60, len(known))],
            "session_id": known["session_id"],
            "booked_at": booked,
        }
    )
    return bookings[bookings["booked_at"] < AS_OF].reset_index(drop=True)


def small_county(prefix: str = "") -> Tables:
    """A county of two townships and a village."""
    sessions = _sessions(prefix)
    return {
        "regions": pd.DataFrame(
            {
                "region_id": ["c", "t1", "t2", "w"],
                "name": ["县", "东镇", "西镇", "村"],
                "level": ["county", "township", "township", "village"],
                "parent_id": [None, "c", "c", "t2"],
            }
        ),
        "venues": pd.DataFrame(
            {
                "venue_id": [f"{prefix}v{i}" for i in range(4)],
                "name": ["馆", "站", "室", "院"],
                "region_id": ["t1", "t2", "w", "c"],
            }
        ),
        "users": pd.DataFrame({"user_id": [f"{prefix}u{i}" for i in range(60)], "birth_year": 1980}),
        "activities": pd.DataFrame(
            {"activity_id": [f"{prefix}a{i}" for i in range(4)], "category": ["书法", "舞蹈", "书法", "戏曲"]}
        ),
        "sessions": sessions,
        "bookings": _bookings(prefix, sessions),
    }


def _one_week(tables: Tables) -> Tables:
    recent = tables["sessions"]["starts_at"] >= AS_OF - pd.Timedelta(days=7)
    sessions = tables["sessions"][recent]
    bookings = tables["bookings"][tables["bookings"]["session_id"].isin(sessions["session_id"])]
    return {**tables, "sessions": sessions, "bookings": bookings}


def _never_offered(tables: Tables) -> Tables:
    more = pd.DataFrame({"activity_id": ["never"], "category": ["never"]})
    return {**tables, "activities": pd.concat([tables["activities"], more])}


def _capacities(tables: Tables) -> Tables:
    odd = np.resize([-5.0, 0.0, 1e12, 8.0, np.nan], len(tables["sessions"]))
    return {**tables, "sessions": tables["sessions"].assign(capacity=odd)}


def _same_region_twice(tables: Tables) -> Tables:
    again = tables["regions"].iloc[[1]].assign(name="东镇（新）")
    return {**tables, "regions": pd.concat([tables["regions"], again])}


def _outlier(tables: Tables) -> Tables:
    bookings = tables["bookings"]
    return {**tables, "bookings": bookings.assign(party_size=np.where(bookings.index == 3, 10_000, 1))}


def _cycle(tables: Tables) -> Tables:
    return {**tables, "regions": tables["regions"].assign(parent_id=["t1", "c", "c", "t2"])}


def _gap_in_levels(tables: Tables) -> Tables:
    return {**tables, "regions": tables["regions"].assign(level=["province", "township", "county", "village"])}


def _two_roots(tables: Tables) -> Tables:
    return {**tables, "regions": tables["regions"].assign(parent_id=[None, None, "c", "t2"])}


def _unknown_parent(tables: Tables) -> Tables:
    return {**tables, "regions": tables["regions"].assign(parent_id=["moon", "c", "c", "t2"])}


def _all_called_off(tables: Tables) -> Tables:
    return {**tables, "sessions": tables["sessions"].assign(cancelled_at=AS_OF - pd.Timedelta(days=80))}


def _nothing_ahead(tables: Tables) -> Tables:
    past = tables["sessions"]["starts_at"] < AS_OF
    bookings = tables["bookings"][tables["bookings"]["session_id"].isin(tables["sessions"]["session_id"][past])]
    return {**tables, "sessions": tables["sessions"][past], "bookings": bookings}


def _nothing_past(tables: Tables) -> Tables:
    ahead = tables["sessions"]["starts_at"] >= AS_OF
    bookings = tables["bookings"][tables["bookings"]["session_id"].isin(tables["sessions"]["session_id"][ahead])]
    return {**tables, "sessions": tables["sessions"][ahead], "bookings": bookings}


def _without(*names: str) -> Callable[[Tables], Tables]:
    return lambda tables: {name: table for name, table in tables.items() if name not in names}


CASES: dict[str, tuple[Callable[[Tables], Tables], float, float]] = {
    # What is done to the county, and between which shares of its usual places a week the answer must lie.
    "one week of history": (_one_week, 0.5, 2.0),
    "a category never offered": (_never_offered, 0.99, 1.01),
    "no bookings": (lambda t: {**t, "bookings": t["bookings"].iloc[:0]}, 0.0, 0.3),
    "odd capacities": (_capacities, 0.6, 1.5),
    "a region twice": (_same_region_twice, 0.99, 1.01),
    "ten thousand people": (_outlier, 0.6, 1.7),
    "a circle of regions": (_cycle, 0.6, 1.5),
    "a gap in the levels": (_gap_in_levels, 0.9, 1.1),
    "two roots": (_two_roots, 0.9, 1.1),
    "a parent that nobody knows": (_unknown_parent, 0.99, 1.01),
    "all sessions called off": (_all_called_off, 0.0, 0.01),
    "no timetable": (_nothing_ahead, 0.2, 1.5),
    "no past": (_nothing_past, 0.1, 2.0),
    "neither regions nor venues": (_without("regions", "venues"), 0.9, 1.1),
    "no regions": (_without("regions"), 0.9, 1.1),
    "no venues": (_without("venues"), 0.5, 1.5),
    "no users": (_without("users"), 0.8, 1.2),
}
