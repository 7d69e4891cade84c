"""A command that is told to end by a signal undoes what is under way; a service answers what it was asked."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Ended(SystemExit):
    """A signal has told the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.number = number

    def __str__(self) -> str:
        return f"told to end ({signal.Signals(self.number).name})"


@contextmanager
def undoing_at_signals() -> Iterator[None]:
    """Signals that would end the process on the spot raise: an open run is closed, a draft deleted, workers ended."""
    hook, told = sys.unraisablehook, []

    def end(number: int, _: object) -> None:
        told.append(number)
        raise Ended(number)

    def again(lost: Any) -> None:
        # Raised in a callback (imports have many) or a destructor it goes nowhere: the signal comes once more.
        if isinstance(lost.exc_value, Ended | KeyboardInterrupt):
            number = lost.exc_value.number if isinstance(lost.exc_value, Ended) else signal.SIGINT
            threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        else:
            hook(lost)

    mine = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in mine:
        signal.signal(number, end)
    sys.unraisablehook = again
    try:
        yield
    except Exception as error:
        # Libraries make errors of their own of what is raised in them.
        if told:
            raise Ended(told[0]) from error
        raise
    finally:
        sys.unraisablehook = hook
        for number in mine:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def served_until_told() -> Iterator[None]:
    """A service that is told to end has done its work; what it is answering is answered, at SIGHUP as at SIGTERM."""
    told = signal.getsignal(signal.SIGHUP)
    if told is not signal.SIG_IGN:  # As `nohup` leaves it.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    try:
        with suppress(Ended):
            yield
    finally:
        signal.signal(signal.SIGHUP, told)
