"""Starts the service: the only place of this package that reads the environment."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
from typing import Any

import pandas as pd
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from features.settings import Settings
from features.store.server import stop_at_end
from features.store.store import open_store
from recsys.bundle import ModelBundle
from recsys.ending import ends_at_hangup, when_parent_ends
from recsys.errors import RecsysError
from serving.app import create_app, now_utc
from serving.champion import ChampionWatcher
from serving.lists import ListStyle
from serving.parts import BundleParts, open_parts
from serving.privacy import is_loopback
from serving.protocol import PatientHttp

_BEHIND = "CULTURE_SERVE_SECONDS_BEHIND"
"""How far the service's clock is behind the present; `serve` hands it to its workers."""


class HostRefusedError(RecsysError):
    """A host that is not loopback: wrong usage until there is access control."""


class PortTakenError(RecsysError):
    """A port that another program holds."""


def bind(host: str, port: int, tries: int = 1) -> socket.socket:
    """A socket bound to `host` and `port`, or to the next free one of `tries` ports; 0 lets the system choose.

    Raises:
        HostRefusedError: `host` is not loopback.
        PortTakenError: every port tried is taken.
    """
    if not is_loopback(host):
        raise HostRefusedError(
            f"host {host!r} is refused: the service answers this machine only (127.0.0.1, ::1 or localhost),"
            " since there is no access control yet"
        )
    address = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    last = min(port + tries, 65536) if port else 1
    for candidate in range(port, last):
        # The protocol is named: only then does asyncio send each answer at once, not after the 40 ms in which the
        # other side may still put off its acknowledgement of the headers.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, candidate))
            # Listening at once: two servers that start together must not both believe that the port is theirs.
            listener.listen(2048)
        except OSError:
            listener.close()
            continue
        listener.set_inheritable(True)
        return listener
    raise PortTakenError(f"port {port} on {host} is taken; choose another with --port")


def free_port(host: str, port: int, tries: int = 50) -> int:
    """`port`, or the next one that nobody listens on.

    Raises:
        HostRefusedError: `host` is not loopback.
        PortTakenError: all are taken.
    """
    with bind(host, port, tries) as listener:
        return int(listener.getsockname()[1])


def address_of(listener: socket.socket) -> str:
    """The address under which a bound socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    settings: Settings,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    quiet: bool = False,
    at: pd.Timestamp | None = None,
) -> None:
    """Serves until interrupted.

    Args:
        settings: Home folder and store.
        host: A loopback address.
        port: 0 lets the system choose.
        workers: Processes; they share the bundle's memory-mapped arrays.
        quiet: Log errors only.
        at: The service's clock starts here instead of at the present, for made-up or past data.

    Raises:
        HostRefusedError: `host` is not loopback.
        PortTakenError: the port is taken.
    """
    listener = bind(host, port)
    # Workers are processes of their own and find their settings as a command does: in the environment.
    os.environ["CULTURE_HOME"] = str(settings.home.resolve())
    os.environ.pop("CULTURE_DATABASE_URL", None)
    if settings.database_url is not None:
        os.environ["CULTURE_DATABASE_URL"] = settings.database_url
    os.environ.pop(_BEHIND, None)
    if at is not None:
        os.environ[_BEHIND] = str((now_utc() - at).total_seconds())
    config = server_config(
        "serving.main:app_from_environment", factory=True, workers=workers, log_config=_log_config(quiet)
    )
    address = address_of(listener)
    logging.getLogger("serving").info("at %s (planners: %s/planner)", address, address)
    server = uvicorn.Server(config)
    with listener:
        if workers > 1:
            Workers(config, sockets=[listener]).run()
            if settings.database_url is None:
                stop_at_end(settings.home)
        else:
            server.run(sockets=[listener])


def server_config(app: FastAPI | str, **others: Any) -> uvicorn.Config:
    """How the application is served, in a command, a test or a benchmark.

    Whoever asks, an app or a proxy before the service, keeps a connection for its next request and lets go of it after
    5 to 60 s. Were the service the first to close it, a request already on its way would be reset. When it is told to
    end, plans that are being made have the time that they may take. A worker is killed as hung after a minute without
    a sign of life: on a busy machine the 5 s of uvicorn go by before one has begun to give any.
    """
    return uvicorn.Config(
        app,
        http=PatientHttp,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
        timeout_worker_healthcheck=60,
        **others,
    )


class Workers(Multiprocess):
    """Processes that serve side by side; a terminal that is closed ends them, they are not started anew.

    Where SIGHUP is ignored, as `nohup` leaves it, it stays so, in them too.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket.socket]) -> None:
        told = signal.getsignal(signal.SIGHUP)
        super().__init__(config, sockets)
        if told is signal.SIG_IGN:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def init_processes(self) -> None:
        """Starts them."""
        super().init_processes()
        self._hear_of_ends()

    def keep_subprocess_alive(self) -> None:
        """Starts those anew that have ended, or are silent for as long as they may be."""
        super().keep_subprocess_alive()
        self._hear_of_ends()

    def handle_hup(self) -> None:
        """Ends, as at SIGTERM."""
        self.handle_term()

    def _hear_of_ends(self) -> None:
        """Leaves to each worker alone the end of the pipe through which it answers.

        Where this process holds that too, who asks a worker that has just ended waits for as long as one may be silent,
        and hears no signal.
        """
        for process in self.processes:
            process.child_conn.close()


def app_from_environment() -> FastAPI:
    """The application of one worker."""
    ends_at_hangup()
    # Else workers of a service that was killed would hold its port and answer for ever.
    when_parent_ends(lambda: os.kill(os.getpid(), signal.SIGTERM))
    settings = Settings()
    behind = pd.Timedelta(seconds=float(os.environ.get(_BEHIND, "0")))
    return create_app(
        ChampionWatcher(settings.home, open_to_stay),
        lambda: open_store(settings),
        clock=lambda: now_utc() - behind,
        style=ListStyle(settings.variety, settings.exploration_share),
    )


def open_to_stay(bundle: ModelBundle) -> BundleParts:
    """What serving needs of a bundle; garbage is looked for at once among all that there is, and there no more.

    Modules and parts are some 300,000 objects that stay: to look through them takes a third of a second, in which an
    answer would wait. What the bundle before left behind is looked for when the next is opened. Classes are valued
    beside each other here too: 0.4 s in a county of 18,000 people.
    """
    parts = open_parts(bundle)
    if parts.openings is not None:
        parts.openings.alone.pair_all()
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return parts


def _log_config(quiet: bool) -> dict[str, Any]:
    level = logging.getLevelName(logging.ERROR if quiet else logging.INFO)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {name: {"handlers": ["stderr"], "level": level} for name in ("serving", "uvicorn.error")},
    }
