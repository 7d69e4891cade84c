"""Lists in turn: to make one holds the interpreter's lock nearly throughout, so that threads hinder each other."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from recsys.sentences import Sentence
from serving.problems import ProblemError

LISTS_AT_ONCE = 2
"""One is computed while another waits for the store, on any machine: more cores have more workers."""

MOST_WAIT_S = 30.0
"""Who would wait longer is told so at once, rather than be answered when nobody listens any more."""

_USUAL_S = 0.1
"""Taken to be the time of one answer before there was any."""

_WEIGHT = 0.02
"""Of the last answer's time in the mean: one that takes seconds, as the first does, turns nobody away."""


class Turns:
    """First come, first served, a few at once.

    Args:
        n_at_once: How many are answered at once.
    """

    def __init__(self, n_at_once: int) -> None:
        self._n_at_once = n_at_once
        self._free = asyncio.Semaphore(n_at_once)
        self._n_waiting = 0
        self._usual_s = _USUAL_S

    @property
    def wait_s(self) -> float:
        """Seconds that who comes now can expect to wait."""
        return (self._n_waiting + 1) * self._usual_s / self._n_at_once if self._free.locked() else 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a turn, and has it until the block ends.

        Raises:
            ProblemError: it would not come within `MOST_WAIT_S`.
        """
        if self.wait_s > MOST_WAIT_S:
            raise _too_busy(self.wait_s)
        self._n_waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._n_waiting -= 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._usual_s += _WEIGHT * (time.monotonic() - began - self._usual_s)
            self._free.release()


def _too_busy(wait_s: float) -> ProblemError:
    seconds = math.ceil(wait_s)
    return ProblemError(
        503,
        "too-busy",
        Sentence(
            f"正在等待的请求太多，请约 {seconds} 秒后再试",
            f"too many requests are waiting; try again in about {seconds} s",
        ),
        headers={"Retry-After": str(seconds)},
    )
