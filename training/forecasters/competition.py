"""What sessions of a week take from each other: who could go to one can go to others nearby."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.demand.sessions import SessionBook, joint_codes

_USUAL_WEEKS = 12
_SHARE_WEEKS = 26


@dataclass(frozen=True)
class Rivals:
    """Sessions of a category, for children or not, that vie for the same people in one week.

    Attributes:
        nest: (n_sessions,) category, for children or not.
        cell: (n_sessions,) nest and week.
        nest_of_cell: (n_cells,).
        is_held: (n_sessions,) known, and not cancelled.
        is_recent: (n_sessions,) of the weeks that say what is usual.
        n_weeks: How many these are.
        to_come: (n_cells,) share of a week's sessions that is still to be published.
    """

    nest: NDArray[np.int64]
    cell: NDArray[np.int64]
    nest_of_cell: NDArray[np.int64]
    is_held: NDArray[np.bool_]
    is_recent: NDArray[np.bool_]
    n_weeks: float
    to_come: NDArray[np.float64]

    @classmethod
    def of(cls, book: SessionBook, cut: int = 0) -> Rivals:
        """The rivals of a session book, as they were known at origin `cut`."""
        nest = joint_codes(book.category, book.is_for_children.astype(np.int64))
        cell = joint_codes(nest, book.week - book.week.min(initial=0))
        n_cells = int(cell.max(initial=-1)) + 1
        to_come, nest_of_cell = np.zeros(n_cells), np.zeros(n_cells, dtype=np.int64)
        to_come[cell], nest_of_cell[cell] = _to_come(book, cut), nest
        return cls(
            nest=nest,
            cell=cell,
            nest_of_cell=nest_of_cell,
            is_held=_is_held(book, cut),
            is_recent=_is_held(book, cut) & _is_recent(book, cut),
            n_weeks=_n_usual_weeks(book, cut),
            to_come=to_come,
        )

    def offered(self, attraction: NDArray[np.float64], place: NDArray[np.int64], n_places: int) -> sparse.csr_array:
        """(n_cells, n_places) attraction of the sessions of a cell at each place, with those still to be published.

        Args:
            attraction: (n_sessions,) of each.
            place: (n_sessions,) where each is.
            n_places: How many there are.
        """
        held, recent = np.flatnonzero(self.is_held), np.flatnonzero(self.is_recent)
        n_nests = int(self.nest.max(initial=-1)) + 1
        of_cells = sparse.csr_array(
            (attraction[held], (self.cell[held], place[held])), shape=(len(self.to_come), n_places)
        )
        a_week = sparse.csr_array(
            (attraction[recent] / self.n_weeks, (self.nest[recent], place[recent])), shape=(n_nests, n_places)
        )
        return sparse.csr_array(of_cells + sparse.diags_array(self.to_come) @ a_week[self.nest_of_cell])


def rival_counts(book: SessionBook, cut: int = 0) -> list[NDArray[np.float64]]:
    """(n_sessions, 1) log of the sessions of a week that are of the category, its audience and its venue.

    Those that were known at origin `cut`, and for weeks ahead of it those that were still to be published by what was
    usual then.
    """
    week = book.week - book.week.min(initial=0)
    chain = [
        book.category,
        joint_codes(book.category, book.keys["audience"]),
        joint_codes(book.category, book.keys["venue"]),
    ]
    logs = [np.log(_expected_sessions(book, codes, week, cut))[:, None] for codes in chain]
    known = book.known_by(cut)
    return [one - one[known].mean() if known.any() else one for one in logs]


def crowding(
    book: SessionBook, session: NDArray[np.int64], origin: NDArray[np.int64], n_origins: int
) -> list[NDArray[np.float64]]:
    """Sessions known by an origin that compete in the week: in all, of the category, and of the category in the region.

    Args:
        book: Sessions.
        session: (n_rows,) which of them.
        origin: (n_rows,) weeks back that each is looked at from.
        n_origins: How many origins there are.
    """
    week = book.week - book.week.min(initial=0)
    chain = (week, joint_codes(book.category, week), joint_codes(joint_codes(book.bottom, book.category), week))
    return [_held(book, codes, n_origins)[codes[session], origin] for codes in chain]


def _expected_sessions(
    book: SessionBook, codes: NDArray[np.int64], week: NDArray[np.int64], cut: int
) -> NDArray[np.float64]:
    """(n_sessions,) sessions of its code in its week, at least 1; for weeks ahead with those still to be published."""
    cell = joint_codes(codes, week)
    held = _is_held(book, cut).astype(float)
    counts = np.bincount(np.maximum(cell, 0), weights=held * (cell >= 0), minlength=1)[np.maximum(cell, 0)]
    recent = held * (_is_recent(book, cut) & (codes >= 0))
    lately = np.bincount(np.maximum(codes, 0), weights=recent, minlength=1)[np.maximum(codes, 0)]
    usual = lately / _n_usual_weeks(book, cut)
    return np.where(cell >= 0, np.maximum(counts + usual * _to_come(book, cut), 1.0), 1.0)


def _is_held(book: SessionBook, cut: int) -> NDArray[np.bool_]:
    return np.asarray(book.known_by(cut) & ~book.cancelled_by(cut))


def _is_recent(book: SessionBook, cut: int) -> NDArray[np.bool_]:
    week = book.week + cut
    return np.asarray((week < 0) & (week >= -_USUAL_WEEKS))


def _n_usual_weeks(book: SessionBook, cut: int) -> float:
    return float(np.clip(-book.week.min(initial=-1) - cut, 1, _USUAL_WEEKS))


def _to_come(book: SessionBook, cut: int) -> NDArray[np.float64]:
    """(n_sessions,) share of each one's week that is still to be published: not known so long before, lately."""
    week = book.week + cut
    lately = (week < 0) & (week >= -_SHARE_WEEKS) & book.known_by(cut)
    if not lately.any():
        return np.zeros(len(book))
    known_for = book.known_age[lately] + book.week[lately]
    shares = np.array([float((known_for < ahead).mean()) for ahead in range(int(max(week.max(), 0)) + 1)])
    return np.where(week >= 0, shares[np.maximum(week, 0)], 0.0)


def _held(book: SessionBook, codes: NDArray[np.int64], n_origins: int) -> NDArray[np.float64]:
    """(n_codes, n_origins) sessions of a code that were known by each origin and not cancelled."""
    return _until(codes, book.known_age, n_origins) - _until(
        codes, np.minimum(book.known_age, book.cancelled_age), n_origins
    )


def _until(codes: NDArray[np.int64], ages: NDArray[np.float64], n_origins: int) -> NDArray[np.float64]:
    """(n_codes, n_origins) rows of a code whose age is that of the origin or more."""
    n_codes, oldest = int(codes.max(initial=-1)) + 1, np.floor(np.clip(ages, -1, n_origins - 1)).astype(np.int64)
    inside = oldest >= 0
    counts = np.bincount(codes[inside] * n_origins + oldest[inside], minlength=n_codes * n_origins)
    return np.asarray(counts.reshape(n_codes, n_origins)[:, ::-1].cumsum(axis=1)[:, ::-1], dtype=np.float64)
