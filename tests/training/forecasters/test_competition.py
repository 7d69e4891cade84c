"""What sessions of a week take from each other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.panel_sessions import SessionBook, session_book
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.forecasters.competition import Market, rival_counts
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
    sessions["published_at"] = sessions.get("published_at", NOW - pd.Timedelta(days=2000))
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


def left(rows: list[dict[str, Any]], attraction: list[float] | None = None) -> np.ndarray:
    """What others leave of each session's people, over what they leave of the first's."""
    book = book_of(rows)
    weights = np.ones(len(book)) if attraction is None else np.array(attraction)
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


def programme(n_weeks: int) -> list[dict[str, Any]]:
    """Sessions of weeks past and ahead, published a few weeks before their start; some are called off."""
    rng = np.random.default_rng(7)
    rows = []
    for week in range(-n_weeks, 6):
        for _ in range(7):
            category, venue = rng.choice(["guitar", "chess", "choir"]), rng.choice([*PLACES, ""])
            published = NOW + pd.Timedelta(days=7 * (week - int(rng.integers(1, 9))))
            if published < NOW:
                rows.append(
                    {
                        "week": week,
                        "venue_id": venue or None,
                        "category": category,
                        "max_age": 12 if rng.random() < 0.3 else None,
                        "published_at": published,
                        "cancelled_at": published + pd.Timedelta(hours=1) if rng.random() < 0.2 else None,
                    }
                )
    return rows


def still_to_come(book: SessionBook) -> np.ndarray:
    """(n_sessions,) share of past sessions that were not known so long before as each is ahead now."""
    known_for = [book.known_age[j] + book.week[j] for j in range(len(book)) if -26 <= book.week[j] < 0]
    return np.array([np.mean([known < week for known in known_for]) if week >= 0 else 0.0 for week in book.week])


def left_by_the_loop(book: SessionBook, attraction: np.ndarray, begun: np.ndarray) -> np.ndarray:
    """What others leave, session by session."""
    overlap, coming = book.near.overlap.toarray(), still_to_come(book)
    nest = list(zip(book.category, book.traits["max_age"] < 18, strict=True))
    own = overlap[book.place, book.place]
    held = ~book.is_cancelled
    n_usual = min(12, -int(book.week.min()))
    log = np.empty(len(book))
    usual = {}
    for one in set(nest):
        rows = [i for i in begun if nest[i] == one]
        prior = (attraction * own)[begun].mean()
        usual[one] = ((attraction * own)[rows].sum() + 5 * prior) / (len(rows) + 5)
    draws = [held[j] * min(attraction[j], 3 * usual[nest[j]] / own[j]) for j in range(len(book))]
    for i in range(len(book)):
        others = 0.0
        for j in range(len(book)):
            if nest[j] == nest[i] and held[j]:
                taken = draws[j] * overlap[book.place[j], book.place[i]]
                others += taken * (book.week[j] == book.week[i] and j != i)
                others += taken * coming[i] * (-12 <= book.week[j] < 0) / n_usual
        log[i] = -np.log1p(0.1 * others / usual[nest[i]])
    return log - log[begun].mean()


@pytest.mark.parametrize("n_weeks", [4, 130])
def test_what_others_leave_is_that_of_the_plain_loop(n_weeks: int) -> None:
    book = book_of(programme(n_weeks))
    market = Market.of(book)
    if n_weeks > 100:
        assert len(market.to_come) > 512  # More than are worked out at once.
    attraction = np.random.default_rng(1).gamma(0.5, 2.0, len(book))
    begun = np.flatnonzero((book.age >= 1) & ~book.is_cancelled)
    found = market.left_by_others(attraction, begun)
    np.testing.assert_allclose(found, left_by_the_loop(book, attraction, begun), atol=1e-9)


@pytest.mark.parametrize("n_weeks", [4, 20])
def test_rivals_are_counted_as_by_the_plain_loop(n_weeks: int) -> None:
    book = book_of(programme(n_weeks))
    coming, held, venue = still_to_come(book), ~book.is_cancelled, book.keys["venue"]
    expected = []
    for i in range(len(book)):
        alike = held & (book.category == book.category[i]) & (venue == venue[i])
        recent = (alike & (book.week < 0) & (book.week >= -12)).sum() / min(12, n_weeks)
        count = (alike & (book.week == book.week[i])).sum() + coming[i] * recent
        expected.append(np.log(max(count, 1.0)) if venue[i] >= 0 else 0.0)
    np.testing.assert_allclose(rival_counts(book)[2][:, 0], np.array(expected) - np.mean(expected), atol=1e-12)
    assert still_to_come(book).max() > 0.3


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
