"""Who would come to a session."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.demand.session_book import session_book
from features.demand.sessions import SessionBook
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.forecasters.turnout import Scene, Turnout
from training.forecasters.turnout_fit import fit_turnout

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
KM = 1 / 111.195
PLACES = {"here": 36.0, "next door": 36.0 + KM, "far away": 38.0}
OLD, YOUNG = 1950, 2000
PLACED = {"week": -61, "category": "guitar", "venue_id": "here"}
"""One session that lies somewhere, so that distances are known."""


def world(
    sessions: list[dict[str, Any]], came: list[list[str]], users: pd.DataFrame, **more: pd.DataFrame
) -> SessionBook:
    """`sessions` with `week` (negative: past), in order of start; `came` are the people at each."""
    rows = pd.DataFrame(sessions).assign(session_id=[f"s{place:04}" for place in range(len(sessions))])
    rows["activity_id"] = rows["session_id"]
    rows["starts_at"] = NOW + pd.to_timedelta(7 * rows["week"], unit="D")
    rows["starts_at"] += pd.to_timedelta(rows.get("hour", 10), unit="h")
    if "published_at" not in rows:
        rows["published_at"] = NOW - pd.Timedelta(days=2000)
    extra = [name for name in ("category", "max_age", "min_age") if name in rows]
    activities = rows[["activity_id", *extra]].assign(category=rows.get("category", "guitar"))
    venues = pd.DataFrame({"venue_id": list(PLACES), "name": list(PLACES), "lat": list(PLACES.values()), "lon": 117.0})
    place = np.repeat(np.arange(len(rows)), [len(one) for one in came])
    bookings = pd.DataFrame(
        {
            "booking_id": [f"b{i}" for i in range(len(place))],
            "user_id": [name for one in came for name in one],
            "session_id": rows["session_id"].to_numpy()[place],
            "booked_at": rows["starts_at"].to_numpy()[place] - pd.Timedelta(hours=1),
            "status": "attended",
        }
    )
    tables = {"venues": venues, "users": users, "activities": activities, "bookings": bookings, **more}
    tables["sessions"] = rows.drop(columns=["week", "hour", *extra], errors="ignore")
    dataset = Dataset.from_tables(tables, NOW)
    tree = RegionTree.of(dataset)
    return session_book(dataset, tree, Hierarchy.of(dataset, tree), 14, 160)


def people(**groups: tuple[float, int]) -> pd.DataFrame:
    """Forty people each of a latitude and a year of birth."""
    return pd.DataFrame(
        [
            {"user_id": f"{name}{i}", "lat": lat, "lon": 117.0, "birth_year": year}
            for name, (lat, year) in groups.items()
            for i in range(40)
        ]
    )


def expected(book: SessionBook, cut: int = 0) -> tuple[np.ndarray, np.ndarray, Turnout]:
    scene = Scene.of(book)
    found = fit_turnout(scene, cut)
    return found.alone(scene), found.beside(scene, np.ones(len(book))), found


def some(rng: np.random.Generator, group: str, mean: float) -> list[str]:
    return [f"{group}{i}" for i in rng.choice(40, min(rng.poisson(mean), 40), replace=False)]


def test_what_nobody_offered_there_is_expected_by_who_lives_there() -> None:
    """The old come in the morning, the young in the evening; far away live the old, where all was in the morning."""
    rng = np.random.default_rng(1)
    users = people(old=(36.0, OLD), young=(36.0, YOUNG), others=(38.0, OLD))
    sessions, came = [], []
    for week in range(-60, 0):
        sessions += [{"week": week, "hour": hour, "venue_id": "here"} for hour in (10, 19)]
        sessions += [{"week": week, "hour": 10, "venue_id": "far away"}]
        came += [some(rng, "old", 4) + some(rng, "young", 0.3), some(rng, "young", 4) + some(rng, "old", 0.3)]
        came += [some(rng, "others", 4)]
    ahead = [{"week": 1, "hour": hour, "venue_id": venue} for venue in ("here", "far away") for hour in (10, 19)]
    alone, _, _ = expected(world([*sessions, *ahead], [*came, [], [], [], []], users))
    here_early, here_late, far_early, far_late = alone[-4:]
    assert here_late > 0.8 * here_early
    assert far_late < 0.3 * far_early


def test_a_wish_is_the_persons_own() -> None:
    """Alike by age and town; only those of one house want chess."""
    rng = np.random.default_rng(2)
    users = people(fans=(36.0, OLD), others=(36.0 + 3 * KM, OLD))
    sessions = [PLACED, *({"week": week, "category": "chess", "venue_id": None} for week in range(-60, 0))]
    came = [["fans0"], *(some(rng, "fans", 6) for _ in sessions[1:])]
    guitar = [{"week": week, "category": "guitar", "venue_id": None} for week in range(-60, 0)]
    came += [some(rng, "fans", 3) + some(rng, "others", 3) for _ in guitar]
    book = world([*sessions, *guitar], came, users)
    wanted = expected(book)[2].wanted.sum(axis=0)
    nest = Scene.of(book).rivals.nest
    is_chess = book.category != book.category[0]
    cell = book.residents.cell[[0, 40]]
    fans, others = wanted[cell, nest[is_chess][0]]
    assert others < 0.2 * fans
    fans, others = wanted[cell, nest[~is_chess][0]]
    assert others == pytest.approx(fans, rel=0.3)


def test_looks_and_interests_tell_of_wishes_that_nothing_met() -> None:
    rng = np.random.default_rng(3)
    users = people(named=(36.0, OLD), looked=(36.0 + 3 * KM, OLD), silent=(36.0 + 6 * KM, OLD))
    users["interests"] = np.where(users["user_id"].str.startswith("named"), "chess", "guitar")
    sessions = [
        {"week": week, "category": name, "venue_id": None} for week in range(-60, 0) for name in ("guitar", "chess")
    ]
    came = [some(rng, "named" if row["category"] == "chess" else "silent", 2) for row in sessions]
    sessions, came = [PLACED, *sessions], [["silent0"], *came]
    looks = pd.DataFrame(
        {
            "feedback_id": range(240),
            "user_id": [f"looked{i % 40}" for i in range(240)],
            "activity_id": "s0002",
            "kind": "view",
            "occurred_at": [NOW - pd.Timedelta(days=5 + i // 40) for i in range(240)],
        }
    )
    book = world(sessions, came, users, feedback=looks)
    chess = Scene.of(book).rivals.nest[2]
    named, looked, silent = expected(book)[2].wanted.sum(axis=0)[book.residents.cell[[0, 40, 80]], chess]
    assert named > looked > 2 * silent


def test_what_came_after_the_cut_changes_nothing() -> None:
    rng = np.random.default_rng(4)
    users = people(old=(36.0, OLD))
    sessions = [{"week": week, "venue_id": "here"} for week in range(-40, 0)]
    came = [some(rng, "old", 4) for _ in sessions]
    found = [expected(world(sessions, one, users), cut=10)[0] for one in (came, [*came[:30], *([["old0"]] * 10)])]
    np.testing.assert_array_equal(*found)


def beside(others: list[dict[str, Any]]) -> float:
    """What the others of a week leave of a session, over what it has alone in another week."""
    rng = np.random.default_rng(5)
    known = {"category": "guitar", "max_age": None, "cancelled_at": None, "venue_id": "here"}
    usual = [known | {"week": week, "venue_id": venue} for week in range(-40, -10) for venue in ("here", "far away")]
    usual += [known | {"week": -9, "category": "chess"}, known | {"week": -8, "max_age": 12}]
    last = [known | {"week": 1}, known | {"week": 3}, *(known | {"week": 3} | one for one in others)]
    users = people(near=(36.0 + KM / 2, OLD), far=(38.0, OLD))
    came = [some(rng, "near" if row["venue_id"] == "here" else "far", 5) for row in usual]
    book = world([*usual, *last], [*came, *([[]] * len(last))], users)
    found = expected(book)[1]
    return float(found[len(usual) + 1] / found[len(usual)])


@pytest.mark.parametrize(
    ("other", "takes"),
    [
        ({"venue_id": "next door"}, True),
        ({"venue_id": None}, True),
        ({"venue_id": "far away"}, False),
        ({"venue_id": "next door", "category": "chess"}, False),
        ({"venue_id": "next door", "max_age": 12}, False),
        ({"venue_id": "next door", "cancelled_at": NOW - pd.Timedelta(days=40)}, False),
    ],
)
def test_who_is_near_and_alike_takes(other: dict[str, Any], *, takes: bool) -> None:
    found = beside([other])
    if takes:
        assert 0.5 < found < 0.95
        assert beside([other, other]) < found
    else:
        np.testing.assert_allclose(found, 1.0)


def test_who_may_not_come_is_not_expected() -> None:
    rng = np.random.default_rng(6)
    users = people(old=(36.0, OLD), young=(36.0, YOUNG))
    sessions = [{"week": week, "venue_id": "here", "min_age": None} for week in range(-40, 0)]
    came = [some(rng, "old", 4) + some(rng, "young", 4) for _ in sessions]
    ahead = [{"week": 1, "venue_id": "here", "min_age": age} for age in (None, 60)]
    alone, _, _ = expected(world([*sessions, *ahead], [*came, [], []], users))
    assert alone[-1] == pytest.approx(0.5 * alone[-2], rel=0.2)


def test_without_homes_and_ages_all_are_alike() -> None:
    rng = np.random.default_rng(7)
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(40)]})
    sessions = [{"week": week, "venue_id": venue} for week in range(-40, 2) for venue in ("here", "far away")]
    came = [some(rng, "u", 4) if row["week"] < 0 else [] for row in sessions]
    alone, _, _ = expected(world(sessions, came, users))
    np.testing.assert_allclose(alone[::2], alone[1::2])
