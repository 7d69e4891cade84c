"""Fixtures for all tests, and the rule that in CI nothing may be left out."""

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from features.settings import Settings
from features.store.server import embedded_url
from features.store.store import Store, open_store


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CULTURE_REQUIRE_ALL set, a skipped test fails the run: a tool is missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CULTURE_REQUIRE_ALL") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def database_server() -> str:
    """URL of a PostgreSQL server for this run, with the database `culture_template` that has all tables."""
    # Not under pytest's own folder: every other run that starts closes that one to the user the server runs as.
    home = Path(tempfile.mkdtemp(prefix="culture-server-"))
    # Registered before the server's own, so it runs after the server has stopped.
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    url = embedded_url(home)
    with psycopg.connect(url, autocommit=True) as connection:
        # Nothing here has to survive a power cut.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("CREATE DATABASE culture_template")
    open_store(Settings(home=home, database_url=_database(url, "culture_template"))).close()
    return url


@pytest.fixture
def database_url(database_server: str) -> Iterator[str]:
    """URL of a fresh database with all tables."""
    name = f"culture_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(database_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE culture_template STRATEGY file_copy")
        yield _database(database_server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    """A fresh, empty store."""
    with open_store(Settings(home=tmp_path / "home", database_url=database_url)) as opened:
        yield opened


def _database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)
