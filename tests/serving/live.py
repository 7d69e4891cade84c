"""A real server on a real socket, in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from fastapi import FastAPI

from serving.champion import BundleState
from serving.main import address_of, bind, server_config
from serving.parts import BundleParts
from tests.commands import PATIENCE_S, wait_until


@contextmanager
def serving(app: FastAPI) -> Iterator[httpx.Client]:
    """A client of the application, served until the block ends."""
    listener = bind("127.0.0.1", 0)
    server = uvicorn.Server(server_config(app, log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    assert server.started
    try:
        with httpx.Client(base_url=address_of(listener), timeout=PATIENCE_S) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        listener.close()
    assert not thread.is_alive()


class FixedProvider:
    """Always the same parts, or none."""

    def __init__(self, parts: BundleParts | None) -> None:
        self._parts = parts

    def current(self) -> BundleParts | None:
        """The parts."""
        return self._parts

    def state(self) -> BundleState:
        """No name, no refusal."""
        return BundleState(None, None)

    def start(self) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""
