"""The store's rows as frames: whole tables, or those that meet a condition, read by COPY; a person's few in one go."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import sql
from psycopg.abc import Buffer
from sqlalchemy import Connection

from features.store.loading import driver
from recsys.dataset import DEFAULT_TIMEZONE, TEXT, Dataset
from recsys.schema import TABLES, Column, Table

MOST_BLOCK_BYTES = 1 << 24
"""Bytes of rows from which on they are read; a table's text is never held whole."""

ARROW = {
    "id": pa.string(),
    "text": pa.string(),
    "list": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "number": pa.float64(),
    "count": pa.float64(),
    "flag": pa.bool_(),
}
"""Arrow's type by the contract's."""

REMOVED_TAGS = Table("removed_tags", (Column("user_id", "id"), Column("tag", "text")))
"""Beside the contract's tables: what people do not want to be described by."""

_TABLES = {**TABLES, REMOVED_TAGS.name: REMOVED_TAGS}

_AS_CSV = (("time", 'to_char({}, \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'),)
_AS_VALUES = (("count", "{}::float8"),)
"""How columns of a type are asked for, where not as they are."""

_CUT = {"bookings": "booked_at", "feedback": "occurred_at"}


def read_dataset(connection: Connection, platforms: Mapping[int, tuple[str, str]], data_until: pd.Timestamp) -> Dataset:
    """The store's rows known before `data_until`, ids in their outside form."""
    tables = {
        name: read_rows(connection, table, platforms, _before(name, data_until)) for name, table in TABLES.items()
    }
    zones = [zone for _, zone in platforms.values()]
    dataset = Dataset.from_tables(tables, data_until, zones[0] if zones else DEFAULT_TIMEZONE)
    removed = read_rows(connection, REMOVED_TAGS, platforms, sql.SQL("true"))
    return replace(dataset, removed_tags=removed.sort_values(["user_id", "tag"], ignore_index=True))


def read_rows(
    connection: Connection, table: Table, platforms: Mapping[int, tuple[str, str]], where: sql.Composable
) -> pd.DataFrame:
    """Rows that meet a condition, in the contract's columns, ids in their outside form."""
    query = sql.SQL("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT csv)").format(
        _selection(table, _prefixes(platforms), _AS_CSV), sql.Identifier(table.name), where
    )
    schema = _schema(table)
    with driver(connection).cursor().copy(query) as copy:
        parts = [_parsed(text, schema) for text in _texts(copy)]
    return _frame(pa.concat_tables(parts) if parts else schema.empty_table())


def read_few(
    connection: Connection, platforms: Mapping[int, tuple[str, str]], wanted: Mapping[str, sql.Composable]
) -> dict[str, pd.DataFrame]:
    """Rows of several tables that meet a condition each, as `read_rows` gives them.

    All are asked for at once and no text is parsed: for few rows that takes a third of the time.
    """
    raw, prefixes = driver(connection), _prefixes(platforms)
    with raw.pipeline():
        found = {
            name: raw.execute(
                sql.SQL("SELECT {} FROM {} WHERE {}").format(
                    _selection(_TABLES[name], prefixes, _AS_VALUES), sql.Identifier(name), where
                )
            )
            for name, where in wanted.items()
        }
    rows = {name: _of_values(_schema(_TABLES[name]), cursor.fetchall()) for name, cursor in found.items()}
    # To wake other threads takes longer than the work.
    return {name: _frame(table, use_threads=False) for name, table in rows.items()}


def _prefixes(platforms: Mapping[int, tuple[str, str]]) -> tuple[tuple[int, str], ...]:
    """What stands before the ids of each platform, where there are several."""
    return tuple((num, f"{name}:") for num, (name, _) in platforms.items()) if len(platforms) > 1 else ()


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(c.name, ARROW[c.type]) for c in table.columns])


def _frame(rows: pa.Table, use_threads: bool = True) -> pd.DataFrame:
    return rows.to_pandas(types_mapper={pa.string(): TEXT}.get, use_threads=use_threads)


def _of_values(schema: pa.Schema, rows: Sequence[Sequence[object]]) -> pa.Table:
    """Rows of Python's values; as in a file, an empty text is none."""
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    values = ([None if value == "" else value for value in column] for column in columns)
    return pa.table([pa.array(column, field.type) for column, field in zip(values, schema, strict=True)], schema=schema)


def _texts(rows: Iterable[Buffer]) -> Iterator[bytes]:
    """Whole rows as they come (the server sends each by itself), as many at a time as `MOST_BLOCK_BYTES` hold."""
    buffer = io.BytesIO()
    for row in rows:
        buffer.write(row)
        if buffer.tell() >= MOST_BLOCK_BYTES:
            yield buffer.getvalue()
            buffer = io.BytesIO()
    if buffer.tell():
        yield buffer.getvalue()


def _parsed(text: bytes, schema: pa.Schema) -> pa.Table:
    """Rows of CSV as COPY writes it."""
    return pacsv.read_csv(
        pa.BufferReader(text),
        read_options=pacsv.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(text)),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
        convert_options=pacsv.ConvertOptions(
            column_types=schema, strings_can_be_null=True, null_values=[""], true_values=["t"], false_values=["f"]
        ),
    )


def _before(name: str, data_until: pd.Timestamp) -> sql.Composable:
    if name not in _CUT:
        return sql.SQL("true")
    return sql.SQL("{} < {}").format(sql.Identifier(_CUT[name]), sql.Literal(data_until.to_pydatetime()))


@cache
def _selection(table: Table, prefixes: tuple[tuple[int, str], ...], forms: tuple[tuple[str, str], ...]) -> sql.SQL:
    columns = sql.SQL(", ").join(_selected(column, prefixes, dict(forms)) for column in table.columns)
    return sql.SQL(columns.as_string())


def _selected(column: Column, prefixes: tuple[tuple[int, str], ...], forms: Mapping[str, str]) -> sql.Composable:
    name = sql.Identifier(column.name)
    if column.type == "id" and prefixes:
        cases = sql.SQL(" ").join(
            sql.SQL("WHEN {} THEN {} || {}").format(sql.Literal(num), sql.Literal(prefix), name)
            for num, prefix in prefixes
        )
        return sql.SQL("CASE platform_num {} END").format(cases)
    return sql.SQL(forms.get(column.type, "{}")).format(name)
