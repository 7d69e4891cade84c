"""The database under the store: how it is reached, brought up to date, and what is said when it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from features.settings import Settings
from features.store.platforms import LOCKS
from features.store.server import embedded_url, why_lost
from recsys.errors import RecsysError

_MIGRATIONS = Path(__file__).parent / "migrations"


def engine_for(settings: Settings) -> Engine:
    """Connections to the database that the settings name, its tables brought up to date.

    Raises:
        RecsysError: The server cannot be reached, the embedded one does not start, or a newer program wrote the tables.
    """
    text = settings.database_url or embedded_url(settings.home)
    try:
        url = make_url(text)
    except ArgumentError as error:
        raise RecsysError("CULTURE_DATABASE_URL is not a URL; expected postgresql://user@host/database") from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise RecsysError(f"CULTURE_DATABASE_URL names {url.get_backend_name()}; only PostgreSQL can be the store")
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": 10, "options": "-c timezone=UTC"},
        pool_pre_ping=True,
        pool_size=4,
        max_overflow=12,
    )
    try:
        with clear_errors(settings), engine.begin() as connection:
            _migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def clear_errors(settings: Settings) -> Iterator[None]:
    """Says in one line what the database could not do.

    Args:
        settings: They name it.

    Raises:
        RecsysError: In place of what the driver raised.
    """
    try:
        yield
    except DBAPIError as error:
        raise _clear(str(error.orig), error.connection_invalidated, settings) from error
    except psycopg.Error as error:
        # Of what goes past SQLAlchemy: COPY, and rows read one by one.
        is_lost = isinstance(error, psycopg.OperationalError) and error.sqlstate is None
        raise _clear(str(error), is_lost, settings) from error


def _clear(words: str, is_lost: bool, settings: Settings) -> RecsysError:
    first = next((line.strip() for line in words.splitlines() if line.strip()), "no reason was given")
    if is_lost or "connect" in words:
        hint = "check CULTURE_DATABASE_URL" if settings.database_url else why_lost(settings.home)
        return RecsysError(f"the store cannot be reached: {first}; {hint}")
    return RecsysError(f"the store refused the work: {first}")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    found, head = MigrationContext.configure(connection).get_current_revision(), scripts.get_current_head()
    if found == head:
        return
    if found is not None and found not in {known.revision for known in scripts.walk_revisions()}:
        raise RecsysError(
            f"the database has tables of version {found}, newer than {head}, the last that this program knows;"
            " run the program that wrote it, or restore the database of before"
        )
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, 0)", (LOCKS,))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
