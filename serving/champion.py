"""The bundle that serves: taken up when the champion changes, refused when it is damaged, tried again later."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from recsys.bundle import ModelBundle
from recsys.errors import BundleError, RecsysError
from recsys.releases import bundles_folder, champion_name, load_champion

_log = logging.getLogger("serving")

UNREADABLE = (RecsysError, OSError, ValueError, KeyError, TypeError, AttributeError)
"""What a bundle raises that cannot serve: one of another version may lack a part, a column or a setting."""

FIRST_RETRY_S = 2.0
"""A champion that was refused is tried again after so long: a full memory, a file half copied are passing."""

LONGEST_RETRY_S = 300.0
"""Twice as long each time, but no longer than this: to look whether every byte is there takes a core for a while."""

Parts = TypeVar("Parts")
PartsOut = TypeVar("PartsOut", covariant=True)


@dataclass(frozen=True)
class BundleState:
    """What is known of the bundle at one moment.

    Attributes:
        name: The bundle that serves, None while there is none.
        refused: Why the bundle that the champion points at does not serve, None when it does.
    """

    name: str | None
    refused: str | None


class Provider(Protocol[PartsOut]):
    """Hands the parts of the serving bundle to requests."""

    def current(self) -> PartsOut | None:
        """Parts of the bundle that serves now; a request keeps what it got until it has answered."""

    def state(self) -> BundleState:
        """Which bundle serves, and what stands against a newer one."""

    def start(self) -> None:
        """Begins to look for bundles."""

    def stop(self) -> None:
        """Ends it."""


class ChampionWatcher(Generic[Parts]):
    """Follows the champion of a home folder: loads and checks beside the traffic, then swaps in one step."""

    def __init__(self, home: Path, open_parts: Callable[[ModelBundle], Parts], interval_s: float = 1.0) -> None:
        self._home = home
        self._open_parts = open_parts
        self._interval_s = interval_s
        self._held: tuple[Parts | None, BundleState] = (None, BundleState(None, None))
        self._seen: tuple[str | None, float] | None = None
        self._retry_s, self._retry_at = FIRST_RETRY_S, math.inf
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> Parts | None:
        """Parts of the bundle that serves."""
        return self._held[0]

    def state(self) -> BundleState:
        """Which bundle serves, and why a newer one does not."""
        return self._held[1]

    def start(self) -> None:
        """Loads what there is, then looks again every interval until `stop`."""
        self.look()
        self._ended.clear()
        self._thread = threading.Thread(target=self._watch, name="champion", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Takes up the champion if it changed since the last look, by name or manifest, or is to be tried again."""
        name = self._pointer()
        seen = (name, self._manifest_time(name))
        if seen == self._seen and time.monotonic() < self._retry_at:
            return
        self._retry_s = FIRST_RETRY_S if seen != self._seen else min(2 * self._retry_s, LONGEST_RETRY_S)
        self._seen, self._retry_at = seen, math.inf
        if name is None:
            if self._held[0] is not None:
                self._refuse(BundleError("no bundle is named as champion any more; train again or restore the pointer"))
            return
        try:
            bundle = load_champion(self._home)
            if bundle is None:
                return
            parts = self._open_parts(bundle)
        except Exception as error:
            # Whatever it is: nobody else would follow the champion if this thread ended.
            self._refuse(error, name)
            self._retry_at = time.monotonic() + self._retry_s
            return
        self._held = (parts, BundleState(bundle.name, None))
        _log.info("bundle %s serves", bundle.name)

    def _refuse(self, error: Exception, name: str = "") -> None:
        reason = str(error)
        if isinstance(error, OSError | MemoryError):
            reason = f"bundle {name} cannot be read now ({type(error).__name__}: {error}); it is tried again"
        elif not isinstance(error, BundleError):
            reason = f"bundle {name} is not of this version ({type(error).__name__}: {error}); train again"
        serving, told = self._held[1].name, self._held[1].refused
        self._held = (self._held[0], BundleState(serving, reason))
        if reason != told:
            unknown = None if isinstance(error, UNREADABLE) else error
            _log.error("%s; %s keeps serving", reason, serving or "nothing", exc_info=unknown)

    def _pointer(self) -> str | None:
        try:
            return champion_name(self._home)
        except (OSError, UnicodeDecodeError):
            return None

    def _manifest_time(self, name: str | None) -> float:
        if name is None:
            return 0.0
        try:
            return (bundles_folder(self._home) / name / "manifest.json").stat().st_mtime
        except OSError:
            return 0.0

    def _watch(self) -> None:
        while not self._ended.wait(self._interval_s):
            self.look()
