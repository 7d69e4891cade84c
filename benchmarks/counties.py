"""Simulated counties as benchmarks learn from them: what their platforms know, and the truth behind it."""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from recsys.dataset import DEFAULT_TIMEZONE, Dataset
from recsys.schema import TABLES
from recsys.simulation.command import simulate
from recsys.simulation.truth.oracle import Truth, load_truth

Row = dict[str, Any]

_NAMES = ("shape", "weeks", "users", "seed")


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


def seeds_of(text: str) -> list[int]:
    """`0-3` or `0,5,7`."""
    first, dash, last = text.partition("-")
    return list(range(int(first), int(last) + 1)) if dash else [int(one) for one in text.split(",")]


def county_parser(about: str | None, **defaults: object) -> argparse.ArgumentParser:
    """Arguments that say which counties, and where their figures go; `defaults` for `seeds` and `users` at least."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=seeds_of, help="0-3 or 0,5,7")
    parser.add_argument("--shapes", default="logit,gravity")
    parser.add_argument("--users", type=int)
    parser.add_argument("--histories", type=seeds_of, default="26", help="weeks of history, comma between")
    parser.add_argument("--out", type=Path, help="figures as JSON lines; a county that it holds is not run again")
    parser.set_defaults(**defaults)
    return parser


def each_county(args: argparse.Namespace, judged: Callable[[Dataset, Truth], Iterable[Row]]) -> pd.DataFrame:
    """Rows of figures of every county, printed as they come; with `shape`, `weeks`, `users` and `seed` of each."""
    out: Path | None = args.out
    rows: list[Row] = []
    if out is not None and out.is_file():
        rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    has_run = {tuple(row[name] for name in _NAMES) for row in rows}
    for one in itertools.product(args.shapes.split(","), args.histories, [args.users], args.seeds):
        if one in has_run:
            continue
        names = dict(zip(_NAMES, one, strict=True))
        found = [names | row for row in judged(*county(**names))]
        for row in found:
            shown = {name: value for name, value in row.items() if not isinstance(value, dict | list)}
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in shown.items()}, flush=True)
        if out is not None:
            with out.open("a", encoding="utf-8") as lines:
                lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in found)
        rows += found
    return pd.DataFrame(rows)
