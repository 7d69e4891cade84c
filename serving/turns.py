"""Answers in turn, to all who wait together.

To make one holds the interpreter's lock nearly throughout, so that two at a time hinder each other (two runs side by
side answer half as many as one after the other), and most of what it costs is spent once for however many.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Generic, TypeVar

from fastapi.concurrency import run_in_threadpool

from recsys.sentences import Sentence
from serving.problems import ProblemError

MOST_TOGETHER = 32
"""Who waits for a run waits for all that are in it."""

MOST_WAIT_S = 30.0
"""Who would wait longer is told so at once, rather than be answered when nobody listens any more."""

_USUAL_S = 0.03
"""Taken to be the time of one answer of several together before there was any."""

_WEIGHT = 0.02
"""Of the last answer's time in the mean: one that takes seconds, as the first does, turns nobody away."""

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Turns(Generic[Question, Answer]):
    """First come, first served, one run after another; who waits when one begins is answered in it, with the others.

    A question is in a run that begins after it was asked: what it is answered from is read later than that.

    Args:
        answers: Makes the answers to some questions, or what is to be raised in place of one. Called in a thread.
        most_together: How many questions a run answers at most.
    """

    def __init__(
        self,
        answers: Callable[[Sequence[Question]], Sequence[Answer | Exception]],
        most_together: int = MOST_TOGETHER,
    ) -> None:
        self._answers = answers
        self._most_together = most_together
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._usual_s = _USUAL_S

    @property
    def wait_s(self) -> float:
        """Seconds that who comes now can expect to wait."""
        return 0.0 if self._running is None else (len(self._waiting) + 1) * self._usual_s

    async def answer(self, question: Question) -> Answer:
        """The answer, when its turn has come.

        Raises:
            ProblemError: the turn would not come within `MOST_WAIT_S`.
        """
        if self.wait_s > MOST_WAIT_S:
            raise _too_busy(self.wait_s)
        waiting = question, asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        if self._running is None:
            self._running = asyncio.create_task(self._answer_all())
        try:
            return await waiting[1]
        except asyncio.CancelledError:
            with suppress(ValueError):  # It may be in a run by now.
                self._waiting.remove(waiting)
            raise

    async def _answer_all(self) -> None:
        try:
            while self._waiting:
                n = min(len(self._waiting), self._most_together)
                await self._run([self._waiting.popleft() for _ in range(n)])
        finally:
            self._running = None

    async def _run(self, some: Sequence[tuple[Question, asyncio.Future[Answer]]]) -> None:
        began = monotonic()
        try:
            found = await run_in_threadpool(self._found, [question for question, _ in some])
            for (_, future), answer in zip(some, found, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        finally:
            for _, future in some:
                future.cancel()  # Who was not answered, as when all ends, waits no longer.
        of_each = (monotonic() - began) / len(some)
        self._usual_s += (1 - (1 - _WEIGHT) ** len(some)) * (of_each - self._usual_s)

    def _found(self, questions: Sequence[Question]) -> Sequence[Answer | Exception]:
        """Answers; where they fail together each is tried alone, so that one that cannot be answered harms no other.

        What is told to people, such as a store that cannot be reached, is told to all: they need not wait for it again.
        """
        try:
            return self._answers(questions)
        except ProblemError as problem:
            return [problem] * len(questions)
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
