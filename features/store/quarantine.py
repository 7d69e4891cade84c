"""Rows that could not be stored, each with its reason; those that wait for another row are taken in later."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from sqlalchemy import Connection

from features.intake.cleaning import LONGEST_ID, as_text
from features.intake.references import OVERTAKEN
from features.intake.sources import RAW, ROW_NUMBER
from features.settings import NOT_FOR_OTHERS
from features.store.loading import copy_into, driver
from features.store.platforms import folder_of
from recsys.drafts import OF_FILE, delete_left, draft_file
from recsys.schema import TABLES, Table

COLUMNS = (
    "platform_num",
    "table_name",
    "fingerprint",
    "key",
    "row",
    "reason",
    "missing_table",
    "missing_id",
    "row_number",
    "source",
)
_ROWS_AT_ONCE = 50_000
_TEXTS = ("reason", "missing_table", "missing_id", "source")


def quarantine_rows(table: Table, platform_num: int, raw: pl.DataFrame, source: str) -> pl.DataFrame:
    """Rows of the quarantine table.

    Args:
        table: The contract's table.
        platform_num: Whose rows.
        raw: Columns as delivered, `row_number`, `reason`, and for rows that wait `missing_table` and `missing_id`.
        source: File name, or `live`.
    """
    names = [n for n in (*table.column_names, RAW) if n in raw.columns]
    # JSON in the database cannot hold NUL.
    values = pl.DataFrame([as_text(raw[n]).str.replace_all("\0", "\ufffd", literal=True) for n in names])
    rows = values.select(pl.struct(pl.all()).struct.json_encode().alias("row"))["row"]
    prints = [hashlib.sha256(row.encode()).hexdigest()[:32] for row in rows]
    blank = pl.Series([None] * len(raw), dtype=pl.String)
    return pl.DataFrame(
        {
            "platform_num": pl.repeat(platform_num, len(raw), dtype=pl.Int64, eager=True),
            "table_name": pl.repeat(table.name, len(raw), dtype=pl.String, eager=True),
            "fingerprint": pl.Series(prints, dtype=pl.String),
            "key": _indexable(values[table.key]) if table.key in values.columns else blank,
            "row": rows,
            **{n: raw[n] if n in raw.columns else blank for n in _TEXTS[:3]},
            "row_number": raw[ROW_NUMBER],
            "source": pl.repeat(source, len(raw), dtype=pl.String, eager=True),
        }
    ).select(COLUMNS)


def without_overtaken(rows: pl.DataFrame, numbers: Sequence[int]) -> tuple[pl.DataFrame, list[str]]:
    """Rows of the quarantine table, those of `numbers` waiting no more, and for what reasons these waited."""
    is_over = rows["row_number"].is_in(numbers) & rows["missing_id"].is_not_null()
    reasons = rows["reason"].filter(is_over).to_list()
    told = pl.when(is_over).then(pl.lit(OVERTAKEN)).otherwise("reason").alias("reason")
    still = (pl.when(~is_over).then(name).alias(name) for name in ("missing_table", "missing_id"))
    return rows.with_columns(told, *still), reasons


def _indexable(keys: pl.Series) -> pl.Series:
    return keys.set((keys.str.len_bytes() > LONGEST_ID).fill_null(False), None)


def add_to_quarantine(connection: Connection, frames: Iterable[pl.DataFrame]) -> int:
    """Adds rows; the same row again only moves. Returns how many are new."""
    connection.exec_driver_sql("DROP TABLE IF EXISTS pg_temp.arrivals")
    connection.exec_driver_sql("CREATE TEMP TABLE arrivals (LIKE quarantine) ON COMMIT DROP")
    connection.exec_driver_sql("ALTER TABLE arrivals ADD COLUMN place int8 GENERATED ALWAYS AS IDENTITY")
    with copy_into(connection, "arrivals", COLUMNS) as writer:
        for frame in frames:
            writer.write(frame)
    names = ", ".join(f'"{c}"' for c in COLUMNS)
    changed = ("key", "reason", "missing_table", "missing_id", "row_number", "source")
    new = connection.exec_driver_sql(
        f"INSERT INTO quarantine AS q ({names}) SELECT DISTINCT ON (platform_num, table_name, fingerprint) {names}"
        " FROM arrivals ORDER BY platform_num, table_name, fingerprint, place DESC"
        " ON CONFLICT (platform_num, table_name, fingerprint) DO UPDATE SET "
        + ", ".join(f"{c} = EXCLUDED.{c}" for c in changed)
        + f" WHERE ({', '.join('q.' + c for c in changed)}) IS DISTINCT FROM"
        f" ({', '.join('EXCLUDED.' + c for c in changed)}) RETURNING (xmax = 0)"
    )
    n_new = sum(bool(is_new) for (is_new,) in new)
    # Of rows of one key that wait, the last delivered counts.
    connection.exec_driver_sql(
        "DELETE FROM quarantine q USING (SELECT DISTINCT ON (platform_num, table_name, key) * FROM arrivals"
        " WHERE missing_id IS NOT NULL ORDER BY platform_num, table_name, key, place DESC) a"
        " WHERE q.platform_num = a.platform_num AND q.table_name = a.table_name AND q.key = a.key"
        " AND q.missing_id IS NOT NULL AND q.fingerprint <> a.fingerprint"
    )
    return n_new


def release_stored(connection: Connection, table: Table, platform_num: int, stage: str) -> int:
    """Forgets quarantined rows whose key a staged row now carries, but for those that were added just now."""
    return int(
        connection.exec_driver_sql(
            f"DELETE FROM quarantine q USING {stage} s WHERE q.platform_num = {platform_num}"
            f" AND q.table_name = '{table.name}' AND q.key = s.{table.key} AND NOT EXISTS (SELECT FROM arrivals a"
            " WHERE (a.platform_num, a.table_name, a.fingerprint) = (q.platform_num, q.table_name, q.fingerprint))"
        ).rowcount
    )


def ready_rows(connection: Connection, table: Table, platform_num: int) -> pl.DataFrame:
    """Waiting rows of a table whose missing row has come: columns as delivered, `row_number`, `fingerprint`."""
    found = [
        (fingerprint, row)
        for column in table.columns
        if column.is_required and column.refers_to is not None
        for fingerprint, row in connection.exec_driver_sql(
            'SELECT q.fingerprint, q."row"::text FROM quarantine q'
            f" JOIN {column.refers_to} t ON t.platform_num = q.platform_num"
            f" AND t.{TABLES[column.refers_to].key} = q.missing_id"
            f" WHERE q.platform_num = %s AND q.table_name = %s AND q.missing_table = %s LIMIT {_ROWS_AT_ONCE}",
            (platform_num, table.name, column.refers_to),
        )
    ]
    schema = {n: pl.String for n in table.column_names}
    prints = pl.Series("fingerprint", [f for f, _ in found], dtype=pl.String)
    rows = pl.Series("row", [r for _, r in found], dtype=pl.String).str.json_decode(pl.Struct(schema)).struct.unnest()
    return rows.with_columns(prints, pl.int_range(len(found), dtype=pl.Int64).alias(ROW_NUMBER))


def write_quarantine_files(connection: Connection, home: Path, platform: str, platform_num: int) -> dict[str, Path]:
    """One CSV a table, `reason` first, of what is in quarantine now; a table with nothing there has no file."""
    folder = home / "quarantine" / folder_of(platform)
    names = connection.exec_driver_sql(
        "SELECT DISTINCT table_name FROM quarantine WHERE platform_num = %s", (platform_num,)
    )
    held = set(names.scalars())
    delete_left(folder, OF_FILE)
    written = {}
    for table in TABLES.values():
        path = folder / f"{table.name}.csv"
        if table.name in held:
            folder.mkdir(parents=True, exist_ok=True, mode=NOT_FOR_OTHERS)
            _write_file(connection, table, platform_num, path)
            written[table.name] = path
        else:
            path.unlink(missing_ok=True)
    return written


def _write_file(connection: Connection, table: Table, platform_num: int, path: Path) -> None:
    values = (*table.column_names, RAW)
    with (
        draft_file(path) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
        driver(connection).cursor("quarantined") as cursor,
    ):
        writer = csv.writer(file)
        writer.writerow(["reason", ROW_NUMBER, "source", *values])
        cursor.execute(
            'SELECT reason, row_number, source, "row" FROM quarantine WHERE platform_num = %s AND table_name = %s'
            " ORDER BY source, row_number, fingerprint",
            (platform_num, table.name),
        )
        writer.writerows([*head, *(row.get(v) for v in values)] for *head, row in cursor)
