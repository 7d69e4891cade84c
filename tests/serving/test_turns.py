"""Turns are given in the order of asking, a few at once."""

import asyncio
from types import SimpleNamespace

import pytest

from serving.problems import ProblemError
from serving.turns import MOST_WAIT_S, Turns


def test_turns_come_in_the_order_of_asking_and_are_given_back():
    async def run():
        turns, order, at_once, most = Turns(2), [], 0, 0

        async def one(num):
            nonlocal at_once, most
            async with turns.turn():
                order.append(num)
                at_once, most = at_once + 1, max(most, at_once + 1)
                await asyncio.sleep(0.001 * (num % 3))
                at_once -= 1
                if num % 5 == 0:
                    raise ValueError(num)

        await asyncio.gather(*(one(num) for num in range(40)), return_exceptions=True)
        return order, most, turns.wait_s

    assert asyncio.run(run()) == (list(range(40)), 2, 0.0)


def test_who_gives_up_waiting_keeps_nobody_waiting():
    async def run():
        turns = Turns(1)

        async def one():
            async with turns.turn():
                await asyncio.sleep(0)

        async with turns.turn():
            waiting = [asyncio.create_task(one()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        await asyncio.wait_for(asyncio.gather(*waiting[1:]), 5)
        return turns.wait_s

    assert asyncio.run(run()) == 0.0


def test_the_expected_wait_is_that_of_those_before_at_the_usual_time():
    async def run():
        turns = Turns(2)
        told = []

        async def one():
            try:
                async with turns.turn():
                    await ended.wait()
            except ProblemError as problem:
                told.append(problem.headers["Retry-After"])

        ended = asyncio.Event()
        # Nothing is known yet: 0.1 s each, two at once, so that 30 s are 600 who wait.
        tasks = [asyncio.create_task(one()) for _ in range(700)]
        await asyncio.sleep(0)
        ended.set()
        await asyncio.gather(*tasks)
        return told

    told = asyncio.run(run())
    assert len(told) == pytest.approx(100, abs=3)
    assert set(told) == {str(round(MOST_WAIT_S) + 1)}


def test_one_slow_answer_turns_nobody_away(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("serving.turns.time", SimpleNamespace(monotonic=lambda: now[0]))

    async def run():
        turns, ended = Turns(2), asyncio.Event()
        async with turns.turn():
            now[0] += 3.0

        async def one():
            async with turns.turn():
                await ended.wait()

        tasks = [asyncio.create_task(one()) for _ in range(300)]
        await asyncio.sleep(0)
        ended.set()
        return await asyncio.gather(*tasks)

    assert len(asyncio.run(run())) == 300
