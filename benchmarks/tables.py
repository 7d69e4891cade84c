"""A platform's folder of CSV files as benchmarks read it: without the store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from recsys.dataset import Dataset
from recsys.schema import TABLES


def read_tables(folder: Path, timezone: str) -> dict[str, pd.DataFrame]:
    """The contract's CSV files of a folder, times without a zone being in `timezone`."""
    tables = {}
    for file in (folder / f"{name}.csv" for name in TABLES if (folder / f"{name}.csv").is_file()):
        table = pd.read_csv(file, dtype=str)
        for name in (column for column in table.columns if column.endswith("_at")):
            times = pd.to_datetime(table[name], format="ISO8601")
            table[name] = times.dt.tz_localize(timezone) if times.dt.tz is None else times
        flags = [name for name in ("online", "personalised") if name in table]
        tables[file.stem] = table.assign(**{name: table[name].map({"true": True, "false": False}) for name in flags})
    return tables


def read_folder(folder: Path, timezone: str) -> Dataset:
    """All tables of a folder, known until after the last booking."""
    tables = read_tables(folder, timezone)
    last = max(pd.to_datetime(tables["bookings"]["booked_at"], utc=True).max(), pd.Timestamp(0, tz="UTC"))
    return Dataset.from_tables(tables, last + pd.Timedelta(days=1), timezone)
