"""Turns are given in the order of asking, one run after another, to all who wait together."""

import asyncio
import threading

import pytest

from recsys.sentences import Sentence
from serving.problems import ProblemError
from serving.turns import MOST_WAIT_S, Turns
from tests.commands import PATIENCE_S


class Slowly:
    """Answers with the question itself, once it may; remembers the runs as they begin."""

    def __init__(self):
        self.runs, self.may_end = [], threading.Event()

    def __call__(self, questions):
        self.runs.append(list(questions))
        assert self.may_end.wait(PATIENCE_S)
        return list(questions)


async def begun(answers, n):
    while len(answers.runs) < n:
        await asyncio.sleep(0.001)


def test_who_waits_is_answered_in_the_order_of_asking_together_with_others():
    async def run():
        answers = Slowly()
        turns = Turns(answers, most_together=8)
        asked = [asyncio.create_task(turns.answer(num)) for num in range(30)]
        await begun(answers, 1)
        answers.may_end.set()
        return answers.runs, await asyncio.gather(*asked), turns.wait_s

    runs, found, wait_s = asyncio.run(run())
    assert found == list(range(30))
    assert runs == [list(range(8)), list(range(8, 16)), list(range(16, 24)), list(range(24, 30))]
    assert wait_s == 0.0


def test_one_run_at_a_time():
    inside, lock, at_once = [], threading.Lock(), []

    def answers(questions):
        with lock:
            inside.append(questions)
            at_once.append(len(inside))
        threading.Event().wait(0.002)  # Long enough for another run to come in, if it can.
        with lock:
            inside.remove(questions)
        return questions

    async def run():
        turns = Turns(answers, most_together=3)
        first = await asyncio.gather(*(turns.answer(num) for num in range(30)))
        return first + await asyncio.gather(*(turns.answer(num) for num in range(30, 60)))

    assert asyncio.run(run()) == list(range(60))
    assert set(at_once) == {1}


def test_a_question_is_in_a_run_that_begins_after_it_was_asked():
    async def run():
        answers = Slowly()
        turns = Turns(answers)
        first = asyncio.create_task(turns.answer("first"))
        await begun(answers, 1)
        later = asyncio.create_task(turns.answer("later"))
        await asyncio.sleep(0)
        answers.may_end.set()
        await asyncio.gather(first, later)
        return answers.runs

    assert asyncio.run(run()) == [["first"], ["later"]]


def test_a_question_without_an_answer_harms_no_other():
    def answers(questions):
        if "breaks" in questions:
            raise ArithmeticError(len(questions))
        return [KeyError(one) if one == "unknown" else one for one in questions]

    async def run():
        turns = Turns(answers)
        return await asyncio.gather(
            *(turns.answer(one) for one in ("first", "a", "breaks", "unknown", "b")), return_exceptions=True
        )

    first, a, breaks, unknown, b = asyncio.run(run())
    assert (first, a, b) == ("first", "a", "b")
    assert isinstance(unknown, KeyError)
    assert isinstance(breaks, ArithmeticError)
    assert breaks.args == (1,)


def test_what_is_wrong_for_all_is_found_out_once():
    runs = []

    def answers(questions):
        runs.append(questions)
        raise ProblemError(503, "store-unavailable", Sentence("x", "away"))

    async def run():
        turns = Turns(answers)
        return await asyncio.gather(*(turns.answer(num) for num in range(20)), return_exceptions=True)

    assert {str(problem) for problem in asyncio.run(run())} == {"away"}
    assert runs == [list(range(20))]


def test_who_gives_up_waiting_keeps_nobody_waiting_and_is_not_answered():
    async def run():
        answers = Slowly()
        turns = Turns(answers)
        first = asyncio.create_task(turns.answer("first"))
        await begun(answers, 1)
        gave_up, waiting = asyncio.create_task(turns.answer("gave up")), asyncio.create_task(turns.answer("waiting"))
        await asyncio.sleep(0)
        gave_up.cancel()
        first.cancel()
        await asyncio.sleep(0)
        answers.may_end.set()
        assert await asyncio.wait_for(waiting, PATIENCE_S) == "waiting"
        return answers.runs, turns.wait_s

    assert asyncio.run(run()) == ([["first"], ["waiting"]], 0.0)


def test_the_expected_wait_is_that_of_those_before_at_the_usual_time():
    async def run():
        answers, told = Slowly(), []
        turns = Turns(answers)

        async def one(num):
            try:
                await turns.answer(num)
            except ProblemError as problem:
                told.append(problem.headers["Retry-After"])

        # Nothing is known yet: 0.03 s each, so that 30 s are 1,000 who wait.
        tasks = [asyncio.create_task(one(num)) for num in range(1100)]
        await begun(answers, 1)
        answers.may_end.set()
        await asyncio.gather(*tasks)
        return told

    told = asyncio.run(run())
    assert len(told) == pytest.approx(100, abs=2)
    assert set(told) == {str(round(MOST_WAIT_S) + 1)}


def test_one_slow_answer_turns_nobody_away(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("serving.turns.monotonic", lambda: now[0])

    def answers(questions):
        now[0] += 3.0 * (questions == ["slow"])
        return questions

    async def run():
        turns = Turns(answers)
        await turns.answer("slow")
        return await asyncio.gather(*(turns.answer(num) for num in range(300)))

    assert len(asyncio.run(run())) == 300


def test_who_cannot_be_answered_any_more_waits_no_longer():
    async def run():
        turns = Turns(lambda questions: questions[1:])
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(turns.answer("lost"), PATIENCE_S)

    asyncio.run(run())
