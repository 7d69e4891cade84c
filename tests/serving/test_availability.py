"""Lists over HTTP while places fill, sessions move and the clock runs: nothing in them may not be offered."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from features.settings import Settings
from features.store.ingest import ingest_folder
from features.store.store import open_store
from recsys.bundle import BundleWriter, load_bundle
from recsys.dataset import Dataset
from serving.app import create_app
from serving.parts import open_parts
from tests.ranking_rules import assert_none_broken, n_answers
from tests.ranking_world import AT, world_tables
from tests.serving.live import FixedProvider, serving
from training.ranking.fit import RankingConfig, fit_ranking
from training.ranking.reranker import TreeConfig
from training.ranking.windows import WindowConfig

pytestmark = pytest.mark.long

USUALLY = 4_000
N_ACTIVITIES = 1200
ROWS_A_LIST = 71
"""How many rows a list of 100 at most has in this world, in the mean of many rounds: places fill."""
ROUND_ANSWERS = 14_000
"""Answers between changes: the lists of some 190 people."""
CONFIG = RankingConfig(windows=WindowConfig(n_windows=3, step_days=7), trees=TreeConfig(n_trees=15, min_leaf_pairs=5))
AT_ONCE = 24
"""So many ask at once: their lists are made together."""
VISITOR = "somebody without an account"


class Place:
    """The world that the service knows, kept a second time in plain frames: the judge never asks the service."""

    def __init__(self, rng: np.random.Generator) -> None:
        tables = world_tables(rng, n_users=400, n_activities=N_ACTIVITIES, n_bookings=5000)
        # A store holds what has happened: no booking to come, and no status before its time.
        now = Dataset.from_tables(tables, AT).known_at(AT).bookings
        later = tables["bookings"][tables["bookings"]["booked_at"] >= AT].sort_values("booked_at")
        is_waiting = later["status"] == "waitlisted"
        self.to_come = later.assign(status=later["status"].where(is_waiting, "booked"), status_at=pd.NaT)
        heard = tables["feedback"]["occurred_at"] < AT
        self.tables = {**tables, "bookings": now, "feedback": tables["feedback"][heard]}
        self.ids = (f"new {number}" for number in itertools.count())

    def at(self, now: pd.Timestamp) -> Dataset:
        users = self.tables["users"]
        visitor = pd.DataFrame({"user_id": [VISITOR]})
        tables = {**self.tables, "users": pd.concat([users, visitor], ignore_index=True)}
        return Dataset.from_tables(tables, now).known_at(now)

    def put(self, table: str, rows: pd.DataFrame) -> None:
        key = rows.columns[0]
        old = self.tables[table]
        self.tables[table] = pd.concat([old[~old[key].isin(rows[key])], rows], ignore_index=True)

    def next_bookings(self, rng: np.random.Generator, now: pd.Timestamp, listed: pd.DataFrame) -> pd.DataFrame:
        """What came by itself by now, and some of what was just offered, often for several people."""
        come = self.to_come[self.to_come["booked_at"] < now]
        self.to_come = self.to_come[self.to_come["booked_at"] >= now]
        by_people = listed[listed["user_id"] != VISITOR]
        taken = by_people.sample(min(60, len(by_people)), random_state=rng)
        chosen = pd.DataFrame(
            {
                "booking_id": [next(self.ids) for _ in range(len(taken))],
                "user_id": taken["user_id"].to_numpy(),
                "session_id": taken["session_id"].to_numpy(),
                "booked_at": now - pd.Timedelta(seconds=1),
                "status": rng.choice(["booked", "waitlisted"], len(taken), p=[0.9, 0.1]),
                "party_size": rng.integers(1, 6, len(taken)),
                "attendee_birth_years": rng.choice([None, "2017", "2019;1990"], len(taken)),
            }
        )
        return pd.concat([come, chosen], ignore_index=True)

    def changed_sessions(self, rng: np.random.Generator, now: pd.Timestamp) -> pd.DataFrame:
        """Sessions that are cancelled, closed, made smaller, moved, or opened later, a second ago."""
        soon = self.tables["sessions"][self.tables["sessions"]["starts_at"] > now]
        rows = soon.sample(min(10, len(soon)), random_state=rng).reset_index(drop=True)
        before = now - pd.Timedelta(seconds=1)
        what = np.arange(len(rows)) % 5
        shift = pd.to_timedelta(np.where(what == 3, rng.integers(-30, 30, len(rows)), 0), unit="h")
        rows["cancelled_at"] = rows["cancelled_at"].where(what != 0, before)
        rows["booking_closes_at"] = rows["booking_closes_at"].where(what != 1, before)
        rows["capacity"] = rows["capacity"].where(what != 2, 1)
        rows["starts_at"], rows["ends_at"] = rows["starts_at"] + shift, rows["ends_at"] + shift
        rows["booking_opens_at"] = rows["booking_opens_at"].where(what != 4, now + pd.Timedelta(hours=5))
        return rows

    def cancelled_bookings(self, rng: np.random.Generator, now: pd.Timestamp) -> pd.DataFrame:
        starts = self.tables["sessions"].set_index("session_id")["starts_at"]
        is_to_come = self.tables["bookings"]["session_id"].map(starts) > now
        rows = self.tables["bookings"][is_to_come].sample(40, random_state=rng)
        return rows.assign(status="cancelled", status_at=now - pd.Timedelta(seconds=1))


@pytest.mark.timeout(7200)  # A million answers take ten minutes, many more on a slow machine.
def test_nothing_in_a_list_may_not_be_offered(database_url, tmp_path, record_property):
    rng = np.random.default_rng(7)
    place, clock = Place(rng), [AT]
    settings = Settings(home=tmp_path / "home", database_url=database_url)
    (tmp_path / "tables").mkdir()
    for name, frame in place.tables.items():
        frame.to_csv(tmp_path / "tables" / f"{name}.csv", index=False)
    with open_store(settings) as store:
        report = ingest_folder(store, tmp_path / "tables", "default", None, None, show_progress=False)
    assert report is not None
    model = fit_ranking(Dataset.from_tables(place.tables, AT).known_at(AT), CONFIG)
    assert model.re_ranker is not None
    with BundleWriter(tmp_path / "bundle", {"data_until": AT.isoformat()}) as writer:
        model.save(writer)
    parts = open_parts(load_bundle(tmp_path / "bundle"))
    app = create_app(FixedProvider(parts), lambda: open_store(settings), clock=lambda: clock[0])
    wanted = n_answers(USUALLY)
    n_rounds = int(np.clip(wanted // ROUND_ANSWERS, 6, 72))
    n_lists = max(wanted // (n_rounds * ROWS_A_LIST), 1)
    step = (pd.Timedelta(days=3) / n_rounds).floor("s")
    n_judged = n_done = 0
    with serving(app) as client:
        listed = lists(client, rng, place, n_lists)
        while n_judged < wanted or n_done < n_rounds:
            assert clock[0] < AT + pd.Timedelta(days=5)
            assert_none_broken(place.at(clock[0]), listed, clock[0])
            n_judged, n_done = n_judged + len(listed), n_done + 1
            clock[0] += step
            sessions = place.changed_sessions(rng, clock[0])
            send(client, place, "bookings", place.next_bookings(rng, clock[0], listed))
            send(client, place, "bookings", place.cancelled_bookings(rng, clock[0]))
            send(client, place, "sessions", sessions)
            listed = lists(client, rng, place, n_lists)
    record_property("answers", n_judged)


def lists(client, rng: np.random.Generator, place: Place, n: int) -> pd.DataFrame:
    """Rows of the lists of `n` people drawn at random and a visitor, many at once, a third of them with filters."""
    people = rng.choice(place.tables["users"]["user_id"].to_numpy(), n, replace=False)
    filters = ({"category": "dance"}, {"lat": 36.75, "lon": 117.05, "max_km": 8}, {"region_id": "t0"})

    def of(number: int, user: str) -> list[dict[str, object]]:
        path = "/v1/recommendations" if user == VISITOR else f"/v1/users/{user}/recommendations"
        narrowed = filters[number // 3 % len(filters)] if number % 3 == 0 else {}
        answer = client.get(path, params={"k": 100, **narrowed})
        assert answer.status_code == 200, answer.text
        return [{"user_id": user, **row} for row in answer.json()["items"]]

    with ThreadPoolExecutor(AT_ONCE) as asking:
        rows = [row for found in asking.map(of, itertools.count(), [*people, VISITOR]) for row in found]
    assert rows
    return pd.DataFrame(rows)[["user_id", "session_id", "activity_id"]]


def send(client, place: Place, table: str, rows: pd.DataFrame) -> None:
    """Over HTTP, and into the judge's own frames."""
    bodies = [as_json(row) for row in rows.to_dict("records")]
    if table == "bookings":
        for start in range(0, len(bodies), 1000):
            answer = client.post("/v1/bookings", json=bodies[start : start + 1000])
            assert answer.status_code == 202, answer.text
            assert answer.json()["rejected"] == answer.json()["waiting"] == 0, answer.text
    else:
        for body in bodies:
            answer = client.put(f"/v1/{table}/{body['session_id']}", json=body)
            assert answer.status_code == 200, answer.text
    place.put(table, rows)


def as_json(row: dict[str, object]) -> dict[str, object]:
    filled = {name: value for name, value in row.items() if not pd.isna(value)}
    return {
        name: value.isoformat()
        if isinstance(value, pd.Timestamp)
        else value.item()
        if hasattr(value, "item")
        else value
        for name, value in filled.items()
    }
