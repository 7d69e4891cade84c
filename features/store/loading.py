"""Bulk loading: COPY into a staging table, then one set-based merge."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import polars as pl
import psycopg
from psycopg import sql
from sqlalchemy import Connection

from features.intake.references import Keys
from features.store.opt_outs import hold_staged
from recsys.schema import TABLES, Table

_TIME_FORMAT = "%Y-%m-%d %H:%M:%S%.fZ"


@dataclass(frozen=True)
class Merged:
    """What a merge did: rows with a key repeated in the delivery (and one such key), new, changed, unchanged ones."""

    replaced: int
    repeated_key: str | None
    new: int
    changed: int
    unchanged: int


def driver(connection: Connection) -> psycopg.Connection:
    """The driver's connection, inside the same transaction."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, psycopg.Connection)
    return raw


class CopyWriter:
    """Sends frames to the server while the caller prepares the next one."""

    def __init__(self, copy: psycopg.Copy, pool: ThreadPoolExecutor) -> None:
        self._copy = copy
        self._pool = pool
        self._sent: Future[None] | None = None

    def write(self, rows: pl.DataFrame) -> None:
        """Rows in the order of the columns copied."""
        data = csv_bytes(rows)
        self.wait()
        self._sent = self._pool.submit(self._copy.write, data)

    def wait(self) -> None:
        """Until what was written is sent."""
        if self._sent is not None:
            self._sent.result()


@contextmanager
def copy_into(connection: Connection, target: str, columns: tuple[str, ...]) -> Iterator[CopyWriter]:
    """COPY into a table; what is written becomes visible when the block ends."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '')").format(
        sql.Identifier(target), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with ThreadPoolExecutor(1) as pool, driver(connection).cursor().copy(statement) as copy:
        writer = CopyWriter(copy, pool)
        yield writer
        writer.wait()


def csv_bytes(rows: pl.DataFrame) -> bytes:
    """Rows as COPY reads them: null is nothing, times are in UTC."""
    times = [n for n, dtype in rows.schema.items() if isinstance(dtype, pl.Datetime)]
    buffer = io.BytesIO()
    rows.with_columns(pl.col(times).dt.replace_time_zone(None)).write_csv(
        buffer, include_header=False, datetime_format=_TIME_FORMAT
    )
    return buffer.getvalue()


def stage_name(table: Table, platform_num: int) -> str:
    """Staging table of one platform's table."""
    return f"{table.name}_{platform_num}_stage"


def partition_name(table: Table, platform_num: int) -> str:
    """Where one platform's rows of a table lie."""
    return f"{table.name}_{platform_num}"


def create_stage(connection: Connection, table: Table, platform_num: int) -> str:
    """An empty staging table, gone with the transaction unless merged."""
    name = stage_name(table, platform_num)
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE {table.name})")
    return name


def ensure_partition(connection: Connection, table: Table, platform_num: int) -> None:
    """The partition that live rows of a platform need before its first delivery."""
    name = partition_name(table, platform_num)
    if connection.exec_driver_sql("SELECT to_regclass(%s)", (name,)).scalar() is None:
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table.name} FOR VALUES IN ({platform_num})"
        )


def merge_stage(connection: Connection, table: Table, platform_num: int, *, may_repeat: bool) -> Merged:
    """Makes the staged rows the platform's: the stage becomes the partition where that is empty.

    Args:
        connection: In the transaction that made the stage.
        table: The contract's table.
        platform_num: Whose rows.
        may_repeat: Whether a key may be there more than once; the last of its rows counts.
    """
    connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '256MB'")
    connection.exec_driver_sql("SET LOCAL work_mem = '128MB'")
    stage, partition = stage_name(table, platform_num), partition_name(table, platform_num)
    replaced = _drop_repeated(connection, table, stage) if may_repeat else (0, None)
    if table.name == "users":
        hold_staged(connection, platform_num, stage)
    exists = connection.exec_driver_sql("SELECT to_regclass(%s)", (partition,)).scalar() is not None
    if exists and connection.exec_driver_sql(f"SELECT EXISTS (SELECT FROM {partition})").scalar():
        return _merge_changed(connection, table, platform_num, replaced)
    n_rows = connection.exec_driver_sql(f"SELECT count(*) FROM {stage}").scalar_one()
    connection.exec_driver_sql(f"ALTER TABLE {stage} ADD PRIMARY KEY ({table.key}, platform_num)")
    if exists:
        connection.exec_driver_sql(f"DROP TABLE {partition}")
    connection.exec_driver_sql(f"ALTER TABLE {stage} RENAME TO {partition}")
    connection.exec_driver_sql(f"ALTER TABLE {table.name} ATTACH PARTITION {partition} FOR VALUES IN ({platform_num})")
    return Merged(*replaced, n_rows, 0, 0)


def _drop_repeated(connection: Connection, table: Table, stage: str) -> tuple[int, str | None]:
    """Keeps the last row of each key: COPY fills a new table in order, so it is the one furthest back.

    Returns how many gave way, and the first of their keys.
    """
    n_deleted, first = connection.exec_driver_sql(
        f"WITH gone AS (DELETE FROM {stage} s USING (SELECT {table.key} AS k, max(ctid) AS last FROM {stage} GROUP BY 1"
        f" HAVING count(*) > 1) r WHERE s.{table.key} = r.k AND s.ctid <> r.last RETURNING r.k)"
        " SELECT count(*), min(k) FROM gone"
    ).one()
    return int(n_deleted), first


def _merge_changed(connection: Connection, table: Table, platform_num: int, replaced: tuple[int, str | None]) -> Merged:
    stage, partition = stage_name(table, platform_num), partition_name(table, platform_num)
    columns = ", ".join(table.column_names)
    n_rows = connection.exec_driver_sql(f"SELECT count(*) FROM {stage}").scalar_one()
    connection.exec_driver_sql("DROP TABLE IF EXISTS pg_temp.changed")
    connection.exec_driver_sql(
        f"CREATE TEMP TABLE changed ON COMMIT DROP AS SELECT s.*, t.{table.key} IS NULL AS is_new FROM {stage} s"
        f" LEFT JOIN {partition} t ON t.{table.key} = s.{table.key}"
        f" WHERE t.{table.key} IS NULL OR {_row('s', table)} IS DISTINCT FROM {_row('t', table)}"
    )
    n_new, n_changed = connection.exec_driver_sql(
        "SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM changed"
    ).one()
    if n_new or n_changed:
        connection.exec_driver_sql(
            f"INSERT INTO {partition} (platform_num, {columns}) SELECT platform_num, {columns} FROM changed"
            f" ON CONFLICT (platform_num, {table.key}) DO UPDATE SET {assignments(table)}"
        )
    connection.exec_driver_sql(f"DROP TABLE {stage}")
    return Merged(*replaced, n_new, n_changed, n_rows - n_new - n_changed)


def assignments(table: Table) -> str:
    """Every column of a conflicting row taken from the new one."""
    return ", ".join(f"{c} = EXCLUDED.{c}" for c in table.column_names[1:])


def _row(alias: str, table: Table) -> str:
    return "(" + ", ".join(f"{alias}.{c}" for c in table.column_names[1:]) + ")"


def stored_keys(connection: Connection, table_name: str, platform_num: int) -> Keys:
    """Keys of a platform's rows."""
    keys = Keys()
    key = TABLES[table_name].key
    rows = copy_out(connection, f"SELECT {key} FROM {table_name} WHERE platform_num = {platform_num}", {key: pl.String})
    keys.add(rows[key])
    return keys


def copy_out(connection: Connection, query: str, schema: dict[str, pl.DataType | type[pl.DataType]]) -> pl.DataFrame:
    """A query's rows by COPY; only text columns and those that CSV gives back unchanged."""
    buffer = io.BytesIO()
    with driver(connection).cursor().copy(sql.SQL(f"COPY ({query}) TO STDOUT (FORMAT csv)")) as copy:
        for data in copy:
            buffer.write(data)
    if not buffer.tell():
        return pl.DataFrame(schema=schema)
    buffer.seek(0)
    return pl.read_csv(buffer, has_header=False, schema=schema)
