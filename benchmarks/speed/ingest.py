"""Ingest of a million bookings against a bare COPY of the same rows: `python -m benchmarks.speed.ingest`.

Users and sessions are there already. Both write to the same server in the same run, in turns; the bare COPY goes
into a table with the same columns that exists before and has neither key nor index.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import psycopg

from features.settings import Settings
from features.store.ingest import ingest_folder
from features.store.server import embedded_url
from features.store.store import open_store

_COLUMNS = (
    "booking_id text, user_id text, session_id text, booked_at timestamptz, status text, status_at timestamptz,"
    " party_size int8, attendee_birth_years text, channel text"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--sessions", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory-bookings", type=int, default=4_000_000, help="rows of the file for the peak memory")
    parser.add_argument("--only-ingest", nargs=2, metavar=("HOME", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only_ingest:
        print_peak(Path(args.only_ingest[0]), Path(args.only_ingest[1]))
        return
    folder = Path(tempfile.mkdtemp(prefix="culture-bench-"))
    try:
        compare(folder, args)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare(folder: Path, args: argparse.Namespace) -> None:
    base, rows = folder / "base", folder / "bookings"
    write_base(base, args.users, args.sessions)
    write_bookings(rows / "bookings.csv", args.bookings, args.users, args.sessions)
    size_mb = (rows / "bookings.csv").stat().st_size / 1e6
    print(f"{args.bookings:,} bookings, {size_mb:.0f} MB; {args.users:,} users and {args.sessions:,} sessions there")
    home = folder / "home"
    url = embedded_url(home)
    ratios, again = [], []
    for number in range(args.rounds):
        name = f"round_{number}"
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        target = url.replace("/postgres?", f"/{name}?")
        with open_store(Settings(home=home, database_url=target)) as store:
            ingest_folder(store, base)
            bare = seconds(lambda target=target: bare_copy(target, rows / "bookings.csv"))
            first = seconds(lambda store=store: check(ingest_folder(store, rows).tables["bookings"], args.bookings))
            second = seconds(lambda store=store: ingest_folder(store, rows))
        ratios.append(first / bare)
        again.append(second / bare)
        print(f"round {number + 1}: bare COPY {bare:.2f} s, ingest {first:.2f} s, the same again {second:.2f} s")
    print(
        f"ingest / bare COPY: median {statistics.median(ratios):.2f} (at most 3), all {[round(r, 2) for r in ratios]};"
        f" the same folder again: median {statistics.median(again):.2f}"
    )
    for n_rows in (args.memory_bookings // 4, args.memory_bookings):
        if n_rows:
            write_bookings(rows / "bookings.csv", n_rows, args.users, args.sessions)
            memory_home = folder / f"memory_{n_rows}"
            subprocess.run(
                [sys.executable, "-m", "benchmarks.speed.ingest", "--only-ingest", str(memory_home), str(rows)],
                check=True,
            )
    if statistics.median(ratios) > 3:
        sys.exit(1)


def print_peak(home: Path, folder: Path) -> None:
    with open_store(Settings(home=home)) as store:
        n_rows = ingest_folder(store, folder).tables["bookings"].accepted
    size_mb = (folder / "bookings.csv").stat().st_size / 1e6
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"peak memory of ingest: {peak_mb:.0f} MB for a file of {size_mb:.0f} MB, {n_rows:,} rows")


def check(report: object, n_rows: int) -> None:
    accepted = getattr(report, "accepted", None)
    if accepted != n_rows:
        raise SystemExit(f"{accepted} of {n_rows} rows accepted")


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def bare_copy(url: str, path: Path) -> None:
    names = pl.read_csv(path, n_rows=0).columns
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bare")
        connection.execute(f"CREATE TABLE bare ({_COLUMNS})")
        statement = f"COPY bare ({', '.join(names)}) FROM STDIN (FORMAT csv, HEADER)"
        with connection.cursor().copy(statement) as copy, path.open("rb") as file:
            while data := file.read(1 << 20):
                copy.write(data)


def write_base(folder: Path, n_users: int, n_sessions: int) -> None:
    folder.mkdir(parents=True)
    users = pl.DataFrame({"user_id": ids("u", np.arange(n_users)), "birth_year": 1990})
    users.write_csv(folder / "users.csv")
    sessions = pl.DataFrame(
        {
            "session_id": ids("s", np.arange(n_sessions)),
            "activity_id": ids("a", np.arange(n_sessions) // 5),
            "starts_at": "2026-06-01T19:30:00+08:00",
        }
    )
    sessions.write_csv(folder / "sessions.csv")


def write_bookings(path: Path, n_rows: int, n_users: int, n_sessions: int) -> None:
    rng = np.random.default_rng(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    booked = rng.integers(1_704_000_000, 1_780_000_000, n_rows)
    pl.DataFrame(
        {
            "booking_id": ids("b", rng.permutation(n_rows)),
            "user_id": ids("u", rng.integers(0, n_users, n_rows)),
            "session_id": ids("s", rng.integers(0, n_sessions, n_rows)),
            "booked_at": local(booked),
            "status": rng.choice(["booked", "attended", "cancelled", "no_show"], n_rows),
            "status_at": local(booked + rng.integers(0, 1_000_000, n_rows)),
            "party_size": rng.integers(1, 4, n_rows),
            "channel": rng.choice(["app", "wechat", "tv", "portal"], n_rows),
        }
    ).write_csv(path)


def ids(letter: str, numbers: np.ndarray) -> pl.Series:
    return letter + pl.Series(numbers).cast(pl.String).str.zfill(8)


def local(seconds_since_epoch: np.ndarray) -> pl.Series:
    return pl.from_epoch(pl.Series(seconds_since_epoch), time_unit="s").dt.strftime("%Y-%m-%dT%H:%M:%S+08:00")


if __name__ == "__main__":
    main()
