"""Simulated counties as benchmarks learn from them: what their platforms know, and the truth behind it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd

from recsys.dataset import DEFAULT_TIMEZONE, Dataset
from recsys.schema import TABLES
from recsys.simulation.command import simulate
from recsys.simulation.oracle import Truth, load_truth


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
