"""Rows as they are now: one picture of the whole store in memory, and what must be newer than the picture."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd
from scipy import sparse
from sqlalchemy.exc import SQLAlchemyError

from features.signals.catalogue import Catalogue, catalogue_of
from features.store import Store
from recsys.dataset import Dataset
from recsys.errors import DataError, RecsysError, UnknownIdError
from recsys.regions import RegionTree
from serving.candidates import Checked, check
from serving.live_queries import read_all, read_sessions
from serving.parts import BundleParts
from serving.problems import ProblemError
from serving.similarity import similarity_rows
from serving.visits import Activity, activity_of

_log = logging.getLogger("serving")

_P = TypeVar("_P")
_T = TypeVar("_T")

UNREACHABLE = (RecsysError, SQLAlchemyError, OSError)
"""What a store that cannot be reached raises."""

CATALOGUE_MAX_AGE_S = 60.0
"""A catalogue is made again after so long even if nothing was written: what has started leaves, what opens comes in."""


@dataclass
class Picture:
    """The store at one version; what is derived from it is made once, when first asked for.

    Attributes:
        version: The store's version.
        dataset: All rows.
        sessions: Its sessions by id.
        activities: Its activities by id.
        venues: Its venues by id.
    """

    version: int
    dataset: Dataset
    sessions: pd.DataFrame = field(init=False, repr=False)
    activities: pd.DataFrame = field(init=False, repr=False)
    venues: pd.DataFrame = field(init=False, repr=False)
    _activity: Activity | None = field(default=None, repr=False)
    _catalogue: Catalogue | None = field(default=None, repr=False)
    _similarity: sparse.csr_array | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self.sessions = self.dataset.sessions.set_index("session_id", drop=False)
        self.activities = self.dataset.activities.set_index("activity_id", drop=False)
        self.venues = self.dataset.venues.set_index("venue_id", drop=False)

    def activity(self) -> Activity:
        """Visits and sessions joined, for planners' questions."""
        with self._lock:
            if self._activity is None:
                self._activity = activity_of(self.dataset)
            return self._activity

    def region_name(self, region_id: str) -> str:
        """Name of a region."""
        tree = self.activity().tree
        return str(tree.names[int(tree.ids.nums([region_id])[0])])

    def similarity(self) -> sparse.csr_array:
        """Rows of activities for comparing them, see `similarity_rows`."""
        activity = self.activity()
        with self._lock:
            if self._similarity is None:
                self._similarity = similarity_rows(self.dataset, activity.tree)
            return self._similarity

    def catalogue(self, now: pd.Timestamp) -> Catalogue:
        """What can be ranked, not older than `CATALOGUE_MAX_AGE_S`."""
        with self._lock:
            made = self._catalogue
            if made is None or abs((now - made.at).total_seconds()) > CATALOGUE_MAX_AGE_S:
                made = self._catalogue = catalogue_of(self.dataset, now)
            return made


class LiveData:
    """Keeps a picture of the store, made again beside the traffic whenever the store has changed."""

    def __init__(
        self, open_store: Callable[[], Store], clock: Callable[[], pd.Timestamp], interval_s: float = 0.5
    ) -> None:
        self._open_store = open_store
        self._clock = clock
        self._interval_s = interval_s
        self._store: Store | None = None
        self._picture: Picture | None = None
        self._opening = threading.Lock()
        self._reading = threading.Lock()
        self._checked: tuple[int, Catalogue, Checked] | None = None
        self._must_read = False
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Opens the store if it can be reached and begins to follow it."""
        try:
            self.picture()
        except ProblemError as problem:
            _log.error("%s", problem.detail)
        self._thread = threading.Thread(target=self._follow, name="live-data", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends following and closes the store."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
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

    def problem(self) -> str | None:
        """Why the store cannot be read, None if it can."""
        try:
            self.version()
        except ProblemError as problem:
            return problem.detail
        return None

    def version(self) -> int:
        """Version of the store: another number after any write."""
        try:
            return self.store().version()
        except UNREACHABLE as error:
            raise unreachable(error) from error

    def reading(self, read: Callable[[Store, _P], _T], argument: _P) -> _T:
        """What `read` finds in the store.

        Raises:
            ProblemError: the store cannot be reached.
        """
        try:
            return read(self.store(), argument)
        except UNREACHABLE as error:
            raise unreachable(error) from error

    def checked(self, catalogue: Catalogue) -> Checked:
        """The catalogue's candidates as their rows are now; read once for each version of the store."""
        version = self.version()
        held = self._checked
        if held is not None and held[0] == version and held[1] is catalogue:
            return held[2]
        rows = self.reading(read_sessions, catalogue.sessions.session_ids.tolist())
        checked = check(catalogue.sessions, rows)
        self._checked = (version, catalogue, checked)
        return checked

    def must_read(self) -> None:
        """A write of this process changed what pictures show: the next question waits for a new one."""
        self._must_read = True

    def picture(self, fresh: bool = False) -> Picture:
        """The picture.

        Args:
            fresh: Not older than the store is now; else one that may lack the last second's rows.

        Raises:
            ProblemError: there is none yet and the store cannot be reached.
        """
        held = self._picture
        if held is not None and not self._must_read and not (fresh and self.version() != held.version):
            return held
        return self._read()

    def region_names(self, parts: BundleParts | None = None) -> dict[str, str]:
        """Names of regions by id: the store's, or the bundle's while the store cannot be reached."""
        tree = self.tree(parts)
        return dict(zip(tree.ids.ids.tolist(), [str(n) for n in tree.names], strict=True))

    def regions_under(self, parts: BundleParts | None, region_id: str) -> set[str]:
        """Ids of a region and of all under it.

        Raises:
            UnknownIdError: there is no such region.
        """
        tree = self.tree(parts)
        return set(tree.ids.ids[tree.under(int(tree.ids.nums([region_id])[0]))].tolist())

    def tree(self, parts: BundleParts | None = None) -> RegionTree:
        """The regions."""
        try:
            return self.picture().activity().tree
        except ProblemError:
            if parts is None or parts.openings is None:
                raise
            return parts.openings.tree

    def _read(self) -> Picture:
        with self._reading:
            store = self.store()
            try:
                self._must_read = False
                if self._picture is not None and self._picture.version == store.version():
                    return self._picture
                version, dataset = read_all(store)
            except UNREACHABLE as error:
                self._must_read = True
                raise unreachable(error) from error
            self._picture = Picture(version, dataset)
            return self._picture

    def _follow(self) -> None:
        wait_s = self._interval_s
        while not self._ended.wait(wait_s):
            began = time.perf_counter()
            try:
                picture = self.picture(fresh=True)
                picture.catalogue(self._clock())
            except ProblemError:
                wait_s = max(self._interval_s, 2.0)
                continue
            # A store that is written to without pause may take a quarter of a core, not a whole one.
            wait_s = max(self._interval_s, 3 * (time.perf_counter() - began))


def unreachable(error: Exception) -> ProblemError:
    """The problem that a failed store makes: rows that break a rule are the caller's, anything else is the store's."""
    if isinstance(error, DataError | UnknownIdError):
        raise error
    _log.error("the store failed: %s", error)
    return ProblemError(
        503, "store-unavailable", "the store of live rows cannot be reached; check the database and try again"
    )
