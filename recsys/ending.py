"""How a command ends: what fails is one line; told by a signal, it undoes what is under way, a service answers."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from recsys.errors import RecsysError, in_one_line


class Ended(SystemExit):
    """A signal has told the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    def __str__(self) -> str:
        return f"told to end ({signal.Signals(self.number).name})"


class Interrupted(KeyboardInterrupt):
    """Ctrl-C."""

    number = signal.SIGINT


_QUIET = "ignore:resource_tracker"
"""For the process that deletes what others beside this one have shared: that a signal left some is no news."""

_answers = threading.Event()
"""Set while a service answers: what it makes of a signal is its own."""


@contextmanager
def undoing_at_signals() -> Iterator[None]:
    """Signals that would end the process on the spot raise: an open run is closed, a draft deleted, workers ended.

    What was raised where nobody passes it on (callbacks, of which imports have many, destructors, libraries that catch
    everything) is gone before the command has ended: the signal comes once more.
    """
    hook, told, watched = sys.unraisablehook, [], []

    def end(number: int, _: object) -> None:
        raised = Interrupted() if number == signal.SIGINT else Ended(number)
        told.append(number)
        watched.append(weakref.ref(raised, lambda _: None if _answers.is_set() else comes_again(number)))
        try:
            raise raised
        finally:
            # Its traceback holds this frame, which must not hold it.
            del raised

    def without_ours(lost: Any) -> None:
        if not isinstance(lost.exc_value, Ended | Interrupted):
            hook(lost)
        elif _answers.is_set():
            comes_again(lost.exc_value.number)

    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)}
    mine = {n: told_by for n, told_by in before.items() if told_by in (signal.SIG_DFL, signal.default_int_handler)}
    for number in mine:
        signal.signal(number, end)
    sys.unraisablehook = without_ours
    try:
        yield
    except Exception as error:
        # Libraries make errors of their own of what is raised in them.
        if told:
            raise Ended(told[0]) from error
        raise
    finally:
        watched.clear()
        sys.unraisablehook = hook
        for number, told_by in mine.items():
            signal.signal(number, told_by)


def comes_again(number: int) -> None:
    """Sends this process a signal again, a moment later."""
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()


@contextmanager
def served_until_told() -> Iterator[None]:
    """A service that is told to end has done its work; what it is answering is answered, at SIGHUP as at SIGTERM."""
    told = signal.getsignal(signal.SIGHUP)
    ends_at_hangup()
    _answers.set()
    try:
        with suppress(Ended):
            yield
    finally:
        signal.signal(signal.SIGHUP, told)
        _answers.clear()


def ends_at_hangup() -> None:
    """SIGHUP is from now on to this process what SIGTERM is."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # As `nohup` leaves it.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))


def when_parent_ends(act: Callable[[], object]) -> None:
    """Has a process that another one started act as soon as that one is no more: who is killed ends nobody."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait_and_act() -> None:
        parent.join()
        act()

    threading.Thread(target=wait_and_act, daemon=True).start()


def run(command: Callable[[], object], name: str, is_debugged: bool = False) -> None:
    """Runs a command: every failure is one line on standard error, which `name` begins, and exit status 1.

    A signal to end lets what is under way undo itself, and gives 128 and its number as status. Where it is debugged
    the unexpected has its traceback, and libraries their warnings.
    """
    if not is_debugged:
        warnings.simplefilter("ignore")
        if _QUIET not in sys.warnoptions:
            sys.warnoptions.append(_QUIET)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Work that is done does not fail for a name that the terminal's encoding has no letters for.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        with undoing_at_signals():
            command()
    except Ended as ended:
        sys.stderr.write(f"{name}: {ended}\n")
        sys.exit(ended.code)
    except Exception as error:
        if is_debugged and not isinstance(error, RecsysError | OSError):
            raise
        sys.stderr.write(f"{name}: {in_one_line(error)}\n")
        sys.exit(1)
