"""Writes a simulated world: the platform's tables, and the truth in a folder beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import ValidationError

from recsys.errors import DataError, RecsysError, broken_rules
from recsys.files import check_output
from recsys.simulation.config import SimulationConfig
from recsys.simulation.setting.place import region_code
from recsys.simulation.truth.tables import write_truth
from recsys.simulation.world import World, make_world


def simulate(
    output: Path,
    *,
    seed: int = 0,
    users: int = 18000,
    weeks: int = 26,
    start: date | None = None,
    region: str = "370114",
    shape: str = "logit",
    show_progress: bool = False,
    **knobs: Any,
) -> World:
    """Writes `output/*.csv` (or Parquet) and `output/truth/`; what stood there under these names is replaced.

    Args:
        output: Folder, made if absent.
        seed: Seed of everything random.
        users: Registered users by the end of the known past.
        weeks: Weeks of known past.
        start: First day; see `SimulationConfig`.
        region: Province, city or county.
        shape: Family of choice and of counts.
        show_progress: A line for each part on standard error.
        knobs: Further fields of `SimulationConfig`.

    Raises:
        DataError: a knob that is unknown or out of range.
        UnknownIdError: a region that is not in the tree.
        RecsysError: the files cannot be written.
    """
    named = {"seed": seed, "users": users, "weeks": weeks, "start": start, "region": region, "shape": shape}
    try:
        config = SimulationConfig.model_validate({**named, **knobs})
    except ValidationError as error:
        raise DataError("simulation", broken_rules(error, "knobs")) from None
    region_code(config.region)  # One that there is not is told before a folder is made.
    manifest = output / "truth" / "manifest.json"
    check_output(manifest)
    world = make_world(config, _say if show_progress else None)
    try:
        # Written last: tables that were replaced in part only have none, and are no county.
        manifest.unlink(missing_ok=True)
        write_tables(world.tables, output, config.table_format)
        write_truth(world, output / "truth")
    except OSError as error:
        raise RecsysError(f"{output} cannot be written: {error.strerror or error}") from error
    return world


OPTIONS = frozenset(("seed", "users", "weeks", "start", "region", "shape"))
"""Knobs that the command has options for."""


def further_knobs(settings: Iterable[str]) -> dict[str, str]:
    """Values by name of texts `NAME=VALUE`; the configuration reads and checks the values.

    >>> further_knobs(["demand_scale=2"])
    {'demand_scale': '2'}

    Raises:
        DataError: a text without a name or a value, a knob that has an option of its own, or one that is set twice.
    """
    found: dict[str, str] = {}
    problems = []
    for text in settings:
        name, _, value = (part.strip() for part in text.partition("="))
        if not name or not value:
            problems.append(f"knob {text!r}: expected NAME=VALUE, for example demand_scale=2")
        elif name in OPTIONS:
            problems.append(f"knob {name!r}: has an option of its own, --{name}")
        elif name in found:
            problems.append(f"knob {name!r}: set twice")
        found[name] = value
    if problems:
        raise DataError("simulation", problems)
    return found


def write_tables(tables: dict[str, pd.DataFrame], folder: Path, table_format: str) -> None:
    """One file a table; the other form of the same table is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        for suffix in (".csv", ".parquet"):
            (folder / f"{name}{suffix}").unlink(missing_ok=True)
        if table_format == "parquet":
            table.to_parquet(folder / f"{name}.parquet", index=False)
            continue
        times = [c for c in table.columns if isinstance(table[c].dtype, pd.DatetimeTZDtype)]
        # Far faster than to_csv's own formatting of times with a zone; the zone has no summer time after 1991.
        text = {c: table[c].dt.tz_localize(None).astype("datetime64[s]").astype(str) + "+08:00" for c in times}
        text = {c: v.where(table[c].notna(), None).str.replace(" ", "T", n=1) for c, v in text.items()}
        flags = {c: table[c].map({True: "true", False: "false"}) for c in table.columns if table[c].dtype == "boolean"}
        table.assign(**text, **flags).to_csv(folder / f"{name}.csv", index=False, encoding="utf-8")


def _say(part: str) -> None:
    print(f"simulate: {part}", file=sys.stderr)  # noqa: T201
