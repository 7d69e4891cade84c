"""The command in a process of its own, what it said, and what is expected of it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE_S = 240.0
"""What takes longer has failed, however slow or busy the machine."""


def wait_until(holds, pause_s=0.02):
    """Asks again and again until it holds; fails when that takes too long."""
    pause, end = threading.Event(), time.monotonic() + PATIENCE_S
    while not (found := holds()):
        if time.monotonic() > end:
            raise AssertionError("did not come true in time")
        pause.wait(pause_s)
    return found


@dataclass(frozen=True)
class Result:
    """What a command said."""

    returncode: int
    stdout: str
    stderr: str


@contextmanager
def open_to_servers():
    """A folder that a server of its own may start under.

    Short, so that sockets lie in it, and not under pytest's own folder: every other run that starts closes that one to
    the user that root's servers run as.
    """
    with tempfile.TemporaryDirectory(prefix="culture-home-") as folder:
        yield Path(folder)


def process(home, *words, **more):
    """Runs the command in a process of its own, with the server that starts under its home."""
    with begin(home, *words, **more) as begun:
        out, err = begun.communicate(timeout=PATIENCE_S)
    return Result(begun.returncode, out, err)


@contextmanager
def begin(home, *words, **more):
    """The command in a process of its own that has begun; it is told to end where the block does not see to that."""
    environment = {**os.environ, "CULTURE_HOME": str(home), **more}
    if "CULTURE_DATABASE_URL" not in more:
        environment.pop("CULTURE_DATABASE_URL", None)
    environment.pop("MLFLOW_TRACKING_URI", None)
    command = [sys.executable, "-c", "import culture; culture.main()", *map(str, words)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_signals
    ) as begun:
        try:
            yield begun
        finally:
            begun.terminate()


def hear_signals():
    """Who runs tests in the background has them ignored."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def done(result):
    assert result.returncode == 0, result.stderr
    return result


def failed(result, *words):
    """The one line of a failure, which must hold each word."""
    assert result.returncode == 1, (result.stdout, result.stderr)
    (line,) = result.stderr.splitlines()
    assert line.startswith("culture: ")
    for word in words:
        assert word in line
    return line
