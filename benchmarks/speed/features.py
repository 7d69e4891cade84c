"""Events to weighted pairs and to a panel's counts, beside plain pandas; memory on many rows: `make bench-features`."""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.demand.counts import SERIES, WEEK_US, on_hand_names, session_figures, weekly_counts
from features.interactions import SECONDS_PER_DAY, weighted_pairs, with_row_numbers, write_weighted_pairs

UNTIL = pd.Timestamp("2025-11-13T02:13:20Z")
HALF_LIFE_DAYS = 90.0
HISTORY_DAYS = 700
N_KEYS = 20_000
BLOCK = 5_000_000
SHARE_TO_REACH = 0.4
GIB_TO_REACH = 8.0
N_LEADS = 13
SCHEMA = pa.schema([("user_num", pa.int32()), ("key_num", pa.int32()), ("at_s", pa.int64()), ("weight", pa.float64())])


def write_events(path: Path, n_rows: int, n_users: int, seed: int = 0) -> None:
    """Bookings of users who come back to some twenty keys each, a few of them often; in blocks."""
    rng = np.random.default_rng(seed)
    until = int(UNTIL.timestamp())
    with pq.ParquetWriter(path, SCHEMA) as writer:
        for start in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - start)
            users = (n_users * rng.random(n) ** 1.5).astype(np.int64)
            choice = (rng.random(n) ** 2 * 20).astype(np.int64)
            keys = (users * 2_654_435_761 + choice * 39_571_731) % 2**31 % N_KEYS
            times = until - rng.integers(-int(SECONDS_PER_DAY), int(HISTORY_DAYS * SECONDS_PER_DAY), n)
            weights = rng.choice([1.0, 0.9, 0.7, 0.3, 0.2], n, p=[0.5, 0.2, 0.1, 0.1, 0.1])
            block = [users.astype(np.int32), keys.astype(np.int32), times, weights]
            writer.write_table(pa.table(block, schema=SCHEMA), row_group_size=1_000_000)


def plain_pandas(path: Path, *, sort: bool) -> pd.DataFrame:
    rows = pd.read_parquet(path)
    until = int(UNTIL.timestamp())
    rows = rows[rows["at_s"] < until]
    weights = rows["weight"] * np.exp2((rows["at_s"] - until) / (HALF_LIFE_DAYS * SECONDS_PER_DAY))
    rows = rows.assign(weight=weights)
    return rows.groupby(["user_num", "key_num"], as_index=False, sort=sort)["weight"].sum()


def embedded(path: Path) -> pl.DataFrame:
    plan = weighted_pairs(pl.scan_parquet(path), data_until=UNTIL, half_life_days=HALF_LIFE_DAYS)
    return plan.collect(engine="streaming")


def coded(text: Path, target: Path) -> None:
    """Text ids to row numbers, rows in order of id."""
    rows = pl.scan_parquet(text)
    for on in ("user_id", "key_id"):
        ids = pl.scan_parquet(text).select(pl.col(on).unique()).sort(on)
        numbers = ids.with_row_index(on.replace("_id", "_num")).collect(engine="streaming").lazy()
        rows = with_row_numbers(rows, numbers, on)
    rows.sink_parquet(target)


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def compare_times(path: Path, repeats: int) -> bool:
    ways: dict[str, Callable[[], Any]] = {
        "ours (Polars)": lambda: embedded(path),
        "pandas group-by": lambda: plain_pandas(path, sort=True),
        "pandas group-by, sort=False": lambda: plain_pandas(path, sort=False),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    results: dict[str, Any] = {}
    for _ in range(repeats):
        for name, way in ways.items():
            spent, results[name] = seconds(way)
            taken[name].append(spent)
    ours = taken["ours (Polars)"]
    for name, theirs in taken.items():
        share = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
        print(f"  {name:28s} {statistics.median(theirs):6.2f} s (least {min(theirs):.2f})   ours / this: {share:.2f}")
    order = ["user_num", "key_num"]
    found = results["ours (Polars)"].sort(order).to_pandas()
    pd.testing.assert_frame_equal(found, results["pandas group-by"], rtol=1e-9)
    print(f"  the same {len(found):,} pairs, weights equal to 1e-9")
    share = statistics.median(a / b for a, b in zip(ours, taken["pandas group-by"], strict=True))
    return report("share of the pandas group-by's time", share, SHARE_TO_REACH)


def time_coding(path: Path, folder: Path) -> None:
    text = folder / "text.parquet"
    ids = pl.scan_parquet(path).with_columns(
        user_id="u" + pl.col("user_num").cast(pl.String).str.zfill(9),
        key_id="series-" + pl.col("key_num").cast(pl.String).str.zfill(6),
    )
    ids.drop("user_num", "key_num").sink_parquet(text)
    spent, _ = seconds(lambda: coded(text, folder / "coded.parquet"))
    print(f"  coding of text ids, Parquet to Parquet: {spent:.2f} s")


def programme(n_rows: int, seed: int = 0) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sessions of three years, and bookings of the weeks before them: some twenty a session."""
    rng = np.random.default_rng(seed)
    n_sessions = max(n_rows // 20, 1)
    until_us = int(UNTIL.timestamp()) * 10**6
    starts = until_us - rng.integers(-8 * WEEK_US, 150 * WEEK_US, n_sessions)
    places = {"region_num": 50, "category_num": 24}
    sessions = {"session_num": np.arange(n_sessions), "starts_us": starts, "capacity": rng.integers(-1, 40, n_sessions)}
    sessions |= {"is_cancelled": (rng.random(n_sessions) < 0.03).astype(np.int64)}
    sessions |= {name: rng.integers(0, n, n_sessions) for name, n in places.items()}
    at = rng.integers(0, n_sessions, n_rows)
    booked_us = np.minimum(starts[at], until_us) - rng.integers(1, 6 * WEEK_US, n_rows)
    status = rng.choice(["booked", "attended", "no_show", "waitlisted", "cancelled"], n_rows)
    bookings = {"session_num": at, "status": status, "party_size": rng.integers(1, 4, n_rows), "booked_us": booked_us}
    return pl.DataFrame(sessions), pl.DataFrame(bookings | {"status_us": booked_us + WEEK_US})


def panel_ours(sessions: pl.DataFrame, bookings: pl.DataFrame) -> tuple[pd.DataFrame, Any]:
    until_us = int(UNTIL.timestamp()) * 10**6
    plan = session_figures(sessions.lazy(), bookings.lazy(), as_of_us=until_us, n_leads=N_LEADS)
    figures = plan.sort("session_num").collect()
    counts = weekly_counts(figures.with_columns(demand=pl.col("places") + pl.col("waiting")))
    return counts.sort(SERIES).to_pandas(), figures.select(on_hand_names(N_LEADS)).to_numpy()


def panel_plain(sessions: pd.DataFrame, bookings: pd.DataFrame) -> tuple[pd.DataFrame, Any]:
    until_us = int(UNTIL.timestamp()) * 10**6
    size, status = bookings["party_size"], bookings["status"]
    by_session = bookings["session_num"]
    taken = size.where(status.isin(["booked", "attended", "no_show"]), 0).groupby(by_session).sum()
    waiting = size.where(status == "waitlisted", 0).groupby(by_session).sum()
    places = taken.reindex(sessions["session_num"], fill_value=0).where(sessions["is_cancelled"] == 0, 0)
    monday = UNTIL.normalize() - pd.Timedelta(days=UNTIL.dayofweek)
    week = (sessions["starts_us"] - int(monday.timestamp()) * 10**6) // WEEK_US
    limit = sessions["capacity"].where(sessions["capacity"] > 0)
    demand = places + waiting.reindex(sessions["session_num"], fill_value=0)
    measures = {"sessions": 1, "places": places, "offered": limit.fillna(0), "limited": limit.notna()}
    table = sessions.assign(week_num=week, **measures, sold_out=places >= limit, demand=demand)
    over = table[(table["is_cancelled"] == 0) & (table["week_num"] < 0)]
    counts = over.groupby(list(SERIES))[[*measures, "sold_out", "demand"]].sum().astype("float64").reset_index()
    age = -((sessions["starts_us"] - until_us) // WEEK_US)
    back = [(until_us - bookings[name]) / WEEK_US for name in ("booked_us", "status_us")]
    own_age = age.to_numpy()[by_session]
    last = np.clip(np.ceil(back[0]) - 1 - own_age, -1, N_LEADS - 1).astype(int)
    first = np.where(status == "cancelled", np.clip(np.floor(back[1]) + 1 - own_age, 0, N_LEADS), 0).astype(int)
    holds = (first <= last) & (status != "waitlisted")
    steps = np.zeros((len(sessions), N_LEADS + 1))
    np.add.at(steps, (by_session[holds], first[holds]), size[holds])
    np.add.at(steps, (by_session[holds], last[holds] + 1), -size[holds])
    return counts, np.cumsum(steps[:, :N_LEADS], axis=1)


def compare_panels(n_rows: int, repeats: int) -> None:
    sessions, bookings = programme(n_rows)
    plain = sessions.to_pandas(), bookings.to_pandas()
    taken = []
    for _ in range(repeats):
        ours, (counts, on_hand) = seconds(lambda: panel_ours(sessions, bookings))
        theirs, (expected, held) = seconds(lambda: panel_plain(*plain))
        taken.append((ours, theirs))
    pd.testing.assert_frame_equal(counts, expected[list(counts.columns)])
    np.testing.assert_array_equal(on_hand, held)
    share = statistics.median(ours / theirs for ours, theirs in taken)
    medians = [statistics.median(times) for times in zip(*taken, strict=True)]
    print(f"  Polars {medians[0]:.2f} s, plain pandas {medians[1]:.2f} s; ours / this: {share:.2f}, the same figures")


def measure_memory(path: Path, target: Path) -> bool:
    """A process of its own, so that its peak is that of the work alone."""
    command = [sys.executable, "-m", "benchmarks.speed.features", "--only-write", str(path), str(target)]
    spent, done = seconds(lambda: subprocess.run(command, check=True, capture_output=True, text=True))
    print(f"  {spent:.1f} s, {pq.ParquetFile(target).metadata.num_rows:,} pairs")
    return report("GiB at the peak", float(done.stdout), GIB_TO_REACH)


def report(what: str, figure: float, most: float) -> bool:
    is_reached = figure <= most
    print(f"  {what}: {figure:.2f}, to reach {most:g}: {'reached' if is_reached else 'MISSED'}")
    return is_reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, help="bookings of the comparison with pandas")
    parser.add_argument("--large-rows", type=int, default=100_000_000, help="bookings of the memory run; 0: none")
    parser.add_argument("--repeats", type=int, default=3, help="turns of the comparison")
    parser.add_argument("--only-write", nargs=2, type=Path, metavar=("EVENTS", "PAIRS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only_write:
        source, target = options.only_write
        write_weighted_pairs(source, target, data_until=UNTIL, half_life_days=HALF_LIFE_DAYS)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
        return 0
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="bench-features-") as name:
        folder = Path(name)
        print(f"{options.rows:,} bookings of {max(options.rows // 10, 1):,} users to weighted pairs")
        write_events(folder / "events.parquet", options.rows, max(options.rows // 10, 1))
        outcomes.append(compare_times(folder / "events.parquet", options.repeats))
        time_coding(folder / "events.parquet", folder)
        print(
            f"{options.rows:,} bookings to places on hand by {N_LEADS} leads and to counts by region, category and week"
        )
        compare_panels(options.rows, options.repeats)
        if options.large_rows:
            print(f"{options.large_rows:,} bookings, Parquet to Parquet")
            write_events(folder / "large.parquet", options.large_rows, max(options.large_rows // 10, 1))
            outcomes.append(measure_memory(folder / "large.parquet", folder / "pairs.parquet"))
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
