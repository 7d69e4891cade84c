"""What past cut-offs learn from: rows of later change nothing of what was known there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.demand.session_book import session_book
from features.demand.sessions import SessionBook
from recsys.dataset import Dataset
from recsys.demand.hierarchy import Hierarchy
from recsys.regions import RegionTree
from training.forecasters.competition import Rivals
from training.forecasters.session_design import EffectDesign, _by_what_is_known, _crossed, effect_designs, is_serial

NOW = pd.Timestamp("2026-01-05T00:00", tz="Asia/Shanghai")
WEEK = pd.Timedelta(weeks=1)


def known_at(tables: dict[str, pd.DataFrame], at: pd.Timestamp) -> dict[str, pd.DataFrame]:
    """The rows that were there at an instant; of what was called off later nothing was known."""
    sessions = tables["sessions"][tables["sessions"]["published_at"] < at]
    off = sessions["cancelled_at"]
    return {
        **tables,
        "sessions": sessions.assign(cancelled_at=off.where(off < at)).reset_index(drop=True),
        "users": tables["users"][~(tables["users"]["registered_at"] >= at)].reset_index(drop=True),
        "activities": tables["activities"],
    }


def town(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Courses that are published date by date, single events, prices that rise, people who come in waves."""
    rng = np.random.default_rng(seed)
    n = 900
    activity = rng.integers(0, 400, n)
    week = rng.uniform(-60, 6, n)
    starts = NOW + pd.to_timedelta(np.round(week * 7 * 24), unit="h")
    published = starts - pd.to_timedelta(rng.uniform(1, 60, n), unit="D")
    sessions = pd.DataFrame(
        {
            "session_id": [f"s{i:04}" for i in range(n)],
            "activity_id": [f"a{i:03}" for i in activity],
            "starts_at": starts,
            "published_at": published,
            "cancelled_at": (published + (starts - published) / 2).where(rng.random(n) < 0.1),
            "venue_id": [f"v{i}" for i in rng.integers(0, 4, n)],
            "price": np.where(rng.random(n) < 0.5, 0.0, np.round(60 + week + rng.uniform(0, 20, n))),
        }
    )
    activities = pd.DataFrame({"activity_id": [f"a{i:03}" for i in range(400)]})
    activities = activities.assign(
        category=[f"c{i % 3}" for i in range(400)],
        kind=[("training", "lecture")[i % 2] for i in range(400)],
        series_id=[None if i % 4 else f"line{i // 8}" for i in range(400)],
    )
    users = pd.DataFrame({"user_id": [f"u{i}" for i in range(400)]})
    users = users.assign(registered_at=NOW - pd.to_timedelta(7 * 80 * rng.random(400) ** 3, unit="D"))
    return {"sessions": sessions, "activities": activities, "users": users}


def book_of(tables: dict[str, pd.DataFrame], at: pd.Timestamp) -> tuple[SessionBook, np.ndarray]:
    """The book at an instant, and the ids of its rows."""
    dataset = Dataset.from_tables(known_at(tables, at), at)
    tree = RegionTree.of(dataset)
    ids = dataset.sessions.sort_values("starts_at", kind="stable")["session_id"].to_numpy(dtype=object)
    return session_book(dataset, tree, Hierarchy.of(dataset, tree), 10, 160), ids


def groups(design: EffectDesign, group: int) -> list[tuple[int, ...]]:
    """Which sessions share an effect of a group, and its values: whatever the columns are called."""
    columns = design.matrix[:, np.flatnonzero(design.group == group)].tocsc()
    parts = np.split(columns.indices, columns.indptr[1:-1])
    values = np.split(columns.data.round(9), columns.indptr[1:-1])
    return sorted((*part.tolist(), *value.tolist()) for part, value in zip(parts, values, strict=True) if len(part))


@pytest.mark.parametrize("cut", [4, 12])
def test_what_is_learned_of_sessions_at_a_past_cut_off_is_what_was_known_there(cut: int) -> None:
    tables = town()
    then, ids_then = book_of(tables, NOW - cut * WEEK)
    now, ids_now = book_of(tables, NOW)
    place = pd.Index(ids_now).get_indexer(ids_then)
    assert (place >= 0).all()
    assert not now.known_by(cut).all()
    np.testing.assert_allclose(now.people(cut)[place], then.people(0))
    np.testing.assert_array_equal(is_serial(now, cut)[place], is_serial(then))
    assert (is_serial(now)[place] != is_serial(then)).any()
    [there] = effect_designs(then, [0])
    *_, here = effect_designs(now, [16, cut])
    here = replace(here, matrix=here.matrix[place])
    np.testing.assert_allclose(here.exposure[place], there.exposure)
    np.testing.assert_array_equal(here.is_serial[place], there.is_serial)
    assert len(here.spreads) == len(there.spreads)
    n_crossed = len(_crossed(then)) + len(_by_what_is_known(then, 0))
    for group in range(n_crossed):
        assert groups(here, group) == groups(there, group), group
    # Steps and the trend, then, are of the clock; after them people, and three counts of rivals.
    for group in range(n_crossed + 2, n_crossed + 6):
        ours, theirs = (one.matrix[:, np.flatnonzero(one.group == group)].toarray() for one in (here, there))
        np.testing.assert_allclose(ours, theirs, atol=1e-9)


@pytest.mark.parametrize("cut", [4, 12])
def test_who_competes_at_a_past_cut_off_is_who_was_known_there(cut: int) -> None:
    tables = town(1)
    then, _ = book_of(tables, NOW - cut * WEEK)
    now, _ = book_of(tables, NOW)

    def offered(book: SessionBook, at: int) -> np.ndarray:
        rivals = Rivals.of(book, at)
        found = rivals.offered(np.ones(len(book)), np.zeros(len(book), dtype=np.int64), 1).toarray()[:, 0]
        week = np.zeros(len(found), dtype=np.int64)
        week[rivals.cell] = book.week + at
        table = pd.DataFrame({"nest": rivals.nest_of_cell, "week": week, "offered": found})
        known = rivals.cell[book.known_by(at)]
        return table.iloc[np.unique(known)].sort_values(["nest", "week"]).to_numpy()

    np.testing.assert_allclose(offered(now, cut), offered(then, 0))
