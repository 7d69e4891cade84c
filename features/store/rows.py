"""Rows that come a few at a time: live writes, and waiting rows whose missing row has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl
from sqlalchemy import Connection

from features.intake.cleaning import clean_rows
from features.intake.references import OVERTAKEN, Keys, Resolved, Waiting, resolve, without_cycles
from features.intake.sources import ROW_NUMBER
from features.store.erasure import erased_accounts, remember_back
from features.store.loading import assignments, copy_out, ensure_partition
from features.store.opt_outs import hold
from features.store.quarantine import add_to_quarantine, quarantine_rows, ready_rows
from recsys.schema import TABLES, Table

Status = Literal["accepted", "unchanged", "quarantined", "rejected"]

_ARRAYS = {
    pl.String: "text[]",
    pl.Float64: "float8[]",
    pl.Int64: "int8[]",
    pl.Boolean: "bool[]",
    pl.Datetime: "timestamptz[]",
}


@dataclass(frozen=True)
class RowResult:
    """What became of one row.

    Attributes:
        key: Its key as sent; None where it had none.
        status: `accepted`, `unchanged` (it was there already), `quarantined` (waits for a row it points at) or
            `rejected`.
        reason: Why it was not stored; empty where it was.
    """

    key: str | None
    status: Status
    reason: str = ""


def as_raw(table: Table, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    """Rows of JSON-like values as the text that a file would hold; lists are joined by `;`."""
    return pl.DataFrame(
        {
            **{c: pl.Series([_text(r.get(c)) for r in rows], dtype=pl.String) for c in table.column_names},
            ROW_NUMBER: pl.int_range(len(rows), dtype=pl.Int64, eager=True),
        }
    )


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ";".join(str(v) for v in value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value)


def store_rows(
    connection: Connection, table: Table, platform_num: int, timezone: str, raw: pl.DataFrame, source: str
) -> list[RowResult]:
    """Cleans, resolves and stores rows, the others go to quarantine; those of erased accounts are not kept there.

    Args:
        connection: In a transaction that holds the platform's lock.
        table: The contract's table.
        platform_num: Whose rows.
        timezone: Zone of the platform.
        raw: Columns as text and `row_number` from 0.
        source: What the quarantine calls the rows' origin.
    """
    cleaned = clean_rows(table, raw, timezone)
    erased = erased_accounts(connection, platform_num, raw)
    kept, refused = erased.apart(table, cleaned.rows, is_live=True)
    remember_back(connection, platform_num, erased)
    resolved = resolve(table, kept, _known(connection, table, platform_num, kept))
    rows = resolved.rows
    if table.name == "regions" and rows["parent_id"].null_count() < len(rows):
        rows, _ = without_cycles(rows, stored_parents(connection, platform_num))
    if table.name == "users":
        rows = hold(connection, platform_num, rows)
    written = _write(connection, table, platform_num, rows.unique(table.key, keep="last", maintain_order=True))
    waiting, overtaken = _waiting(table, raw, resolved, kept)
    bad = erased.unnamed(table, pl.concat([cleaned.rejected, waiting], how="diagonal"), timezone)
    if len(bad):
        add_to_quarantine(connection, [quarantine_rows(table, platform_num, bad, source)])
    results: list[RowResult] = [RowResult(key, "unchanged") for key in raw[table.key]]
    for number, key in rows.select(ROW_NUMBER, table.key).iter_rows():
        results[number] = RowResult(key, "accepted" if key in written else "unchanged")
    told: list[tuple[Status, pl.DataFrame]] = [
        ("rejected", cleaned.rejected),
        ("rejected", refused),
        ("quarantined", pl.concat([waiting, overtaken], how="diagonal")),
    ]
    for status, frame in told:
        for number, key, reason in frame.select(ROW_NUMBER, table.key, "reason").iter_rows():
            results[number] = RowResult(key, status, reason)
    return results


def _waiting(
    table: Table, raw: pl.DataFrame, resolved: Resolved, clean: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that wait, and those that do not because the request holds a later row of their key."""
    held = clean.join(resolved.waiting, on=ROW_NUMBER, how="semi")
    is_over = pl.col(ROW_NUMBER).is_in(Waiting().add(held, resolved.rows, table.key).implode())
    waiting = raw.join(resolved.waiting, on=ROW_NUMBER, how="inner")
    return waiting.filter(~is_over), waiting.filter(is_over).select(*raw.columns, pl.lit(OVERTAKEN).alias("reason"))


def take_in_waiting(connection: Connection, platform_num: int, timezone: str) -> dict[str, int]:
    """Stores waiting rows whose missing rows have come; returns how many, by table."""
    taken: dict[str, int] = {}
    for table in TABLES.values():
        while len(ready := ready_rows(connection, table, platform_num)):
            connection.exec_driver_sql(
                "DELETE FROM quarantine WHERE platform_num = %s AND table_name = %s AND fingerprint = ANY(%s)",
                (platform_num, table.name, ready["fingerprint"].to_list()),
            )
            results = store_rows(connection, table, platform_num, timezone, ready.drop("fingerprint"), "waited")
            n_taken = sum(r.status in ("accepted", "unchanged") for r in results)
            taken[table.name] = taken.get(table.name, 0) + n_taken
    return taken


def stored_parents(connection: Connection, platform_num: int) -> pl.DataFrame:
    """`region_id` and `parent_id` of a platform's regions."""
    query = f"SELECT region_id, parent_id FROM regions WHERE platform_num = {platform_num}"
    return copy_out(connection, query, {"region_id": pl.String, "parent_id": pl.String})


def _known(connection: Connection, table: Table, platform_num: int, rows: pl.DataFrame) -> dict[str, Keys]:
    """Those of the rows' references that are there, for tables that the platform has delivered."""
    delivered = {
        name
        for (name,) in connection.exec_driver_sql(
            "SELECT table_name FROM deliveries WHERE platform_num = %s", (platform_num,)
        )
    }
    known: dict[str, Keys] = {}
    for column in table.columns:
        if column.refers_to is None or column.refers_to not in delivered:
            continue
        key = TABLES[column.refers_to].key
        found = connection.exec_driver_sql(
            f"SELECT {key} FROM {column.refers_to} WHERE platform_num = %s AND {key} = ANY(%s)",
            (platform_num, rows[column.name].drop_nulls().unique().to_list()),
        ).scalars()
        keys = known.setdefault(column.refers_to, Keys())
        keys.add(pl.Series(list(found), dtype=pl.String))
        if column.refers_to == table.name:
            keys.add(rows[table.key])
    return known


def _write(connection: Connection, table: Table, platform_num: int, rows: pl.DataFrame) -> set[str]:
    """Upserts typed rows in key order; returns the keys that are new or changed."""
    if rows.is_empty():
        return set()
    ensure_partition(connection, table, platform_num)
    rows = rows.sort(table.key)
    columns = ", ".join(table.column_names)
    arrays = ", ".join(f"%s::{_ARRAYS[rows[c].dtype.base_type()]}" for c in table.column_names)
    others = table.column_names[1:]
    written = connection.exec_driver_sql(
        f"INSERT INTO {table.name} AS t (platform_num, {columns}) SELECT {platform_num}, * FROM unnest({arrays})"
        f" ON CONFLICT (platform_num, {table.key}) DO UPDATE SET {assignments(table)}"
        f" WHERE ({', '.join('t.' + c for c in others)}) IS DISTINCT FROM"
        f" ({', '.join('EXCLUDED.' + c for c in others)}) RETURNING {table.key}",
        tuple(rows[c].to_list() for c in table.column_names),
    ).scalars()
    keys = set(written)
    connection.exec_driver_sql(
        "DELETE FROM quarantine WHERE platform_num = %s AND table_name = %s AND key = ANY(%s)",
        (platform_num, table.name, rows[table.key].to_list()),
    )
    return keys
