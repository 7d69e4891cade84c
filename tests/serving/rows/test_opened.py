"""The store as requests reach it, by stores that say when they are closed."""

from contextlib import suppress

import pytest

from recsys.errors import RecsysError
from serving.problems import ProblemError
from serving.rows.opened import OpenedStore


class FakeStore:
    """A store that answers unless it is away."""

    def __init__(self) -> None:
        self.is_away = self.is_closed = False

    def version(self) -> int:
        if self.is_away:
            raise RecsysError("away")
        return 1

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr("serving.rows.opened.Store", FakeStore)
    return []


def opened_of(made):
    def open_store():
        made.append(FakeStore())
        return made[-1]

    return OpenedStore(open_store)


def test_a_lost_store_keeps_the_connections_that_requests_have_in_hand(made):
    opened = opened_of(made)
    assert opened.version() == 1
    made[0].is_away = True
    with pytest.raises(ProblemError):
        opened.version()
    opened.reopen()
    assert [store.is_closed for store in made] == [False, True]
    made[0].is_away = False
    assert opened.version() == 1
    opened.reopen()
    assert len(made) == 2
    opened.close()
    assert made[0].is_closed


def test_a_store_that_was_never_reached_is_taken_once_it_is(made):
    is_away = [True]

    def open_store():
        if is_away:
            raise RecsysError("away")
        made.append(FakeStore())
        return made[-1]

    opened = OpenedStore(open_store)
    with pytest.raises(ProblemError):
        opened.version()
    opened.reopen()
    is_away.clear()
    opened.reopen()
    assert opened.store() is made[0]
    assert not made[0].is_closed


def test_a_use_that_ends_after_others_have_told_of_the_store_tells_nothing(made, caplog):
    """It began before the store was lost, or reached again: what it found holds no more."""
    opened = opened_of(made)
    opened.version()
    caplog.set_level("INFO", logger="serving")

    def fails_late(store):
        store.is_away = True
        with pytest.raises(ProblemError):
            opened.version()
        store.is_away = False
        assert opened.version() == 1
        raise RecsysError("away")

    def succeeds_late(store):
        store.is_away = True
        with pytest.raises(ProblemError):
            opened.version()

    for use in (fails_late, succeeds_late):
        with suppress(ProblemError):
            opened.using(use)
    told = [record.message.partition(":")[0] for record in caplog.records]
    assert told == ["the store failed", "the store is reached again", "the store failed"]
