"""`culture recommend` for everybody of a stored platform, whole: `make bench-recommend-store ARGS="--home FOLDER"`.

The county of `benchmarks/speed/made_up.py` is written as Parquet and loaded by `culture ingest`; `culture train` learns
from a sample of its people in a store of their own; `culture recommend` then ranks for all of them with that champion.
Each command runs by itself: its seconds, processor time and peak memory are printed. Every list is held against joins
over the tables (`tests/ranking_rules.py`). What the folder holds already is used again.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from benchmarks.speed.made_up import AT
from recsys.dataset import Dataset, is_among
from recsys.releases import bundles_folder, champion_name, release
from tests.ranking_rules import violations

K = 10
PEOPLE_AT_ONCE = 50_000
"""People whose lists are held against the rules together."""
SETTINGS = {
    "n_windows": 1,
    "ranking": {"windows": {"n_windows": 4, "users_each": 500}},
    "demand": {"max_origins": 2},
}
"""Of the training on a sample: it is not quality that is measured here."""


def main() -> int:
    """Makes what is missing, ranks, and counts broken rules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder for tables and stores")
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=20_000, help="sessions that can be booked")
    parser.add_argument("--learn-from", type=int, default=20_000, help="people of the sample")
    given = parser.parse_args()
    whole, sample = given.home / "whole", given.home / "sample"
    asked = ["--users", str(given.users), "--open", str(given.open)]
    loaded(whole, asked)
    if champion_name(whole) is None:
        loaded(sample, [*asked, "--only", str(given.learn_from)])
        (sample / "settings.json").write_text(json.dumps(SETTINGS), encoding="utf-8")
        culture(sample, "train", "--as-of", AT.isoformat(), "--config", str(sample / "settings.json"))
        name = str(champion_name(sample))
        shutil.copytree(bundles_folder(sample) / name, bundles_folder(whole) / name)
        release(whole, name)
    output = whole / "lists.parquet"
    seconds = culture(whole, "recommend", "--as-of", AT.isoformat(), "--k", str(K), "--output", str(output))
    print(f"{given.users / seconds:,.0f} users a CPU second, reading the store included", flush=True)
    tables = {path.stem: pd.read_parquet(path) for path in (whole / "tables").glob("*.parquet")}
    return judged(Dataset.from_tables(tables, AT), output)


def loaded(home: Path, asked: Sequence[str]) -> None:
    """The tables asked for in a store under `home`, unless they are there."""
    if not (home / "tables").exists():
        # By a process of its own: a command's peak memory is told as no less than what its parent once held.
        subprocess.run([sys.executable, "-m", "benchmarks.speed.made_up", str(home / "tables"), *asked], check=True)
        culture(home, "ingest", str(home / "tables"))


def culture(home: Path, *arguments: str) -> float:
    """Runs a command on the store under `home` and tells what it took; seconds of processor time.

    Raises:
        SystemExit: The command failed.
    """
    began = time.perf_counter()
    command = [shutil.which("culture") or "culture", *arguments, "--quiet"]
    pid = os.posix_spawn(command[0], command, os.environ | {"CULTURE_HOME": str(home)})
    _, status, used = os.wait4(pid, 0)
    if status:
        sys.exit(f"culture {arguments[0]} ended with {os.waitstatus_to_exitcode(status)}")
    spent = used.ru_utime + used.ru_stime
    print(
        f"culture {arguments[0]}: {time.perf_counter() - began:,.0f} s, {spent:,.0f} s of processor time,"
        f" {used.ru_maxrss / 2**20:.2f} GiB at most",
        flush=True,
    )
    return spent


def judged(dataset: Dataset, output: Path) -> int:
    """Prints what came out and which rules are broken; 1 where a rule is broken or somebody has no list."""
    n_rows, n_people, broken, first = 0, 0, Counter[str](), []
    for lists, some in _parts(dataset, output):
        n_rows, n_people = n_rows + len(lists), n_people + lists["user_id"].nunique()
        broken.update({rule: n for rule, n in violations(some, lists, AT).items() if rule != "full"})
        first.append(lists.drop_duplicates("session_id"))
    # Places are taken by everybody: once for each session that is in any list.
    sessions = pd.concat(first).drop_duplicates("session_id")
    broken["full"] = violations(dataset, sessions, AT)["full"]
    print(f"{n_rows:,} rows for {n_people:,} of {len(dataset.users):,} people, {len(sessions):,} different sessions")
    print(f"rules broken: {sum(broken.values())} {dict(+broken) or ''}")
    return int(any(broken.values()) or n_people < len(dataset.users))


def _parts(dataset: Dataset, output: Path) -> Iterator[tuple[pd.DataFrame, Dataset]]:
    """Lists of some people at once, with the data set that holds those people and their bookings alone."""
    lists = pq.read_table(output, columns=["user_id", "activity_id", "session_id"])
    number = lists["user_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    for start in range(0, int(number.max(initial=-1)) + 1, PEOPLE_AT_ONCE):
        mine = lists.filter((number >= start) & (number < start + PEOPLE_AT_ONCE)).to_pandas()
        users = dataset.users[is_among(dataset.users["user_id"], mine["user_id"])]
        bookings = dataset.bookings[is_among(dataset.bookings["user_id"], mine["user_id"])]
        yield mine, replace(dataset, users=users, bookings=bookings)


if __name__ == "__main__":
    sys.exit(main())
