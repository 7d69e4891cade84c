"""How fast lists are made: a simulated county, a bundle, a service on a socket, and people who ask and book.

`make bench-serving ARGS="--users 18000 --weeks 26"`. Prints, for each kind of request, how many ask at once, requests,
errors, answers a second, and milliseconds at the median, 95 % and 99 %; beside them a bare route of the same process,
since timings on a busy machine mean something only beside each other. Who asks shares the cores with the service.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pandas as pd
import uvicorn

from features.openings.inputs import opening_inputs
from features.settings import Settings
from features.store.ingest import ingest_folder
from features.store.snapshot import load_snapshot
from features.store.store import open_store
from recsys.bundle import BundleWriter
from recsys.dataset import Dataset
from recsys.openings.learned.stored import save_openings
from recsys.releases import bundles_folder, release
from recsys.simulation.command import simulate
from serving.app import create_app
from serving.champion import ChampionWatcher
from serving.main import address_of, bind, server_config
from serving.parts import open_parts
from training.demand.config import DemandConfig
from training.demand.forecast import forecast_demand
from training.ranking.fit import RankingConfig, fit_ranking

START = date(2025, 7, 21)
PARALLEL = (2, 8, 40, 200)
"""So many ask for lists at once, too."""

PLANS: dict[str, dict[str, object]] = {
    "suggestions, fast, budget 8": {"budget": 8, "effort": "fast"},
    "suggestions, fast, budget 20": {"budget": 20, "effort": "fast"},
    "suggestions, fast, 20, explained": {"budget": 20, "effort": "fast", "explain": True},
    "suggestions, search, budget 8": {"budget": 8},
    "suggestions, fast, 20, front of 16": {"budget": 20, "effort": "fast", "front_points": 16},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=18000)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--home", type=Path, help="keep the county and its bundle here for the next run")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder)
        as_of = pd.Timestamp(START, tz="Asia/Shanghai") + pd.Timedelta(weeks=given.weeks)
        dataset = prepare(home, given.users, given.weeks, as_of)
        figures = measure(Settings(home=home), as_of, dataset, given.requests)
    print(pd.DataFrame(figures).to_string(index=False))
    if given.out is not None:
        given.out.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def prepare(home: Path, users: int, weeks: int, as_of: pd.Timestamp) -> Dataset:
    """The county in a store under `home`, and a released bundle; what is there is used again."""
    with open_store(Settings(home=home)) as store:
        if not store.platforms():
            simulate(home / "tables", users=users, weeks=weeks, start=START)
            ingest_folder(store, home / "tables", "default", None, None, show_progress=False)
        dataset = load_snapshot(store.snapshot(home / "snapshots", as_of).path)
    if not (bundles_folder(home) / "bench").exists():
        with BundleWriter(bundles_folder(home) / "bench", {"data_until": as_of.isoformat()}) as writer:
            fit_ranking(dataset, RankingConfig()).save(writer)
            forecast_demand(dataset, 13, DemandConfig(max_origins=4)).save(writer)
            save_openings(opening_inputs(dataset), writer)
        release(home, "bench")
    return dataset


def measure(settings: Settings, as_of: pd.Timestamp, dataset: Dataset, n_requests: int) -> list[dict[str, object]]:
    """Serves in a thread and asks one question after another."""
    began = time.monotonic()
    app = create_app(
        ChampionWatcher(settings.home, open_parts),
        lambda: open_store(settings),
        clock=lambda: as_of.tz_convert("UTC") + pd.Timedelta(microseconds=int(1e6 * (time.monotonic() - began))),
    )
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(server_config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.05)
    with httpx.Client(base_url=address_of(listener), timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        figures = ask(client, dataset, as_of, n_requests)
    server.should_exit = True
    thread.join(30)
    return figures


def ask(client: httpx.Client, dataset: Dataset, as_of: pd.Timestamp, n_requests: int) -> list[dict[str, object]]:
    """Each kind of request, timed from outside."""
    rng = random.Random(0)
    users = [str(u) for u in dataset.users["user_id"]]
    booked = [str(u) for u in dataset.bookings["user_id"].unique()]
    sessions = [str(s) for s in dataset.sessions["session_id"][dataset.sessions["starts_at"] > as_of]]

    def of_user(people: list[str]) -> httpx.Response:
        return client.get(f"/v1/users/{quote(rng.choice(people))}/recommendations")

    def book() -> httpx.Response:
        row = {"booking_id": f"bench-{rng.random()}", "user_id": rng.choice(users), "session_id": rng.choice(sessions)}
        return client.post("/v1/bookings", json={**row, "booked_at": as_of.isoformat(), "party_size": 1})

    turns = iter(range(10**9))
    kinds: dict[str, Callable[[], httpx.Response]] = {
        "bare route": lambda: client.get("/healthz"),
        "list, user with bookings": lambda: of_user(booked),
        "list, any user": lambda: of_user(users),
        "list, visitor": lambda: client.get("/v1/recommendations", params={"lat": 36.7, "lon": 117.4}),
        "one booking": book,
        "list, a booking every 10th": lambda: book() if next(turns) % 10 == 0 else of_user(users),
        **{name: partial(client.post, "/v1/classes/suggestions", json=asked) for name, asked in PLANS.items()},
        "forecasts, 100 series": lambda: client.get("/v1/demand/forecasts"),
    }
    figures: list[dict[str, object]] = []
    for name, once in kinds.items():
        n = n_requests if name.startswith(("list", "bare")) else max(10, n_requests // 10)
        side_by_side = PARALLEL if name == "list, any user" else ()
        figures += [{"request": name, **timed(once, max(n, 2 * at_once), at_once)} for at_once in (1, *side_by_side)]
    return figures


def timed(once: Callable[[], httpx.Response], n: int, at_once: int) -> dict[str, object]:
    """How long `n` answers take, and how many come a second, where so many ask, each anew as soon as it has its own."""
    once()

    def ask(_: int) -> tuple[float, bool]:
        began = time.perf_counter()
        has_failed = once().status_code >= 400
        return 1000 * (time.perf_counter() - began), has_failed

    began = time.perf_counter()
    with ThreadPoolExecutor(at_once) as asking:
        taken, failed = zip(*asking.map(ask, range(n)), strict=True)
    rate = round(n / (time.perf_counter() - began), 1)
    p50, p95, p99 = np.percentile(taken, [50, 95, 99]).round(1)
    shown = {"at_once": at_once, "n": n, "errors": sum(failed), "per_s": rate}
    return {**shown, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}


if __name__ == "__main__":
    main()
