"""The store as requests reach it: opened when first needed, and a problem to tell where it cannot be reached."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from features.store.store import Store
from recsys.errors import DataError, RecsysError, UnknownIdError
from recsys.sentences import Sentence
from serving.problems import STORE_AWAY, ProblemError

_log = logging.getLogger("serving")
_T = TypeVar("_T")

UNREACHABLE = (RecsysError, SQLAlchemyError, OSError)
"""What a store that cannot be reached raises."""


class OpenedStore:
    """A store that is opened by whoever needs it first, and anew once it was lost.

    That it was lost, and that it is reached again, is logged once each: a night without it is two lines. Of several
    uses at a time the first that ends tells it; one that began before that is of another time and tells nothing.
    """

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._store: Store | None = None
        self._opening, self._telling = threading.Lock(), threading.Lock()
        self._is_lost = False
        self._n_turns = 0

    def close(self) -> None:
        """Closes the store if it was opened."""
        if self._store is not None:
            self._store.close()

    def store(self) -> Store:
        """The store.

        Raises:
            ProblemError: it cannot be reached.
        """
        turn = self._n_turns
        with self._opening:
            if self._store is None:
                try:
                    self._store = self._open_store()
                except UNREACHABLE as error:
                    raise self._unreachable(error, turn) from error
            return self._store

    def reopen(self) -> None:
        """Opens a store that was lost once more: an embedded server that has ended is started by it.

        The store that requests have in hand reaches the server again by itself; no connection is taken from them.
        """
        if not self._is_lost:
            return
        try:
            # Not under the lock: requests would wait for the connection's timeout, one after another.
            anew = self._open_store()
        except UNREACHABLE:
            return
        with self._opening:
            if self._store is None:
                self._store = anew
                return
        anew.close()

    def problem(self) -> Sentence | None:
        """Why the store cannot be read, None if it can."""
        try:
            self.version()
        except ProblemError:
            return STORE_AWAY
        return None

    def version(self) -> int:
        """Version of the store: another number after any write."""
        return self.using(Store.version)

    def using(self, use: Callable[[Store], _T]) -> _T:
        """What a function of the store gives.

        Raises:
            ProblemError: the store cannot be reached.
        """
        turn = self._n_turns
        try:
            found = use(self.store())
        except UNREACHABLE as error:
            raise self._unreachable(error, turn) from error
        if self._turns(turn, is_lost=False):
            _log.info("the store is reached again")
        return found

    def _unreachable(self, error: Exception, turn: int) -> ProblemError:
        """The problem that a failed store makes; rows that break a rule are the caller's fault and raised as is."""
        if isinstance(error, DataError | UnknownIdError):
            raise error
        if self._turns(turn, is_lost=True):
            _log.error("the store failed: %s; no more is said of it until it is reached again", error)
        return ProblemError(503, "store-unavailable", STORE_AWAY)

    def _turns(self, turn: int, *, is_lost: bool) -> bool:
        """Whether a use that began in a turn is the first to find the store lost, or reached again."""
        if self._is_lost is is_lost:
            return False
        with self._telling:
            if turn != self._n_turns or self._is_lost is is_lost:
                return False
            self._is_lost, self._n_turns = is_lost, turn + 1
            return True
