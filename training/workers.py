"""Work side by side: calls in several processes, or one after the other in this one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any, ParamSpec, TypeVar

from recsys.cores import n_cores
from recsys.ending import when_parent_ends
from recsys.errors import RecsysError

P = ParamSpec("P")
T = TypeVar("T")

_WAITS_FOR_WHAT_IS_SENT = sys.version_info < (3, 11, 7)
"""What is being sent to processes that are no more is waited for, unless its pipe is closed (CPython gh-94777)."""


class Here(Executor):
    """Calls at once, in this process: what a call raises is raised where it is submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The finished call."""
        future: Future[T] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@contextmanager
def workers(n_processes: int) -> Iterator[Executor]:
    """An executor of so many processes, each of one thread where a call asks for no more; with one, calls run here.

    Whatever ends the block early, an interrupt too, ends the processes at once.

    Raises:
        RecsysError: a process was killed, as the system does when memory runs out.
    """
    if n_processes == 1:
        yield Here()
        return
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(n_processes, _Context(), _begin, (tuple(warnings.filters),))
    calls = executor._call_queue  # type: ignore[attr-defined]
    if _WAITS_FOR_WHAT_IS_SENT:
        closed_by_one(calls._reader)
    try:
        yield executor
        executor.shutdown()
    except BaseException as error:
        executor.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        if _WAITS_FOR_WHAT_IS_SENT:
            calls._reader.close()
        if isinstance(error, BrokenProcessPool):
            raise RecsysError(
                "a process that worked beside this one was ended from outside, perhaps for want of memory; "
                "CULTURE_PROCESSES=1 needs less of it"
            ) from error
        raise


class _Process(SpawnProcess):
    """A process that is born with Ctrl-C blocked: the first process alone minds it, from the first instant."""

    def start(self) -> None:
        resource_tracker.ensure_running()  # What starts it unblocks Ctrl-C here.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Context(SpawnContext):
    Process = _Process


def closed_by_one(connection: Connection) -> None:
    """Lets several threads close a connection, as the one that sends does too: the first does it, the others wait.

    Else two may close the same file at once, and the second fails or closes what was opened since.
    """
    lock, close = threading.Lock(), connection.close

    def close_alone() -> None:
        with lock:
            close()

    connection.close = close_alone  # type: ignore[method-assign]


def n_processes(wanted: int | None) -> int:
    """How many processes work: as many as wanted, else one a core and at most two, for each holds the data."""
    return wanted or min(n_cores(), 2)


def together(n: int) -> str:
    """How many work at a time, as the end of a sentence; nothing where it is one."""
    return f", {n} processes side by side" * (n > 1)


def _begin(filters: Sequence[Any]) -> None:
    """In a process that starts: one thread, warnings as they were, and no longer than the first process."""
    os.environ["OMP_NUM_THREADS"] = "1"
    warnings.resetwarnings()
    warnings.filters.extend(filters)  # type: ignore[attr-defined]
    when_parent_ends(lambda: os._exit(1))
