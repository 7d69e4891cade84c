"""Fixtures for all tests, and the rule that in CI nothing may be left out."""

import atexit
import contextlib
import fcntl
import io
import os
import shutil
import sqlite3
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

import culture as command
from features.settings import Settings
from features.store.server import embedded_url
from features.store.store import Store, open_store
from tests.commands import Result, open_to_servers

# A crowded machine is no fault of what is tested.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@event.listens_for(Engine, "connect")
def _does_not_sync(connection: object, _: object) -> None:
    """MLflow's new file of runs is written in a hundred steps; here none has to survive a power cut."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session", autouse=True)
def _files_are_not_synced() -> Iterator[None]:
    """Nor has any file that a test writes, such as the parts of a bundle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files go first: one that begins late keeps a worker busy when the others have nothing left to do."""
    items.sort(key=lambda item: item.path.suffix == ".py" and item.get_closest_marker("long") is None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """With CULTURE_REQUIRE_ALL set, a skipped test fails the run: a tool is missing."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CULTURE_REQUIRE_ALL") and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def database_server() -> str:
    """URL of a PostgreSQL server for this run, with the database `culture_template` that has all tables."""
    # As `open_to_servers` says, but until the process ends.
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
def open_folder() -> Iterator[Path]:
    """A folder that a server of its own may start under."""
    with open_to_servers() as folder:
        yield folder


@pytest.fixture(scope="session")
def with_runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Gives a home the empty table of runs that MLflow takes a hundred steps to make; it is made once for all tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    template = shared / "mlflow.db"

    def given(home: Path) -> Path:
        with (shared / "mlflow.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not template.exists():
                from mlflow.tracking import MlflowClient

                MlflowClient(f"sqlite:///{shared / 'draft.db'}").search_experiments()
                (shared / "draft.db").rename(template)
        (home / "mlflow").mkdir(parents=True)
        shutil.copy(template, home / "mlflow")
        return home

    return given


@pytest.fixture(scope="module")
def culture(database_server: str, with_runs: Callable[[Path], Path]) -> Iterator[Callable[..., Result]]:
    """Runs the command on a home folder; each home has a database of its own."""
    databases: dict[Path, str] = {}

    def run(home: Path, *words: object) -> Result:
        if words[0] in ("train", "evaluate") and not (home / "mlflow").exists():
            with_runs(home)
        if home not in databases:
            databases[home] = f"culture_{uuid.uuid4().hex[:12]}"
            with psycopg.connect(database_server, autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {databases[home]} TEMPLATE culture_template STRATEGY file_copy")
        url = make_url(database_server).set(database=databases[home])
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CULTURE_HOME", str(home))
            patch.setenv("CULTURE_DATABASE_URL", url.render_as_string(hide_password=False))
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            patch.delenv("CULTURE_DEBUG", raising=False)
            # On small tables processes take longer to start than their work.
            patch.setenv("CULTURE_PROCESSES", os.environ.get("CULTURE_PROCESSES", "1"))
            patch.setattr(sys, "argv", ["culture", *map(str, words)])
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
                command.main()
        return Result(int(end.value.code or 0), out.getvalue(), err.getvalue())

    yield run
    with psycopg.connect(database_server, autocommit=True) as connection:
        for name in databases.values():
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


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
