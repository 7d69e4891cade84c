"""A platform's folder as chunks of raw rows: CSV and Parquet, read in bounded memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from features.intake.encodings import text_encoding
from recsys.errors import DataError
from recsys.schema import TABLES

ROW_NUMBER = "row_number"
RAW = "raw"
_BLOCK = 1 << 22
"""Bytes read at once; the CSV reader runs up to 32 blocks ahead, so this bounds the memory of an ingest."""
_BATCH_ROWS = 100_000
_SUFFIXES = (".csv", ".parquet")
_OTHER_SEPARATORS = ";\t|"
_NO_NAME = "(no name)"


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file.

    Attributes:
        rows: The contract's columns that the file has, as delivered, and `row_number` (a CSV's header is row 1,
            a Parquet file's first row too).
        broken: `row_number`, `raw` and `reason` of rows that have not the header's number of values.
    """

    rows: pl.DataFrame
    broken: pl.DataFrame

    @property
    def n_rows(self) -> int:
        """Rows read, broken ones included."""
        return len(self.rows) + len(self.broken)


@dataclass(frozen=True)
class Source:
    """One table's file, its header checked.

    Attributes:
        table: Table name.
        path: The file.
        columns: Names as they stand in the file, by contract column.
        unknown_columns: Columns that the contract does not have, each name once.
        encoding: Of a CSV; empty for Parquet.
        has_odd_quotes: The number of quotes in a CSV is odd: one of them may never be closed.
        warnings: What a person should know of the file.
    """

    table: str
    path: Path
    columns: dict[str, str]
    unknown_columns: tuple[str, ...]
    encoding: str
    warnings: tuple[str, ...] = ()
    has_odd_quotes: bool = False

    def chunks(self) -> Iterator[Chunk]:
        """All rows, in the file's order.

        Raises:
            DataError: The file cannot be read to its end.
        """
        if not self.columns:
            return
        try:
            yield from _parquet_chunks(self) if self.path.suffix == ".parquet" else _csv_chunks(self)
        except (pa.ArrowException, OSError) as error:
            problem = f"cannot be read: {str(error).splitlines()[0]}"
            if "straddling" in problem:
                problem = f"a row is longer than {_BLOCK >> 20} MB: is a quote missing?"
            raise DataError(self.path.name, [problem]) from error


def find_sources(folder: Path) -> list[Source]:
    """The folder's tables in an order in which references point backwards; headers and encodings are checked.

    Raises:
        DataError: No folder, no table in it, a table twice, or files that cannot be read; names all of them.
    """
    if not folder.is_dir():
        raise DataError(str(folder), ["is not a folder"])
    sources, problems = [], []
    for table in TABLES:
        paths = [p for suffix in _SUFFIXES if (p := folder / f"{table}{suffix}").is_file()]
        if len(paths) > 1:
            problems.append(f"{table} is there twice: {' and '.join(p.name for p in paths)}; keep one")
            continue
        try:
            sources += [_source(table, path) for path in paths]
        except DataError as error:
            problems += [f"{error.what}: {problem}" for problem in error.problems]
    if problems:
        raise DataError(str(folder), problems)
    if not sources:
        raise DataError(str(folder), [f"holds none of {', '.join(TABLES)} as .csv or .parquet"])
    return sources


def _source(table: str, path: Path) -> Source:
    warnings: tuple[str, ...] = ()
    has_more = True
    try:
        if path.suffix == ".parquet":
            names, encoding = [str(n) for n in pq.ParquetFile(path).schema_arrow.names], ""
        else:
            encoding, warnings = text_encoding(path)
            names, has_more = _header(path, encoding)
    except (pa.ArrowException, OSError, csv.Error) as error:
        raise DataError(path.name, [f"cannot be read: {str(error).splitlines()[0]}"]) from error
    stripped = [n.strip() for n in names]
    if not names or (not has_more and not any(stripped)):
        return Source(table, path, {}, (), encoding, ("the file is empty",))
    problems = [f"column {n!r} is there more than once" for n in TABLES[table].column_names if stripped.count(n) > 1]
    problems += [
        f"required column {c.name!r} is missing"
        for c in TABLES[table].columns
        if c.is_required and c.name not in stripped
    ]
    if problems and encoding and len(names) == 1 and any(c in names[0] for c in _OTHER_SEPARATORS):
        problems = [f"the header is one value, {names[0][:60]!r}: commas must lie between values"]
    if problems:
        raise DataError(path.name, problems)
    known = set(TABLES[table].column_names)
    columns = {s: n for s, n in zip(stripped, names, strict=True) if s in known and has_more}
    # A spreadsheet leaves columns without a name behind the last: several of them are no reason to refuse the rest.
    unknown = tuple(dict.fromkeys(s or _NO_NAME for s in stripped if s not in known))
    has_odd_quotes = bool(encoding) and _n_quotes(path) % 2 == 1
    return Source(table, path, columns, unknown, encoding, warnings, has_odd_quotes)


def _n_quotes(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b'"') for block in iter(lambda: file.read(_BLOCK), b""))


def _header(path: Path, encoding: str) -> tuple[list[str], bool]:
    """The first row that is not empty, and whether anything follows it."""
    with path.open(encoding=encoding, newline="") as file:
        for row in csv.reader(file):
            if row:
                return row, bool(file.read(1))
    return [], False


def _csv_chunks(source: Source) -> Iterator[Chunk]:
    broken: list[tuple[int, str, str]] = []

    def keep_broken(row: pacsv.InvalidRow) -> str:
        broken.append((row.number, row.text, f"{row.actual_columns} values, {row.expected_columns} expected"))
        return "skip"

    reader = pacsv.open_csv(
        source.path,
        # One thread: only then rows that are left out come with their number.
        read_options=pacsv.ReadOptions(block_size=_BLOCK, use_threads=False, encoding=source.encoding),
        parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep_broken),
        convert_options=pacsv.ConvertOptions(
            column_types={n: pa.string() for n in source.columns.values()},
            include_columns=list(source.columns.values()),
            strings_can_be_null=False,
        ),
    )
    n_numbered, last = 1, ""
    for batch in reader:
        numbers = _row_numbers(n_numbered, batch.num_rows, [number for number, _, _ in broken])
        n_numbered = int(numbers[-1]) if len(numbers) else n_numbered
        # The reader is ahead: rows left out of later blocks wait for theirs.
        taken = [row for row in broken if row[0] < n_numbered]
        del broken[: len(taken)]
        last = _last_text(batch)
        yield _chunk(source, pa.Table.from_batches([batch]), numbers, taken)
    if broken:
        n_numbered, last, _ = broken[-1]
    if source.has_odd_quotes and "\n" in last.rstrip("\n"):
        raise DataError(source.path.name, [f"row {n_numbered} opens a quote that is never closed"])
    if broken:
        yield _chunk(source, reader.schema.empty_table(), np.empty(0, dtype=np.int64), broken)


def _last_text(batch: pa.RecordBatch) -> str:
    values = [str(v) for row in batch.slice(max(batch.num_rows - 1, 0)).to_pylist() for v in row.values()]
    return max(values, key=len, default="")


def _row_numbers(n_before: int, n_rows: int, left_out: list[int]) -> np.ndarray:
    numbers = np.arange(n_before + 1, n_before + 1 + n_rows + len(left_out), dtype=np.int64)
    return numbers[~np.isin(numbers, left_out)][:n_rows]


def _parquet_chunks(source: Source) -> Iterator[Chunk]:
    n_before = 0
    for batch in pq.ParquetFile(source.path).iter_batches(_BATCH_ROWS, columns=list(source.columns.values())):
        numbers = np.arange(n_before + 1, n_before + 1 + batch.num_rows, dtype=np.int64)
        n_before += batch.num_rows
        yield _chunk(source, pa.Table.from_batches([batch]), numbers, [])


def _chunk(source: Source, table: pa.Table, numbers: np.ndarray, broken: list[tuple[int, str, str]]) -> Chunk:
    frame = pl.DataFrame(pl.from_arrow(_in_utc(table)))
    rows = frame.select(pl.col(name).alias(column) for column, name in source.columns.items())
    schema = {ROW_NUMBER: pl.Int64, RAW: pl.String, "reason": pl.String}
    return Chunk(
        rows.with_columns(pl.Series(ROW_NUMBER, numbers, dtype=pl.Int64)),
        pl.DataFrame(broken, schema=schema, orient="row"),
    )


def _in_utc(table: pa.Table) -> pa.Table:
    """The same instants, all in UTC: a zone may be an offset such as `+05:30`, which the frames do not know."""
    types = [(field.name, field.type) for field in table.schema]
    zoned = {name: pa.timestamp(kind.unit, "UTC") for name, kind in types if pa.types.is_timestamp(kind) and kind.tz}
    return table.cast(pa.schema([(name, zoned.get(name, kind)) for name, kind in types]))
