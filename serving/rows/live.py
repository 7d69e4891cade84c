"""Rows as they are now: a picture of the whole store in memory, and what must be newer than the picture."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pandas as pd

from features.signals.catalogue import catalogue_of
from features.store.lists import forget_shown, operator_rules, shown_counts
from features.store.store import Store
from recsys.open_sessions import places_taken
from recsys.regions import RegionTree
from serving.candidates import Checked, check
from serving.memory import give_back
from serving.parts import BundleParts
from serving.problems import ProblemError
from serving.rows.opened import OpenedStore
from serving.rows.picture import Offer, Picture, organisers_shown
from serving.rows.queries import FAR, read_all, read_lacking, read_sessions

_log = logging.getLogger("serving")

RENEW_AFTER_S = 30.0
"""Candidates are made again after so long even if nothing was written: what opens for booking comes in."""

AWAY_S = 2.0
"""A store that is away is looked for so often."""

TOO_OLD_S = 300.0
"""A request makes candidates itself rather than use older ones."""

SHOWN_DAYS = 28
"""Whoever was shown little within so many days is given chances."""

CHEAP_CPU_S = 1.0
"""A request waits for candidates that hold all that can be booked, and what this process wrote last, if they take no
longer to make."""


class LiveData(OpenedStore):
    """Follows the store: makes pictures and candidates again beside the traffic whenever it has changed."""

    def __init__(
        self, open_store: Callable[[], Store], clock: Callable[[], pd.Timestamp], interval_s: float = 0.5
    ) -> None:
        super().__init__(open_store)
        self._clock = clock
        self._interval_s = interval_s
        self._picture: Picture | None = None
        self._read_at = 0.0
        self._offer: Offer | None = None
        self._offer_cpu_s = 0.0
        self._checked: tuple[int, Offer, Checked] | None = None
        self._whole_at, self._never_offered = -1, frozenset[str]()
        self._n_written, self._n_held, self._n_made = 0, 0, 0
        self._forgot_on: date | None = None
        self._reading, self._making, self._counting = (threading.Lock() for _ in range(3))
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Opens the store if it can be reached and begins to follow it."""
        with suppress(ProblemError):
            self.offer()
        self._thread = threading.Thread(target=self._follow, name="live-data", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends following and closes the store."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        self.close()

    def has_written(self) -> None:
        """This process has changed what can be offered: its next list waits for it, unless that takes too long."""
        with self._counting:
            self._n_written += 1

    def picture(self, fresh: bool = False) -> Picture:
        """The picture.

        Args:
            fresh: As new as the store when asked for; else one that may lack the last seconds' rows.

        Raises:
            ProblemError: there is none yet and the store cannot be reached.
        """
        asked_at, held = time.monotonic(), self._picture
        if held is not None and not (fresh and self.version() != held.version):
            return held
        with self._reading:
            held = self._picture
            # All who have waited share what was read since they asked: each its own would be many times all rows.
            if held is None or (self._read_at < asked_at and self.version() != held.version):
                read_at = time.monotonic()
                version, dataset = self.using(read_all)
                held = self._picture = Picture(version, dataset)
                self._read_at = read_at
            return held

    def offer(self, fresh: bool = False) -> Offer:
        """Candidates: some seconds old at most, or made now if there are none or they are too old.

        Args:
            fresh: As new as the store.

        Raises:
            ProblemError: there are none yet and the store cannot be reached.
        """
        held = self._offer
        if (
            held is None
            or self._age_s(held) > TOO_OLD_S
            or (not self._holds_writes() and self._offer_cpu_s < CHEAP_CPU_S)
        ):
            return self._renew()
        if fresh and (version := self.version()) != held.picture.version:
            return self._renew(version)
        return held

    def on_offer(self) -> tuple[Offer, Checked]:
        """Candidates, and their rows as they are now.

        Whoever wrote it, another process too: what has become bookable since they were made is among them, unless it
        takes too long to make them again.

        Raises:
            ProblemError: the store cannot be reached.
        """
        offer, version = self.offer(), self.version()
        if self._offer_cpu_s < CHEAP_CPU_S and version not in (offer.picture.version, self._whole_at):
            ids = offer.catalogue.sessions.session_ids.tolist()
            lacking = self.using(lambda store: read_lacking(store, ids, self._clock())) - self._never_offered
            if lacking:
                offer = self._renew(self.version())
                # Once is enough for what only the store takes for bookable.
                self._never_offered = frozenset(lacking - set(offer.catalogue.sessions.session_ids.tolist()))
            self._whole_at = version
        return offer, self.checked(offer, version)

    def checked(self, offer: Offer, version: int | None = None) -> Checked:
        """Candidates as their rows are now, with the rules of now; read once for each version of the store.

        Args:
            offer: Candidates.
            version: Of the store, if it was just asked for.

        Raises:
            ProblemError: the store cannot be reached.
        """
        version = self.version() if version is None else version
        held = self._checked
        if held is not None and held[0] == version and held[1] is offer:
            return held[2]
        rows = self.using(lambda store: read_sessions(store, offer.catalogue.sessions.session_ids.tolist()))
        checked = check(offer.catalogue, rows, self.using(operator_rules))
        self._checked = (version, offer, checked)
        return checked

    def tree(self, parts: BundleParts | None = None) -> RegionTree:
        """The regions: the store's, or the bundle's while the store cannot be reached."""
        try:
            return self.picture().tree
        except ProblemError:
            if parts is None or parts.openings is None:
                raise
            return parts.openings.tree

    def region_names(self, parts: BundleParts | None = None) -> dict[str, str]:
        """Names of regions by id."""
        tree = self.tree(parts)
        return dict(zip(tree.ids.ids.tolist(), [str(n) for n in tree.names], strict=True))

    def regions_under(self, parts: BundleParts | None, region_id: str) -> set[str]:
        """Ids of a region and of all under it.

        Raises:
            UnknownIdError: there is no such region.
        """
        tree = self.tree(parts)
        return set(tree.ids.ids[tree.under(int(tree.ids.nums([region_id])[0]))].tolist())

    def _age_s(self, offer: Offer) -> float:
        return abs(float((self._clock() - offer.catalogue.at).total_seconds()))

    def _renew(self, version: int = 0) -> Offer:
        """Candidates made anew, or those that another has made meanwhile of a store of that version or a later one."""
        asked = self._offer
        with self._making:
            made = self._offer
            if made is not None and made is not asked and self._holds_writes() and made.picture.version >= version:
                return made
            began = time.thread_time()
            n_written = self._n_written
            picture = self.picture(fresh=True)
            self._offer = self._made(picture, self._clock())
            # Of the candidates before nothing is to be kept: they, and their picture, are as large as these.
            self._checked = None
            self._offer_cpu_s = time.thread_time() - began
            self._n_held = n_written
            self._n_made += 1
            return self._offer

    def _is_outdated(self) -> bool:
        held = self._offer
        return held is None or self.version() != held.picture.version or self._age_s(held) > RENEW_AFTER_S

    def _holds_writes(self) -> bool:
        """Whether the candidates were made after the last write of this process."""
        return self._n_held == self._n_written

    def _forget(self) -> None:
        """Once a day, what lists showed long ago."""
        now = self._clock()
        if self._forgot_on != now.date():
            self.using(lambda store: forget_shown(store, now))
            self._forgot_on = now.date()

    def _made(self, picture: Picture, at: pd.Timestamp) -> Offer:
        shown = self.using(lambda store: shown_counts(store, at - pd.Timedelta(days=SHOWN_DAYS), FAR))
        # What is stored has happened, as for the rows of now: a cancelled booking without `status_at` takes no place.
        catalogue = catalogue_of(picture.dataset, at, taken=places_taken(picture.dataset.bookings))
        n_shown = organisers_shown(catalogue.lookup, shown)
        return Offer(picture, catalogue, n_shown)

    def _follow(self) -> None:
        wait_s, n_given_back = self._interval_s, 0
        while not self._ended.wait(wait_s):
            began, rest_s = time.thread_time(), self._interval_s
            try:
                if self._is_outdated():
                    self._renew()
                if n_given_back != self._n_made:
                    n_given_back = self._n_made
                    give_back()
                self._forget()
            except ProblemError:
                self.reopen()
                rest_s = AWAY_S
            except Exception:
                # Requests make candidates themselves once these are too old; nobody else would tell of it.
                _log.exception("candidates could not be made")
                rest_s = RENEW_AFTER_S
            # A store that is written to without pause may take a quarter of a core, not a whole one.
            wait_s = max(rest_s, 3 * (time.thread_time() - began))
