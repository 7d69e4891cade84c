"""The most even whole plans of a reach: branch and price on the programme of `EvenProgramme`."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from recsys.openings.evenness.class_sets import ClassSet
from recsys.openings.evenness.programme import EvenProgramme, TimeUpError

WHOLE = 1e-6

PRICED = 0.3
"""Share of the time that is left after which no more sets are looked for before branching."""

STEP = 0.5
"""Part of what a plan misses by which the reach asked of the programme rises."""

WORTHWHILE = 1e-3
"""Share of the coefficient by which a plan must be more even to be looked for."""


@dataclass(frozen=True)
class Decision:
    """Whether a class is in the plan."""

    category: int
    venue: int
    is_in: bool


@dataclass
class Branching:
    """The search for the most even plan that reaches `reach` people, to be gone on with.

    The best bound is branched on first, then down along classes that are taken in, until that leads no further.

    Attributes:
        programme: Shared with the searches at other reaches.
        reach: People a week by the programme; more once plans turn out to reach less than it says.
        found: Called with each whole plan; by how many people it misses the reach that is wanted.
        bound: Least coefficient of mixtures of the known sets; None before it is known, and where none reaches so many.
    """

    programme: EvenProgramme
    reach: float
    found: Callable[[list[ClassSet]], float]
    bound: float | None = None
    _next: list[tuple[Decision, ...]] = field(default_factory=list)
    _waiting: list[tuple[float, int, tuple[Decision, ...]]] = field(default_factory=list)
    _count: int = 0

    def _start(self, until: float) -> None:
        """Solves the programme at this reach; leaves nothing to look at where no mixture of plans reaches it."""
        self.bound = self.programme.relaxed(self.reach, until)
        if self.bound is not None:
            self._next = [()]

    def go_on(self, below: Callable[[], float], nodes: int, until: float) -> bool:
        """Looks at so many nodes more at most; True once nothing better is left among the known sets.

        Args:
            below: The least coefficient known at this reach: only plans below it are looked for.
            nodes: Programmes solved at most.
            until: Time (`time.monotonic`) after which all that is left waits for the next time.

        Raises:
            FitError: see `EvenProgramme.solve`.
        """
        try:
            if self.bound is None:
                now = time.monotonic()
                self._start(now + PRICED * (until - now))
            return self.bound is None or self._branch(self.bound, below, nodes, until)
        except TimeUpError:
            return False

    def _branch(self, bound: float, below: Callable[[], float], nodes: int, until: float) -> bool:
        """`go_on` once the bound is known."""
        self.programme.at_least(self.reach)
        self.programme.hold_against(bound)
        columns = _Columns.of(self.programme)
        try:
            for _ in range(nodes):
                worth = below() * (1 - WORTHWHILE)
                if not self._next and (not self._waiting or self._waiting[0][0] >= worth):
                    return True
                self._look(self._next.pop() if self._next else heapq.heappop(self._waiting)[2], columns, worth, until)
        finally:
            columns.free(self.programme)
        return False

    def _look(self, decisions: tuple[Decision, ...], columns: _Columns, worth: float, until: float) -> None:
        self.programme.only(*columns.limits(decisions))
        try:
            solved = self.programme.solve(until)
        except TimeUpError:
            self._next.append(decisions)
            raise
        if solved is None or solved[0] >= worth:
            return
        bound, shares = solved
        classes = columns.classes(shares)
        parts = np.minimum(classes, 1 - classes)
        if parts.max(initial=0.0) < WHOLE:
            # Of sets that differ in hours alone the one that counts most.
            used = [self.programme.columns[n] for n in np.argsort(shares) if shares[n] > WHOLE]
            chosen = {one.category: one for one in used}
            self.reach += STEP * max(self.found(list(chosen.values())), 0.0)
            self.programme.at_least(self.reach)
            return
        category, venue = np.unravel_index(int(np.argmax(np.where(parts > WHOLE, classes, -1.0))), classes.shape)
        inside, outside = (Decision(int(category), int(venue), is_in) for is_in in (True, False))
        self._next.append((*decisions, inside))
        self._count += 1
        heapq.heappush(self._waiting, (bound, self._count, (*decisions, outside)))


@dataclass(frozen=True)
class _Columns:
    """The programme's columns: their categories, and (n_columns, n_venues) where they open a class."""

    category: NDArray[np.int64]
    opens: NDArray[np.bool_]
    n_categories: int

    @classmethod
    def of(cls, programme: EvenProgramme) -> _Columns:
        n_categories, n_venues = programme.sets.allowed.shape
        opens = np.zeros((len(programme.columns), n_venues), dtype=bool)
        for n, one in enumerate(programme.columns):
            opens[n, list(one.venues)] = True
        return cls(np.array([one.category for one in programme.columns], dtype=np.int64), opens, n_categories)

    def classes(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_categories, n_venues) part of each class that is open."""
        classes = np.zeros((self.n_categories, self.opens.shape[1]))
        some = np.flatnonzero(shares > WHOLE)
        np.add.at(classes, self.category[some], shares[some, None] * self.opens[some])
        return classes

    def limits(self, decisions: tuple[Decision, ...]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """What decisions leave: most of each column, and the categories that must have a class."""
        most = np.full(len(self.category), np.inf)
        must = np.zeros(self.n_categories, dtype=bool)
        for one in decisions:
            mine = self.category == one.category
            most[mine & (self.opens[:, one.venue] != one.is_in)] = 0.0
            must[one.category] |= one.is_in
        return most, must

    def free(self, programme: EvenProgramme) -> None:
        """Takes every limit back."""
        programme.only(*self.limits(()))
