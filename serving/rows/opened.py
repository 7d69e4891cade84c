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
    """A store that is opened once, by whoever needs it first."""

    def __init__(self, open_store: Callable[[], Store]) -> None:
        self._open_store = open_store
        self._store: Store | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        """Closes the store if it was opened."""
        if self._store is not None:
            self._store.close()

    def store(self) -> Store:
        """The store.

        Raises:
            ProblemError: it cannot be reached.
        """
        with self._opening:
            if self._store is None:
                try:
                    self._store = self._open_store()
                except UNREACHABLE as error:
                    raise unreachable(error) from error
            return self._store

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
        try:
            return use(self.store())
        except UNREACHABLE as error:
            raise unreachable(error) from error


def unreachable(error: Exception) -> ProblemError:
    """The problem that a failed store makes; rows that break a rule are the caller's fault and raised as they are."""
    if isinstance(error, DataError | UnknownIdError):
        raise error
    _log.error("the store failed: %s", error)
    return ProblemError(503, "store-unavailable", STORE_AWAY)
