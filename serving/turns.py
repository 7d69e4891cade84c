"""Answers in turn, to all who wait together.

To make one holds the interpreter's lock nearly throughout, so that threads hinder each other, and most of what it costs
is spent once for however many.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Generic, TypeVar

from fastapi.concurrency import run_in_threadpool

from recsys.sentences import Sentence
from serving.problems import ProblemError

RUNS_AT_ONCE = 2
"""One computes while another waits for the store, on any machine: more cores have more workers."""

MOST_TOGETHER = 16
"""Who waits for a run waits for all that are in it."""

MOST_WAIT_S = 30.0
"""Who would wait longer is told so at once, rather than be answered when nobody listens any more."""

_USUAL_S = 0.1
"""Taken to be the time of one answer before there was any."""

_WEIGHT = 0.02
"""Of the last answer's time in the mean: one that takes seconds, as the first does, turns nobody away."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Turns(Generic[Question, Answer]):
    """First come, first served, a few runs at once; who waits when one begins is answered in it, with the others.

    A question is in a run that begins after it was asked: what it is answered from is read later than that.

    Args:
        answers: Makes the answers to some questions, or what is to be raised in place of one. Called in a thread.
        n_at_once: How many runs there are at once.
        most_together: How many questions a run answers at most.
    """

    def __init__(
        self,
        answers: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
        n_at_once: int = RUNS_AT_ONCE,
        most_together: int = MOST_TOGETHER,
    ) -> None:
        self._answers = answers
        self._n_at_once, self._most_together = n_at_once, most_together
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._runs: set[asyncio.Task[None]] = set()
        self._usual_s = _USUAL_S

    @property
    def wait_s(self) -> float:
        """Seconds that who comes now can expect to wait."""
        if len(self._runs) < self._n_at_once:
            return 0.0
        return (len(self._waiting) + 1) * self._usual_s / self._n_at_once

    async def answer(self, question: Question) -> Answer:
        """The answer, when its turn has come.

        Raises:
            ProblemError: the turn would not come within `MOST_WAIT_S`.
        """
        if self.wait_s > MOST_WAIT_S:
            raise _too_busy(self.wait_s)
        waiting = question, asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._begin()
        try:
            return await waiting[1]
        finally:
            if waiting in self._waiting:  # Gave up.
                self._waiting.remove(waiting)

    def _begin(self) -> None:
        while self._waiting and len(self._runs) < self._n_at_once:
            n = min(len(self._waiting), self._most_together)
            run = self._run([self._waiting.popleft() for _ in range(n)])
            self._runs.add(task := asyncio.create_task(run))
            task.add_done_callback(self._ended)

    def _ended(self, run: asyncio.Task[None]) -> None:
        self._runs.discard(run)
        self._begin()

    async def _run(self, some: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        began = monotonic()
        found = await run_in_threadpool(self._found, [question for question, _ in some])
        of_each = (monotonic() - began) / len(some)
        self._usual_s += (1 - (1 - _WEIGHT) ** len(some)) * (of_each - self._usual_s)
        for (_, future), answer in zip(some, found, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)

    def _found(self, questions: Sequence[Question]) -> Sequence[Answer | Exception]:
        """Answers; where they fail together each is tried alone, so that one that cannot be answered harms no other."""
        try:
            return self._answers(questions)
        except Exception as error:
            if len(questions) == 1:
                return [error]
        return [self._found([question])[0] for question in questions]


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
