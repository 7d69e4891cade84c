"""What sessions of a week take from each other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.panel_sessions import SessionBook, session_book
from recsys.dataset import Dataset
from recsys.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.forecasters.competition import Market
from training.forecasters.effects import effect_means
from training.forecasters.session_design import effect_design

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
KM = 1 / 111.195
PLACES = {"here": 36.0, "next door": 36.0 + KM, "far away": 38.0}


def book_of(rows: list[dict[str, Any]], drawn: list[int] | None = None) -> SessionBook:
    """One row a session: `week` (negative: past) and what else is stated, in order of start."""
    sessions = pd.DataFrame(rows).assign(session_id=[f"s{place:04}" for place in range(len(rows))])
    sessions["activity_id"] = sessions["session_id"]
    sessions["starts_at"] = NOW + pd.to_timedelta(7 * sessions["week"], unit="D") + pd.Timedelta(hours=10)
    sessions["published_at"] = NOW - pd.Timedelta(days=2000)
    activities = pd.DataFrame({"activity_id": sessions["activity_id"]}).assign(
        category=sessions.get("category", "guitar"), max_age=sessions.get("max_age")
    )
    venues = pd.DataFrame({"venue_id": list(PLACES), "name": list(PLACES), "lat": list(PLACES.values()), "lon": 117.0})
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(60)], "lat": [36.0 + KM / 2] * 30 + [38.0] * 30})
    tables = {
        "venues": venues,
        "users": users.assign(lon=117.0),
        "activities": activities,
        "sessions": sessions.drop(columns=["week", "category", "max_age"], errors="ignore"),
    }
    if drawn is not None:
        taken = np.repeat(np.arange(len(rows)), drawn)
        tables["bookings"] = pd.DataFrame(
            {
                "booking_id": [f"b{i}" for i in range(len(taken))],
                "user_id": "u0",
                "session_id": sessions["session_id"].to_numpy()[taken],
                "booked_at": sessions["starts_at"].to_numpy()[taken] - pd.Timedelta(hours=1),
                "status": "attended",
            }
        )
    dataset = Dataset.from_tables(tables, NOW)
    tree = RegionTree.of(dataset)
    return session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160)


def left(rows: list[dict[str, Any]], pull: list[float] | None = None) -> np.ndarray:
    """What others leave of each session's people, over what they leave of the first's."""
    book = book_of(rows)
    weights = np.ones(len(book)) if pull is None else np.array(pull)
    log = Market.of(book).left_by_others(weights, np.flatnonzero(book.age >= 1))
    return np.exp(log - log[0])


ALONE = {"week": -4, "venue_id": "here"}


@pytest.mark.parametrize(
    ("other", "takes"),
    [
        ({"venue_id": "next door"}, True),
        ({"venue_id": "far away"}, False),
        ({"venue_id": "next door", "category": "chess"}, False),
        ({"venue_id": "next door", "max_age": 12}, False),
        ({"venue_id": "next door", "cancelled_at": NOW - pd.Timedelta(days=40)}, False),
        ({"venue_id": None}, True),
    ],
)
def test_who_is_near_and_alike_takes(other: dict[str, Any], *, takes: bool) -> None:
    known = {"category": "guitar", "max_age": None, "cancelled_at": None}
    found = left([known | ALONE, known | {"week": -2, "venue_id": "here"}, known | {"week": -2} | other])
    if takes:
        assert 0.8 < found[1] < 0.97
    else:
        np.testing.assert_allclose(found[1], 1.0)


def test_a_session_takes_nothing_from_itself() -> None:
    found = left([ALONE, {"week": -2, "venue_id": "here"}], [1.0, 2.0])
    np.testing.assert_allclose(found, 1.0)


def test_what_others_leave_is_nothing_new_in_the_mean_of_past_sessions() -> None:
    book = book_of([ALONE, {"week": -2, "venue_id": "here"}, {"week": -2, "venue_id": "next door"}])
    found = Market.of(book).left_by_others(np.ones(3), np.arange(3))
    assert found[0] > 0 > found[1]
    np.testing.assert_allclose(found.mean(), 0.0, atol=1e-12)


def test_a_wild_crowd_takes_as_much_as_a_few_usual_ones() -> None:
    pair = [ALONE, {"week": -2, "venue_id": "here"}, {"week": -2, "venue_id": "next door"}]
    usual = [{"week": -week, "venue_id": "here"} for week in range(60, 10, -1)]
    wild = left([*usual, *pair], [1.0] * (len(usual) + 2) + [1000.0])
    # Itself it raises what is usual, by one session among many.
    assert 0.7 < wild[-2] / left([*usual, *pair])[-2] < 0.95


def test_means_are_lower_in_weeks_with_others_nearby() -> None:
    """Others are as many in every week, so that their number tells nothing."""
    rng = np.random.default_rng(2)
    rows, means = [], []
    for week in range(-120, 2):
        others = "next door" if week % 2 == 0 else "far away"
        rows += [{"week": week, "venue_id": "here"}, *({"week": week, "venue_id": others} for _ in range(5))]
        means += [12.0 if week % 2 else 12.0 / 1.5] * 6
    drawn = [int(count) if row["week"] < 0 else 0 for row, count in zip(rows, rng.poisson(means), strict=True)]
    book = book_of(rows, drawn)
    found = effect_means(book, effect_design(book), book.places, 1)[0][:, 0]
    is_here = book.keys["venue"] == book.keys["venue"][0]
    near, far = (float(found[is_here & (book.week == week)].mean()) for week in (0, 1))
    assert near / far == pytest.approx(1 / 1.5, rel=0.1)
