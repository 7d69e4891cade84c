"""Which ids a row points at are there: required ones that are not wait, optional ones are emptied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.schema import LEVELS, Table

OVERTAKEN = "waited, and gave way to a later row of its key"
"""The reason of a row that waits no more since its key has come again."""


@dataclass
class Keys:
    """The keys of a table, as sorted 64-bit hashes: 8 bytes a key, however many a platform has.

    Two ids sharing a hash (once in 2**64 pairs) would let a row in whose reference does not exist; it would be
    implied, as those of tables never delivered are.
    """

    _hashes: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    _new: list[NDArray[np.uint64]] = field(default_factory=list)

    def add(self, ids: pl.Series) -> None:
        """More keys."""
        self._new.append(ids.hash().to_numpy())

    def add_all(self, others: Keys) -> None:
        """The keys of another set."""
        self._new += [others._hashes, *others._new]

    def __len__(self) -> int:
        self._merge()
        return len(self._hashes)

    def _merge(self) -> None:
        if self._new:
            hashes = np.sort(np.concatenate([self._hashes, *self._new]))
            is_first = np.ones(len(hashes), dtype=bool)
            np.not_equal(hashes[1:], hashes[:-1], out=is_first[1:])
            self._hashes = hashes[is_first]
            self._new.clear()

    def holds(self, ids: pl.Series) -> pl.Series:
        """Whether each id is among the keys; null for null."""
        self._merge()
        wanted = ids.hash().to_numpy()
        places = np.searchsorted(self._hashes, wanted)
        found = np.zeros(len(ids), dtype=bool)
        is_inside = places < len(self._hashes)
        found[is_inside] = self._hashes[places[is_inside]] == wanted[is_inside]
        return pl.Series(found).set(ids.is_null(), None)


@dataclass
class Waiting:
    """Rows of one delivery that wait, by their keys' hashes: 16 bytes a row.

    Of rows of one key the last counts. A row that waits and comes before another of its key has been overtaken:
    taken in later, it would bring back what was replaced.
    """

    _rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"key": pl.UInt64, "row_number": pl.Int64}))

    def add(self, waiting: pl.DataFrame, good: pl.DataFrame, key: str) -> pl.Series:
        """Adds a part's rows that wait.

        Args:
            waiting: Clean rows with `row_number`.
            good: Those of the same part that are stored.
            key: Name of the key column.

        Returns:
            `row_number` of those, of this part or an earlier one, that rows of this part have overtaken.
        """
        new, later = (rows.select(pl.col(key).hash().alias("key"), "row_number") for rows in (waiting, good))
        self._rows = pl.concat([self._rows, new])
        last = pl.concat([new, later]).group_by("key").agg(pl.col("row_number").max().alias("last"))
        found = self._rows.join(last, on="key").filter(pl.col("row_number") < pl.col("last"))["row_number"]
        if len(found):
            self._rows = self._rows.filter(~pl.col("row_number").is_in(found.implode()))
        return found


@dataclass(frozen=True)
class Resolved:
    """What became of clean rows.

    Attributes:
        rows: Rows that can be stored.
        waiting: `row_number`, `reason`, `missing_table` and `missing_id` (the first that is missing) of the others.
        emptied: Number of references emptied, by warning.
    """

    rows: pl.DataFrame
    waiting: pl.DataFrame
    emptied: dict[str, int]


def resolve(table: Table, rows: pl.DataFrame, known: Mapping[str, Keys]) -> Resolved:
    """Checks references to the tables of `known`; ids of other tables are implied.

    Args:
        table: The contract's table.
        rows: Clean rows with `row_number`.
        known: Keys of every table that the platform has delivered.
    """
    emptied: dict[str, int] = {}
    missing: list[tuple[pl.Series, str, str]] = []
    for column in table.columns:
        if column.refers_to is None or column.refers_to not in known:
            continue
        is_missing = ~known[column.refers_to].holds(rows[column.name]).fill_null(True)
        if not is_missing.any():
            continue
        if column.is_required:
            missing.append((is_missing, column.name, column.refers_to))
        else:
            emptied[f"{column.name} emptied: not among the {column.refers_to}"] = int(is_missing.sum())
            rows = rows.with_columns(rows[column.name].set(is_missing, None))
    if not missing:
        return Resolved(rows, _waiting(rows.clear(), []), emptied)
    waits = reduce(or_, (mask for mask, _, _ in missing))
    return Resolved(rows.filter(~waits), _waiting(rows, missing).filter(waits), emptied)


def _waiting(rows: pl.DataFrame, missing: list[tuple[pl.Series, str, str]]) -> pl.DataFrame:
    if not missing:
        schema = dict.fromkeys(("reason", "missing_table", "missing_id"), pl.String)
        return pl.DataFrame(schema={"row_number": pl.Int64, **schema})
    return rows.select(
        "row_number",
        pl.concat_str(
            [pl.when(m).then(pl.lit(f"waits: its {name} is not among the {t}")) for m, name, t in missing],
            separator="; ",
            ignore_nulls=True,
        ).alias("reason"),
        pl.coalesce(*[pl.when(m).then(pl.lit(t)) for m, _, t in missing]).alias("missing_table"),
        pl.coalesce(*[pl.when(m).then(pl.col(name)) for m, name, _ in missing]).alias("missing_id"),
    )


def without_cycles(regions: pl.DataFrame, stored: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Regions none of which is its own ancestor, and how many parents had to be emptied for it.

    In each cycle the new region of the outermost level (then of the smallest id) loses its parent.

    Args:
        regions: Clean rows; of a repeated key the last counts.
        stored: `region_id` and `parent_id` of what the store holds, itself without cycles.
    """
    parents = dict(zip(stored["region_id"], stored["parent_id"], strict=True))
    new = {r: (p, level) for r, p, level in regions.select("region_id", "parent_id", "level").iter_rows()}
    parents.update({r: p for r, (p, _) in new.items()})
    cut: list[str] = []
    done: set[str] = set()
    for start in new:
        path: list[str] = []
        on_path: set[str] = set()
        node: str | None = start
        while node is not None and node not in done and node not in on_path:
            path.append(node)
            on_path.add(node)
            node = parents.get(node)
        if node is not None and node in on_path:
            cycle = path[path.index(node) :]
            outermost = min((r for r in cycle if r in new), key=lambda r: (LEVELS.index(new[r][1]), r))
            parents[outermost] = None
            cut.append(outermost)
        done |= on_path
    if not cut:
        return regions, 0
    return regions.with_columns(
        pl.when(pl.col("region_id").is_in(cut)).then(None).otherwise(pl.col("parent_id")).alias("parent_id")
    ), len(cut)
