"""Those turned away who went elsewhere are found, and those who would have come anyway are not."""

import numpy as np
import pandas as pd
import pytest

from features.demand.session_book import session_book
from features.demand.spill import spill_share
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.demand.known import session_demand, without_outliers

NOW = pd.Timestamp("2026-06-01", tz="UTC")


def two_halls(n_weeks: int, moved: float, usual: float, seed: int = 0) -> Dataset:
    """A small hall (20 places, always full, 20 waiting) and a large one in each week, of one category.

    Of those waiting a share `moved` then takes the large hall; of those with a place a share `usual` does too.
    """
    rng = np.random.default_rng(seed)
    sessions, bookings = [], []
    for week in range(1, n_weeks + 1):
        starts = NOW - pd.Timedelta(weeks=week)
        sessions += [(f"small{week}", "small", starts, 20.0), (f"large{week}", "large", starts, 500.0)]
        for person in range(40):
            user, booked = f"u{week}-{person}", starts - pd.Timedelta(days=5)
            status = "attended" if person < 20 else "waitlisted"
            bookings.append((user, f"small{week}", booked, status))
            if rng.random() < (usual if person < 20 else moved):
                bookings.append((user, f"large{week}", booked + pd.Timedelta(days=1), "attended"))
        bookings += [(f"v{week}-{i}", f"large{week}", starts - pd.Timedelta(days=9), "attended") for i in range(30)]
    booked = pd.DataFrame(bookings, columns=["user_id", "session_id", "booked_at", "status"])
    return Dataset.from_tables(
        {
            "activities": pd.DataFrame({"activity_id": ["small", "large"], "category": "art"}),
            "sessions": pd.DataFrame(sessions, columns=["session_id", "activity_id", "starts_at", "capacity"]),
            "bookings": booked.assign(booking_id=[f"b{i}" for i in range(len(booked))]),
        },
        NOW,
    )


@pytest.mark.parametrize(("moved", "usual", "share"), [(0.5, 0.0, 0.5), (0.5, 0.2, 0.3), (0.2, 0.2, 0.0)])
def test_only_those_who_went_because_of_it_count(moved: float, usual: float, share: float) -> None:
    found = spill_share(two_halls(40, moved, usual))
    assert found.n_turned_away == 800
    assert found.share == pytest.approx(share, abs=0.05)


def test_who_booked_the_other_session_first_did_not_spill() -> None:
    dataset = two_halls(40, 0.5, 0.0)
    tables = dataset.tables()
    first = tables["bookings"]["session_id"].str.startswith("large")
    early = tables["bookings"]["booked_at"].where(~first, tables["bookings"]["booked_at"] - pd.Timedelta(days=3))
    found = spill_share(Dataset.from_tables({**tables, "bookings": tables["bookings"].assign(booked_at=early)}, NOW))
    assert found.share == 0.0


def test_without_waitlists_there_is_no_spill() -> None:
    tables = two_halls(3, 0.5, 0.0).tables()
    placed = tables["bookings"][tables["bookings"]["status"] != "waitlisted"]
    assert spill_share(Dataset.from_tables({**tables, "bookings": placed}, NOW)).share == 0.0


def test_demand_counts_those_who_moved_once() -> None:
    dataset = two_halls(40, 0.5, 0.0)
    tree = RegionTree.of(dataset)
    book = session_book(dataset, tree, Hierarchy.of(dataset, tree), 2, 60)
    places = without_outliers(book)
    twice = session_demand(book, places, 0.0).sum()
    once = session_demand(book, places, spill_share(dataset).share).sum()
    people = dataset.bookings["user_id"].nunique()
    assert twice > 1.1 * people
    assert once == pytest.approx(people, rel=0.05)
