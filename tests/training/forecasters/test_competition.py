"""What sessions of a week take from each other."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.demand.sessions import SessionBook
from tests.training.forecasters.test_turnout import KM, NOW, OLD, PLACES, people, some, world
from training.forecasters.competition import Rivals, crowding, rival_counts
from training.forecasters.effects import effect_means

KNOWN = {"category": "guitar", "max_age": None, "cancelled_at": None, "venue_id": "here"}


def rivals_of(rows: list[dict[str, Any]]) -> Rivals:
    users = people(near=(36.0, OLD))
    return Rivals.of(
        world([KNOWN | row for row in rows], [["near0"] if row["week"] < 0 else [] for row in rows], users)
    )


@pytest.mark.parametrize(
    ("other", "vies"),
    [
        ({}, True),
        ({"venue_id": "far away"}, True),
        ({"category": "chess"}, False),
        ({"max_age": 12}, False),
        ({"week": -3}, False),
    ],
)
def test_rivals_are_of_a_category_an_audience_and_a_week(other: dict[str, Any], *, vies: bool) -> None:
    found = rivals_of([{"week": -2}, {"week": -2} | other])
    assert (found.cell[0] == found.cell[1]) == vies


def test_what_is_cancelled_offers_nothing() -> None:
    found = rivals_of([{"week": -2}, {"week": -2, "cancelled_at": NOW - pd.Timedelta(days=40)}])
    offered = found.offered(np.array([1.0, 5.0]), np.zeros(2, dtype=np.int64), 2).toarray()
    np.testing.assert_allclose(offered, [[1.0, 0.0]])


def test_weeks_ahead_hold_what_is_usual_as_far_as_it_is_still_to_be_published() -> None:
    rows = [
        {"week": week, "published_at": NOW + pd.to_timedelta(min(7 * week - 10, -1), unit="D")} for week in range(-4, 3)
    ]
    users = people(near=(36.0, OLD))
    sessions = [KNOWN | row for row in rows]
    found = Rivals.of(world(sessions, [["near0"] if row["week"] < 0 else [] for row in rows], users))
    offered = found.offered(np.ones(7), np.zeros(7, dtype=np.int64), 1).toarray()[:, 0]
    np.testing.assert_allclose(offered[:4], 1.0)
    np.testing.assert_allclose(offered[4:], [1.0, 1.0, 2.0])


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


@pytest.mark.parametrize("n_weeks", [4, 20])
def test_rivals_are_counted_as_by_the_plain_loop(n_weeks: int) -> None:
    rows = programme(n_weeks)
    book = world(rows, [[] for _ in rows], people(near=(36.0, OLD)))
    coming, held, venue = still_to_come(book), ~book.is_cancelled, book.keys["venue"]
    expected = []
    for i in range(len(book)):
        alike = held & (book.category == book.category[i]) & (venue == venue[i])
        recent = (alike & (book.week < 0) & (book.week >= -12)).sum() / min(12, n_weeks)
        count = (alike & (book.week == book.week[i])).sum() + coming[i] * recent
        expected.append(np.log(max(count, 1.0)) if venue[i] >= 0 else 0.0)
    np.testing.assert_allclose(rival_counts(book)[2][:, 0], np.array(expected) - np.mean(expected), atol=1e-12)
    assert still_to_come(book).max() > 0.3


@pytest.mark.parametrize("origin", [0, 3, 9])
def test_what_competes_at_a_past_origin_is_what_was_known_then(origin: int) -> None:
    rows = programme(20)
    book = world(rows, [[] for _ in rows], people(near=(36.0, OLD)))
    known = (book.known_age >= origin) & (book.cancelled_age < origin)
    session = np.flatnonzero(known & (book.age <= origin))
    found = crowding(book, session, np.full(len(session), origin), 10)
    for groups, counts in zip(
        ([book.week], [book.week, book.category], [book.week, book.category, book.bottom]), found, strict=True
    ):
        rivals = [(known & np.all([one == one[i] for one in groups], axis=0)).sum() for i in session]
        np.testing.assert_array_equal(counts, rivals)
    assert (book.known_age[book.week >= -origin] < origin).any() == (origin > 0)


def test_means_are_lower_in_weeks_with_others_nearby() -> None:
    """Others are as many in every week, so that their number tells nothing."""
    rng = np.random.default_rng(2)
    users = people(near=(36.0 + KM / 2, OLD), far=(38.0, OLD))
    rows, came = [], []
    for week in range(-120, 2):
        others = "next door" if week % 2 == 0 else "far away"
        rows += [{"week": week, "venue_id": "here"}, *({"week": week, "venue_id": others} for _ in range(3))]
        share = 1.0 if week % 2 else 1 / 1.8
        homes = ["near", *["near" if week % 2 == 0 else "far"] * 3]
        came += [some(rng, home, 8 * share) if week < 0 else [] for home in homes]
    book = world(rows, came, users)
    found = effect_means(book, book.places, 1)[0][:, 0]
    is_here = book.keys["venue"] == book.keys["venue"][0]
    near, far = (float(found[is_here & (book.week == week)].mean()) for week in (0, 1))
    assert near / far == pytest.approx(1 / 1.8, rel=0.15)
