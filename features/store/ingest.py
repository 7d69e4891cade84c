"""A platform's delivery into the store: all of a folder's tables in one transaction, and a report of every row."""

from __future__ import annotations

import io
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import polars as pl
from sqlalchemy import Connection
from tqdm import tqdm

from features.intake.cleaning import clean_rows
from features.intake.erasure import ErasedAccounts
from features.intake.references import Keys, Waiting, resolve, without_cycles
from features.intake.report import IngestReport, TableReport
from features.intake.sources import ROW_NUMBER, Chunk, Source, find_sources
from features.store.erasure import erased_accounts, remember_back
from features.store.loading import CopyWriter, copy_into, create_stage, merge_stage, stage_name, stored_keys
from features.store.platforms import Platform, count_change, lock_deliveries, lock_platform, platform_named
from features.store.quarantine import (
    COLUMNS,
    add_to_quarantine,
    quarantine_rows,
    release_stored,
    without_overtaken,
)
from features.store.rows import stored_parents, take_in_waiting
from features.store.store import Store
from recsys.errors import RecsysError, in_one_line
from recsys.files import check_output
from recsys.schema import TABLES, Table

DEFAULT_PLATFORM = "default"


class _SetAside:
    """Bad rows on disk, there may be more than memory holds: in a file without a name, gone however a process ends."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._sizes: list[int] = []

    def add(self, rows: pl.DataFrame) -> None:
        """Sets rows of `quarantine_rows` aside.

        Raises:
            RecsysError: There is no room for them.
        """
        part = io.BytesIO()
        rows.write_parquet(part)
        try:
            self._sizes.append(self._file.write(part.getbuffer()))
        except OSError as error:
            raise RecsysError(
                f"rejected rows cannot be set aside in {tempfile.gettempdir()}: {in_one_line(error)}; make room there,"
                " or name another folder with TMPDIR"
            ) from error

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """What was set aside, in order, a part at a time."""
        self._file.seek(0)
        for size in self._sizes:
            yield pl.read_parquet(io.BytesIO(self._file.read(size))).select(COLUMNS)


@dataclass
class _Delivery:
    """One run of `ingest_folder`: the platform, what its tables hold, and where bad rows are kept meanwhile."""

    connection: Connection
    platform: Platform
    delivered: set[str]
    erased: ErasedAccounts
    bad_rows: _SetAside
    known: dict[str, Keys] = field(default_factory=dict)
    stored_regions: pl.DataFrame = field(default_factory=pl.DataFrame)
    repeating: set[str] = field(default_factory=set)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    overtaken: dict[str, list[int]] = field(default_factory=dict)

    def keep(self, table: Table, raw: pl.DataFrame, source: str) -> int:
        """Sets bad rows aside; returns how many, without erased ones'."""
        raw = self.erased.unnamed(table, raw, self.platform.timezone)
        if len(raw):
            self.bad_rows.add(quarantine_rows(table, self.platform.num, raw, source))
        return len(raw)

    def kept(self, reports: dict[str, TableReport]) -> Iterator[pl.DataFrame]:
        """Everything set aside, in order; what was overtaken waits no more, in the reports either."""
        for rows in self.bad_rows:
            name = rows["table_name"][0]
            rows, reasons = without_overtaken(rows, self.overtaken.get(name, []))
            reports[name].stop_waiting(reasons)
            yield rows


def ingest_folder(
    store: Store,
    folder: Path,
    platform: str | None = None,
    timezone: str | None = None,
    report_path: Path | None = None,
    *,
    show_progress: bool = False,
) -> IngestReport:
    """Loads a platform's tables: good rows are stored, each bad one goes to quarantine with its reason.

    Args:
        store: Where to.
        folder: One CSV or Parquet file a table.
        platform: Whose; None for `default`.
        timezone: Zone of times without one, kept for the platform; None for the one kept, at first Asia/Shanghai.
        report_path: Where the report goes as JSON.
        show_progress: Whether to show rows read on standard error.

    Raises:
        DataError: The folder or a header is wrong; nothing is stored then.
        RecsysError: The store or the report cannot be written.
    """
    if report_path is not None:
        check_output(report_path)
    sources = find_sources(folder)
    with store.writing() as connection, tempfile.TemporaryFile() as bad_rows:
        home = platform_named(connection, DEFAULT_PLATFORM if platform is None else platform, timezone)
        # Deliveries of one platform come one after the other; live rows only wait for the merge.
        lock_deliveries(connection, home)
        erased = erased_accounts(connection, home.num)
        delivery = _Delivery(connection, home, _delivered_tables(connection, home), erased, _SetAside(bad_rows))
        reports = {s.table: _stage(delivery, s, show_progress) for s in sources}
        _merge(delivery, reports)
    try:
        files = store.write_quarantine(home.name)
    except OSError as error:
        told = f"{in_one_line(error)}; ingest again, which changes nothing else"
        raise RecsysError(f"the delivery is stored, but its quarantine files cannot be written: {told}") from error
    report = IngestReport(home.name, home.timezone, reports, {t: str(p) for t, p in files.items()})
    if report_path is not None:
        report.write(report_path)
    return report


def _delivered_tables(connection: Connection, platform: Platform) -> set[str]:
    names = connection.exec_driver_sql("SELECT table_name FROM deliveries WHERE platform_num = %s", (platform.num,))
    return set(names.scalars())


def _stage(delivery: _Delivery, source: Source, show_progress: bool) -> TableReport:
    """Cleans a file's rows into the staging table; bad ones are set aside."""
    table = TABLES[source.table]
    report = TableReport(file=source.path.name, unknown_columns=list(source.unknown_columns))
    report.warnings = dict.fromkeys(source.warnings, 0)
    for column in table.columns:
        if column.refers_to in delivery.delivered and column.refers_to not in delivery.known:
            delivery.known[column.refers_to] = stored_keys(delivery.connection, column.refers_to, delivery.platform.num)
    stage = create_stage(delivery.connection, table, delivery.platform.num)
    own_keys = Keys()
    chunks: Iterator[Chunk] = source.chunks()
    if table.name == "regions":
        # Read before COPY begins: the connection is busy with it until the file ends.
        delivery.stored_regions = stored_parents(delivery.connection, delivery.platform.num)
    if any(c.refers_to == table.name for c in table.columns):
        chunks = _as_one(chunks)
    columns = ("platform_num", *table.column_names)
    with (
        tqdm(desc=source.table, unit=" rows", disable=not show_progress, file=sys.stderr) as progress,
        copy_into(delivery.connection, stage, columns) as writer,
    ):
        for chunk in chunks:
            _stage_chunk(delivery, source, chunk, report, own_keys, writer)
            progress.update(chunk.n_rows)
    if len(own_keys) < report.accepted:
        delivery.repeating.add(table.name)
    if report.read:
        delivery.delivered.add(table.name)
        if _is_referred_to(table):
            known = delivery.known.get(table.name)
            if known is None:
                known = stored_keys(delivery.connection, table.name, delivery.platform.num)
            known.add_all(own_keys)
            delivery.known[table.name] = known
    return report


def _as_one(chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """A table that refers to itself is looked at as a whole; regions are few."""
    parts = list(chunks)
    if parts:
        yield Chunk(pl.concat([p.rows for p in parts]), pl.concat([p.broken for p in parts]))


def _is_referred_to(table: Table) -> bool:
    return any(c.refers_to == table.name for t in TABLES.values() for c in t.columns)


def _stage_chunk(
    delivery: _Delivery, source: Source, chunk: Chunk, report: TableReport, own_keys: Keys, writer: CopyWriter
) -> None:
    table = TABLES[source.table]
    cleaned = clean_rows(table, chunk.rows, delivery.platform.timezone)
    known = delivery.known
    if table.name == "regions":
        own = Keys()
        own.add(delivery.stored_regions["region_id"])
        own.add(cleaned.rows[table.key])
        known = {**known, table.name: own}
    kept, refused = delivery.erased.apart(table, cleaned.rows)
    resolved = resolve(table, kept, known)
    rows = resolved.rows
    own_keys.add(rows[table.key])
    if table.name == "regions":
        rows, n_cut = without_cycles(rows, delivery.stored_regions)
        report.warnings |= {"parent_id emptied: the region was its own ancestor": n_cut} if n_cut else {}
    held = kept.join(resolved.waiting, on=ROW_NUMBER, how="semi")
    overtaken = delivery.waiting.setdefault(table.name, Waiting()).add(held, rows, table.key)
    delivery.overtaken.setdefault(table.name, []).extend(overtaken)
    waiting = chunk.rows.join(resolved.waiting, on=ROW_NUMBER, how="inner", maintain_order="left")
    writer.write(rows.select(pl.lit(delivery.platform.num).alias("platform_num"), *table.column_names))
    for bad in (chunk.broken, cleaned.rejected, waiting):
        report.erased += len(bad) - delivery.keep(table, bad, source.path.name)
    report.erased += len(refused)
    for bad in (chunk.broken, cleaned.rejected, waiting, refused):
        report.reasons = dict(Counter(report.reasons) + Counter(bad["reason"].to_list()))
        report.rejected += len(bad)
    for warning, n_rows in [*cleaned.warnings.items(), *resolved.emptied.items()]:
        report.warnings[warning] = report.warnings.get(warning, 0) + n_rows
    report.waiting += len(waiting)
    report.read += chunk.n_rows
    report.accepted += len(rows)


def _repeated(table: Table, key: str | None) -> str:
    """Says that rows gave way to later ones, by a key unless that is a person's."""
    is_personal = "user_id" in table.column_names
    such = "" if is_personal else f" (such as {key!r})"
    return f"one {table.key} is there more than once{such}: its last row counts, earlier ones gave way"


def _merge(delivery: _Delivery, reports: dict[str, TableReport]) -> None:
    """Makes what is staged the platform's, all tables at once, and takes in what waited for it."""
    connection, platform = delivery.connection, delivery.platform
    lock_platform(connection, platform)
    remember_back(connection, platform.num, delivery.erased)
    is_changed = bool(add_to_quarantine(connection, delivery.kept(reports)))
    for name, report in reports.items():
        table = TABLES[name]
        released = release_stored(connection, table, platform.num, stage_name(table, platform.num))
        merged = merge_stage(connection, table, platform.num, may_repeat=name in delivery.repeating)
        report.replaced, report.new = merged.replaced, merged.new
        report.changed, report.unchanged = merged.changed, merged.unchanged
        if merged.replaced:
            report.warnings[_repeated(table, merged.repeated_key)] = merged.replaced
        is_changed |= bool(released or merged.new or merged.changed)
    for name in delivery.delivered:
        is_changed |= bool(
            connection.exec_driver_sql(
                "INSERT INTO deliveries VALUES (%s, %s) ON CONFLICT DO NOTHING", (platform.num, name)
            ).rowcount
        )
    for name, n_taken in take_in_waiting(connection, platform.num, platform.timezone).items():
        reports.setdefault(name, TableReport()).taken_in = n_taken
        is_changed = True
    if is_changed:
        count_change(connection)
