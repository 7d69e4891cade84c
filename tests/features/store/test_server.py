"""The embedded server from outside: each process below is a command of its own on a home of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import done, failed, process


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Short, so that sockets lie in it, and not under pytest's own folder, which other runs close to the server."""
    with tempfile.TemporaryDirectory(prefix="culture-home-") as folder:
        yield Path(folder)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "users.csv").write_text("user_id\n1\n", encoding="utf-8")
    return tmp_path


def test_a_homes_path_may_hold_what_shells_and_addresses_read_otherwise(open_folder: Path, tables: Path) -> None:
    home = open_folder / 'my home\'s "1" $(false) `x` #%41?&;\\+中'
    for _ in range(2):
        assert done(process(home, "ingest", tables)).stdout == "users: 1 read, 1 accepted, 0 rejected\n"


def test_a_path_that_clients_cannot_be_told_is_refused(open_folder: Path, tables: Path) -> None:
    failed(process(open_folder / "a,b", "ingest", tables), "comma", "CULTURE_HOME")


def test_why_the_server_ended_is_told_from_its_log(open_folder: Path, tables: Path) -> None:
    done(process(open_folder, "ingest", tables))
    with (open_folder / "postgres" / "postgresql.conf").open("a", encoding="utf-8") as settings:
        settings.write("\nno_such_setting = 1\n")
    failed(process(open_folder, "ingest", tables), "contains errors", str(open_folder / "postgres" / "log"))
