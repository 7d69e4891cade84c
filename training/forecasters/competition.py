"""What sessions of a week take from each other: who could go to one can go to others nearby."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.panel_sessions import SessionBook, joint_codes
from recsys.availability import ADULT_AGE

_USUAL_WEEKS = 12
_SHARE_WEEKS = 26

_TAKEN = 0.1
"""Of its people whom a session shares, that another of the usual attraction takes. It is not learned: the marginal
likelihood told it in counties of three years, not in those of half a year (docs/decisions/0030-demand-programme.md)."""

_MOST_ATTRACTION = 3.0
"""A session attracts as at most so many usual ones: it is one of a wild crowd that is not known."""

_PRIOR_SESSIONS = 5.0
_CELLS_AT_ONCE = 512


@dataclass(frozen=True)
class Market:
    """Sessions of a category, for children or not, that vie for the same people in one week.

    Attributes:
        nest: (n_sessions,) category, for children or not.
        cell: (n_sessions,) nest and week.
        place: (n_sessions,) row of `overlap`.
        overlap: See `VenuePeople`.
        is_held: (n_sessions,) not cancelled.
        is_recent: (n_sessions,) of the weeks that say what is usual.
        n_weeks: How many these are.
        to_come: (n_cells,) share of a week's sessions that is still to be published.
    """

    nest: NDArray[np.int64]
    cell: NDArray[np.int64]
    place: NDArray[np.int64]
    overlap: sparse.csr_array
    is_held: NDArray[np.bool_]
    is_recent: NDArray[np.bool_]
    n_weeks: float
    to_come: NDArray[np.float64]

    @classmethod
    def of(cls, book: SessionBook) -> Market:
        """The market of a session book."""
        nest = joint_codes(book.category, (book.traits["max_age"] < ADULT_AGE).astype(np.int64))
        cell = joint_codes(nest, book.week - book.week.min(initial=0))
        to_come = np.zeros(int(cell.max(initial=-1)) + 1)
        to_come[cell] = _to_come(book)
        return cls(
            nest=nest,
            cell=cell,
            place=book.place,
            overlap=book.near.overlap,
            is_held=~book.is_cancelled,
            is_recent=~book.is_cancelled & _is_recent(book),
            n_weeks=_n_usual_weeks(book),
            to_come=to_come,
        )

    def left_by_others(self, attraction: NDArray[np.float64], begun: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_sessions,) logarithm of what others leave of each session's people, 0 in the mean of past ones.

        Whoever wants the category chooses among its sessions of the week within reach, each by its attraction: a logit
        whose other choices are a sum over the people of the venue.

        Args:
            attraction: (n_sessions,) places that each would draw, none of the others being there.
            begun: Rows of past sessions.
        """
        usual = self._usual(attraction, begun)
        attraction = np.where(self.is_held, np.minimum(attraction, _MOST_ATTRACTION * usual / self._own_overlap), 0.0)
        others = np.maximum(self._around(attraction) - attraction * self._own_overlap, 0.0)
        log = -np.log1p(_TAKEN * others / usual)
        return np.asarray(log - log[begun].mean())

    def _usual(self, attraction: NDArray[np.float64], begun: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n_sessions,) attraction, on its own people, of a usual session of the nest; drawn to that of all."""
        on_own = (attraction * self._own_overlap)[begun]
        n_nests = int(self.nest.max(initial=-1)) + 1
        sums, counts = (np.bincount(self.nest[begun], weights=what, minlength=n_nests) for what in (on_own, None))
        return np.asarray((sums + _PRIOR_SESSIONS * on_own.mean()) / (counts + _PRIOR_SESSIONS))[self.nest]

    def _around(self, attraction: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n_sessions,) attraction of all sessions of the cell on the people of each one's venue."""
        n_cells, n_places = len(self.to_come), self.overlap.shape[0]
        recent = np.flatnonzero(self.is_recent)
        nest_of_cell = np.zeros(n_cells, dtype=np.int64)
        nest_of_cell[self.cell] = self.nest
        shape = (int(self.nest.max(initial=-1)) + 1, n_places)
        a_week = sparse.csr_array(
            (attraction[recent] / self.n_weeks, (self.nest[recent], self.place[recent])), shape=shape
        )
        held = sparse.csr_array((attraction, (self.cell, self.place)), shape=(n_cells, n_places))
        offered = held + sparse.diags_array(self.to_come) @ a_week[nest_of_cell]
        found = np.zeros(len(attraction))
        order = np.argsort(self.cell, kind="stable")
        for first in range(0, n_cells, _CELLS_AT_ONCE):
            start, end = np.searchsorted(self.cell[order], (first, first + _CELLS_AT_ONCE))
            rows = order[start:end]
            block = (offered[first : first + _CELLS_AT_ONCE] @ self.overlap).toarray()
            found[rows] = block[self.cell[rows] - first, self.place[rows]]
        return found

    @cached_property
    def _own_overlap(self) -> NDArray[np.float64]:
        """(n_sessions,) of its venue with itself; a venue that nobody is near shares nobody."""
        return np.maximum(self.overlap.diagonal()[self.place], 1e-9)


def rival_counts(book: SessionBook) -> list[NDArray[np.float64]]:
    """(n_sessions, 1) log of the sessions of a week that are of the category, its audience and its venue."""
    week = book.week - book.week.min(initial=0)
    chain = [
        book.category,
        joint_codes(book.category, book.keys["audience"]),
        joint_codes(book.category, book.keys["venue"]),
    ]
    logs = [np.log(_expected_sessions(book, codes, week))[:, None] for codes in chain]
    return [one - one.mean() if len(one) else one for one in logs]


def _expected_sessions(book: SessionBook, codes: NDArray[np.int64], week: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_sessions,) sessions of its code in its week, at least 1; for weeks ahead with those still to be published."""
    cell = joint_codes(codes, week)
    held = (~book.is_cancelled).astype(float)
    counts = np.bincount(np.maximum(cell, 0), weights=held * (cell >= 0), minlength=1)[np.maximum(cell, 0)]
    recent = held * (_is_recent(book) & (codes >= 0))
    usual = np.bincount(np.maximum(codes, 0), weights=recent, minlength=1)[np.maximum(codes, 0)] / _n_usual_weeks(book)
    return np.where(cell >= 0, np.maximum(counts + usual * _to_come(book), 1.0), 1.0)


def _is_recent(book: SessionBook) -> NDArray[np.bool_]:
    return np.asarray((book.week < 0) & (book.week >= -_USUAL_WEEKS))


def _n_usual_weeks(book: SessionBook) -> float:
    return float(np.clip(-book.week.min(initial=-1), 1, _USUAL_WEEKS))


def _to_come(book: SessionBook) -> NDArray[np.float64]:
    """(n_sessions,) share of each one's week that is still to be published: not known so long before, lately."""
    lately = (book.week < 0) & (book.week >= -_SHARE_WEEKS)
    if not lately.any():
        return np.zeros(len(book))
    known_for = book.known_age[lately] + book.week[lately]
    shares = np.array([float((known_for < ahead).mean()) for ahead in range(int(max(book.week.max(), 0)) + 1)])
    return np.where(book.week >= 0, shares[np.maximum(book.week, 0)], 0.0)
