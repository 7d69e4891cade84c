"""The truth as read back from its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from recsys.errors import DataError
from recsys.simulation.setting.people import People
from recsys.simulation.truth.tables import column_groups

TABLE_NAMES = ("people", "sessions", "memory", "preferences", "outcomes", "demand", "latent", "regions", "venues")


@dataclass(frozen=True)
class Truth:
    """Tables as `recsys.simulation.truth.tables.write_truth` wrote them; times local without a zone."""

    manifest: dict[str, Any]
    tables: dict[str, pd.DataFrame]

    @property
    def as_of(self) -> pd.Timestamp:
        """First instant that the platform did not know, local."""
        return pd.Timestamp(self.manifest["as_of"]).tz_localize(None)

    @property
    def shape(self) -> str:
        """Family of choice and counts."""
        return str(self.manifest["shape"])

    @property
    def noise(self) -> float:
        """Spread of the counts."""
        return float(self.manifest["knobs"]["noise"])

    @property
    def weeks(self) -> int:
        """Weeks of known past."""
        return int(self.manifest["weeks"])

    @property
    def future_weeks(self) -> int:
        """Weeks of truth after it."""
        return int(self.manifest["future_weeks"])

    @cached_property
    def people(self) -> People:
        """Persons with their tastes."""
        table = self.tables["people"]
        arrays = {
            attribute: np.ascontiguousarray(table[names].to_numpy(dtype=np.float32))
            for attribute, names in column_groups().items()
        }
        plain = [c for c in table.columns if ":" not in c]
        return People(
            table[plain],
            table["group"].to_numpy(),
            reach_km=table["reach_km"].to_numpy(dtype=np.float32),
            companion=table["companion"].to_numpy(),
            **arrays,
        )


def load_truth(folder: Path) -> Truth:
    """Reads the folder.

    Raises:
        DataError: names the files that are missing.
    """
    missing = [n for n in (*(f"{t}.parquet" for t in TABLE_NAMES), "manifest.json") if not (folder / n).is_file()]
    if missing:
        raise DataError("truth", [f"{folder / name} is missing" for name in missing])
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError("truth", [f"{folder / 'manifest.json'} cannot be read: {error}"]) from None
    return Truth(manifest, {name: pd.read_parquet(folder / f"{name}.parquet") for name in TABLE_NAMES})
