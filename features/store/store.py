"""The store: every platform's rows in PostgreSQL, one place for bulk deliveries, live rows and snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pandas as pd
from sqlalchemy import Connection, Engine

from features.settings import Settings
from features.store.database import clear_errors, engine_for
from features.store.erasure import is_erased
from features.store.loading import ensure_partition
from features.store.people import (
    erase_user,
    quarantined_rows,
    remove_tag,
    removed_tags,
    set_personalised,
    user_tables,
)
from features.store.platforms import (
    Platform,
    all_platforms,
    count_change,
    lock_deliveries,
    lock_platform,
    lock_quarantine_files,
    lock_snapshots,
    parse_outside,
    platform_named,
    zones_by_num,
)
from features.store.quarantine import write_quarantine_files
from features.store.rows import RowResult, as_raw, store_rows, take_in_waiting
from features.store.snapshot import SNAPSHOTS, Snapshot, delete_snapshots_with, write_snapshot
from recsys.bundle import DRAFT
from recsys.drafts import OF_FILE, delete_left
from recsys.errors import UnknownIdError
from recsys.releases import bundles_folder
from recsys.schema import TABLES


class Store:
    """The tables of all platforms. Safe to share between threads; close it when done.

    Attributes:
        home: Folder that quarantine files are written under.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings
        # Said as a transaction begins, which costs no message of its own.
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._at_once = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.home = settings.home

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives all connections back."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the store throughout."""
        with clear_errors(self._settings), self._reader.connect() as connection:
            yield connection

    @contextmanager
    def stating(self) -> Iterator[Connection]:
        """For single statements, each a transaction: it is durable, or has seen one state, as it returns."""
        with clear_errors(self._settings), self._at_once.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durable when the block ends, and leaves nothing behind when it fails."""
        with clear_errors(self._settings), self._engine.begin() as connection:
            yield connection

    def platforms(self) -> dict[str, str]:
        """Zone by platform name, in order of arrival."""
        with self.reading() as connection:
            return {p.name: p.timezone for p in all_platforms(connection)}

    def version(self) -> int:
        """A number that grows with every change of what is stored."""
        with self.stating() as connection:
            return int(connection.exec_driver_sql("SELECT version FROM store_state").scalar_one())

    def counts(self) -> dict[str, int]:
        """Rows by table, of all platforms."""
        with self.reading() as connection:
            return {
                name: int(connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one())
                for name in (*TABLES, "quarantine")
            }

    def upsert(self, platform: str, table: str, rows: Sequence[Mapping[str, object]]) -> list[RowResult]:
        """Stores live rows under the rules of `ingest`; they are durable when this returns.

        Args:
            platform: Name; a new one is registered, with the default zone.
            table: The contract's table.
            rows: Values by column, as JSON or Python has them; ids are the platform's own.
        """
        with self.writing() as connection:
            home = platform_named(connection, platform)
            lock_platform(connection, home)
            raw = as_raw(TABLES[table], rows)
            results = store_rows(connection, TABLES[table], home.num, home.timezone, raw, "live")
            take_in_waiting(connection, home.num, home.timezone)
            if any(r.status != "unchanged" for r in results):
                count_change(connection)
        return results

    def row(self, table: str, outside_id: str) -> dict[str, object]:
        """One stored row, with its ids in their outside form.

        Raises:
            UnknownIdError: There is none.
        """
        contract = TABLES[table]
        with self.reading() as connection:
            several = len(all_platforms(connection)) > 1
            platform, inside = parse_outside(connection, outside_id)
            found = connection.exec_driver_sql(
                f"SELECT {', '.join(contract.column_names)} FROM {table}"
                f" WHERE platform_num = %s AND {contract.key} = %s",
                (platform.num, inside),
            ).one_or_none()
        if found is None:
            raise UnknownIdError(contract.key, [outside_id])
        row = dict(found._mapping)
        if several:
            ids = [c.name for c in contract.columns if c.type == "id" and row[c.name] is not None]
            row |= {name: f"{platform.name}:{row[name]}" for name in ids}
        return row

    def user_rows(self, outside_id: str) -> dict[str, pd.DataFrame]:
        """A user's slice: frames by table in the contract's columns, outside ids; an unknown user's are empty."""
        with self.reading() as connection:
            platforms = zones_by_num(connection)
            platform, inside = parse_outside(connection, outside_id)
            return user_tables(connection, platforms, platform.num, [inside])

    def quarantined_rows(self, outside_id: str) -> list[dict[str, object]]:
        """A user's rows in quarantine, as delivered, each with its `table`, `reason` and `source`."""
        with self.reading() as connection:
            platform, inside = parse_outside(connection, outside_id)
            return quarantined_rows(connection, platform.num, inside)

    def erase_user(self, outside_id: str, at: pd.Timestamp | None = None) -> dict[str, int]:
        """Deletes every row of a user, in quarantine, its files and snapshots too; returns how many, by table.

        Counts do not hold rows in snapshots: those with the user are deleted whole, and so is what killed processes
        left half written, whoever it holds, under the home. A salted digest of the id is
        kept, by which later deliveries of the erased rows are refused.

        Args:
            outside_id: The user's id.
            at: The instant of the erasure, now if None.

        Raises:
            UnknownIdError: There was nothing to erase.
        """
        now = pd.Timestamp.now(tz="UTC") if at is None else at
        with self.writing() as connection:
            platform, inside = parse_outside(connection, outside_id)
            # Deliveries and snapshots under way may hold the person: they end first.
            lock_deliveries(connection, platform)
            lock_snapshots(connection, is_shared=False)
            lock_platform(connection, platform)
            erased = erase_user(connection, platform.num, inside, now.to_pydatetime())
            if not any(erased.values()):
                raise UnknownIdError("user_id", [outside_id])
            # Files go before the rows are gone for good: where one stays, the person can still be erased.
            self._write_quarantine(connection, platform)
            delete_snapshots_with(self.home / SNAPSHOTS, platform.name, inside)
            delete_left(self.home, OF_FILE)
            delete_left(bundles_folder(self.home), DRAFT)
            count_change(connection)
        return erased

    def removed_tags(self, outside_id: str) -> list[str]:
        """Tags that a user has removed from the profile."""
        with self.reading() as connection:
            platform, inside = parse_outside(connection, outside_id)
            return removed_tags(connection, platform.num, inside)

    def remove_tag(self, outside_id: str, tag: str) -> None:
        """Takes a tag off a user's profile for good.

        Raises:
            UnknownIdError: The user was erased.
        """
        with self.writing() as connection:
            platform, inside = self._locked(connection, outside_id)
            if remove_tag(connection, platform.num, inside, tag):
                count_change(connection)

    def set_personalised(self, outside_id: str, *, enabled: bool) -> None:
        """Switches personal lists on or off for a user, known by bookings only perhaps; off holds until on again here.

        Raises:
            UnknownIdError: The user was erased.
        """
        with self.writing() as connection:
            platform, inside = self._locked(connection, outside_id)
            ensure_partition(connection, TABLES["users"], platform.num)
            if set_personalised(connection, platform.num, inside, enabled=enabled):
                count_change(connection)

    def _locked(self, connection: Connection, outside_id: str) -> tuple[Platform, str]:
        platform, inside = parse_outside(connection, outside_id)
        lock_platform(connection, platform)
        if is_erased(connection, platform.num, inside):
            raise UnknownIdError("user_id", [outside_id])
        return platform, inside

    def write_quarantine(self, platform: str) -> dict[str, Path]:
        """Quarantine files of a platform, by table, as things stand."""
        # Not `reading`: what has changed while waiting for the files has to be seen.
        with self.writing() as connection:
            found = next((p for p in all_platforms(connection) if p.name == platform), None)
            return {} if found is None else self._write_quarantine(connection, found)

    def _write_quarantine(self, connection: Connection, platform: Platform) -> dict[str, Path]:
        lock_quarantine_files(connection, platform)
        return write_quarantine_files(connection, self.home, platform.name, platform.num)

    def snapshot(self, folder: Path, data_until: pd.Timestamp) -> Snapshot:
        """Immutable Parquet files of what was known before `data_until`."""
        with self.writing() as lock, self.reading() as connection:
            lock_snapshots(lock, is_shared=True)
            return write_snapshot(connection, zones_by_num(connection), folder, data_until)


def open_store(settings: Settings) -> Store:
    """The store that the settings name, its tables brought up to date.

    Raises:
        RecsysError: The server cannot be reached, or the embedded one does not start.
    """
    return Store(engine_for(settings), settings)
