"""Simulated counties as benchmarks learn from them: what their platforms know, and the truth behind it."""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from recsys.dataset import DEFAULT_TIMEZONE, Dataset
from recsys.schema import TABLES
from recsys.simulation.command import simulate
from recsys.simulation.oracle import Truth, load_truth

Row = dict[str, Any]


def county(seed: int, shape: str, users: int, weeks: int) -> tuple[Dataset, Truth]:
    """The tables of one county, known until the simulation's cut-off, and its truth."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        simulate(folder, seed=seed, users=users, weeks=weeks, shape=shape, table_format="parquet")
        truth = load_truth(folder / "truth")
        files = {table: folder / f"{table}.parquet" for table in TABLES}
        tables = {table: pd.read_parquet(file) for table, file in files.items() if file.is_file()}
    until = truth.as_of.tz_localize(DEFAULT_TIMEZONE).tz_convert("UTC")
    return Dataset.from_tables(tables, until, DEFAULT_TIMEZONE), truth


def rows_of_counties(
    judge: Callable[[int, str, int, int], list[Row]],
    seeds: Sequence[int],
    shapes: Sequence[str],
    weeks: Sequence[int],
    users: int,
    out: Path | None,
) -> list[Row]:
    """Rows of `judge(seed, shape, weeks, users)`, with these; counties that `out` has lines of are not run again."""
    kept = out.read_text(encoding="utf-8").splitlines() if out and out.is_file() else []
    rows = [json.loads(line) for line in kept]
    has_run = {(row["seed"], row["shape"], row["weeks"], row["users"]) for row in rows}
    for one in itertools.product(seeds, shapes, weeks, [users]):
        if one not in has_run:
            names = dict(zip(("seed", "shape", "weeks", "users"), one, strict=True))
            found = [names | row for row in judge(*one)]
            rows += found
            if out:
                with out.open("a", encoding="utf-8") as lines:
                    lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
    return rows


def seeds_of(text: str) -> list[int]:
    """`0-3` or `0,5,7`."""
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else [int(one) for one in text.split(",")]


def county_parser(about: str | None, **defaults: object) -> argparse.ArgumentParser:
    """Arguments that say which counties, and where their figures go; `defaults` for `seeds` and `users` at least."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", help="0-3 or 0,5,7")
    parser.add_argument("--shapes", default="logit,gravity")
    parser.add_argument("--users", type=int)
    parser.add_argument("--weeks", type=int, default=26)
    parser.add_argument("--out", type=Path, help="figures as CSV")
    parser.set_defaults(**defaults)
    return parser


def each_county(args: argparse.Namespace, judged: Callable[[Dataset, Truth], Iterable[Row]]) -> pd.DataFrame:
    """Rows of figures of every county, printed as they come, in the end also written."""
    rows: list[Row] = []
    for shape, seed in itertools.product(args.shapes.split(","), seeds_of(args.seeds)):
        for found in judged(*county(seed, shape, args.users, args.weeks)):
            rows.append({"shape": shape, "seed": seed, **found})
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}, flush=True)
    table = pd.DataFrame(rows)
    if args.out is not None:
        table.to_csv(args.out, index=False)
    return table
