"""Who would come to a session: what the people near its venue want, by age, home, interests and what each one did.

The number of people of an age and a neighbourhood at a session is Poisson about a product: how often they want its
category, times what distance, hour and kind leave of that, times the session's own attraction, over what the week's
sessions of the category attract them by together: a logit by neighbourhood and age. `training.forecasters.turnout_fit`
learns it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from features.demand.people import AGE_EDGES, N_AGES, N_BANDS
from features.demand.sessions import SessionBook
from training.forecasters.competition import Rivals
from training.forecasters.session_design import is_free_day

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_TAKEN, _TAKEN_ANYWHERE = 0.5, 0.03
"""A session's draw is divided by so much more for each session of usual attraction that its people can go to; the
latter where no distance is known, so that who could go to all of them may live near few."""

_HOURS_A_PART, _PARTS = 3, 8


@dataclass(frozen=True)
class Scene:
    """Sessions of a book as people see them.

    Attributes:
        book: The sessions, and their people.
        rivals: Which compete.
        hour: (n_sessions,) part of a workday or a free day, for children apart.
        kind: (n_sessions,) the last column: unknown.
        may_come: (n_sessions, N_AGES) 1 where people of the age may.
    """

    book: SessionBook
    rivals: Rivals
    hour: Ints
    kind: Ints
    may_come: Floats

    @classmethod
    def of(cls, book: SessionBook, cut: int = 0) -> Scene:
        """The scene of a book as it was known at origin `cut`."""
        starts = book.starts.astype("datetime64[h]").astype(np.int64) % 24
        children = book.is_for_children.astype(np.int64)
        kind = book.keys["kind"]
        least = np.nan_to_num(book.traits["min_age"], nan=0.0)
        oldest = np.array([*AGE_EDGES, np.inf, np.inf])
        return cls(
            book=book,
            rivals=Rivals.of(book, cut),
            hour=(2 * is_free_day(book) + children) * _PARTS + starts // _HOURS_A_PART,
            kind=np.where(kind < 0, int(kind.max(initial=-1)) + 1, kind),
            may_come=((oldest > least[:, None]) | book.is_for_children[:, None]).astype(np.float64),
        )

    @cached_property
    def n_nests(self) -> int:
        """Categories, for children apart."""
        return int(self.rivals.nest.max(initial=-1)) + 1

    @cached_property
    def has_distances(self) -> bool:
        """Whether it is known how far anybody lives from any place."""
        return bool((self.book.residents.near.data < N_BANDS).any())

    @cached_property
    def is_for_children(self) -> NDArray[np.bool_]:
        """(n_nests,)."""
        found = np.zeros(self.n_nests, dtype=np.bool_)
        found[self.rivals.nest] = self.book.is_for_children
        return found

    @cached_property
    def categories(self) -> Ints:
        """(n_nests,) category of each nest."""
        found = np.zeros(self.n_nests, dtype=np.int64)
        found[self.rivals.nest] = self.book.category
        return found

    def n_pairs(self, rows: Ints) -> int:
        """Neighbourhoods near some sessions, each counted for each."""
        return int(np.diff(self.book.residents.near.indptr)[self.book.place[rows]].sum())

    def pairs(self, rows: Ints) -> Pairs:
        """Neighbourhoods near each of some sessions."""
        near = self.book.residents.near
        place = self.book.place[rows]
        width = np.diff(near.indptr)[place].astype(np.int64)
        first = np.repeat(near.indptr[place] - np.append(0, width.cumsum()[:-1]), width)
        at = first + np.arange(int(width.sum()))
        return Pairs(rows, np.repeat(np.arange(len(rows)), width), near.indices[at], near.data[at].astype(np.int64) - 1)


@dataclass(frozen=True)
class Pairs:
    """A row a session and neighbourhood near it.

    Attributes:
        rows: (n_rows,) sessions of the book.
        session: (n_pairs,) place in `rows`.
        cell: (n_pairs,) neighbourhood.
        band: (n_pairs,) of the distance.
    """

    rows: Ints
    session: Ints
    cell: Ints
    band: Ints


@dataclass(frozen=True)
class Turnout:
    """What was learned of who comes.

    Attributes:
        decay: (N_AGES, N_BANDS) what a distance leaves.
        hours: (N_AGES, n_hours) what an hour leaves.
        kinds: (N_AGES, n_kinds) what a kind leaves.
        wanted: (N_AGES, n_cells, n_nests) bookings that people want together, nothing taking from them.
        usual: Attraction that those who came felt in the mean.
    """

    decay: Floats
    hours: Floats
    kinds: Floats
    wanted: Floats
    usual: float

    def of_age(self, scene: Scene, age: int) -> Floats:
        """(n_sessions,) what hour, kind and age limit leave."""
        return np.asarray(self.hours[age][scene.hour] * self.kinds[age][scene.kind] * scene.may_come[:, age])

    def left(self, scene: Scene, pairs: Pairs, age: int, attraction: Floats) -> Floats:
        """(n_pairs,) share of the people of an age that the week's sessions, all together, leave to each."""
        weight = attraction * self.of_age(scene, age)
        near = scene.book.residents.near
        decay = self.decay[age][near.data.astype(np.int64) - 1]
        reach = sparse.csr_array((decay, near.indices, near.indptr), near.shape)
        offered = (scene.rivals.offered(weight, scene.book.place, near.shape[0]) @ reach).toarray()
        taken = _TAKEN if scene.has_distances else _TAKEN_ANYWHERE
        return 1 / (1 + taken / self.usual * offered[scene.rivals.cell[pairs.rows[pairs.session]], pairs.cell])

    def alone(self, scene: Scene) -> Floats:
        """(n_sessions,) bookings of each, were its attraction 1 and nothing else on: the same at all cuts of a book."""
        return self._expected(scene, None)

    def beside(self, scene: Scene, attraction: Floats) -> Floats:
        """(n_sessions,) bookings of each, were its attraction 1, beside the others of its week.

        Args:
            scene: Sessions.
            attraction: (n_sessions,) of each on all people, over what hour, kind and distance leave.
        """
        return self._expected(scene, attraction)

    def _expected(self, scene: Scene, attraction: Floats | None) -> Floats:
        n_sessions = len(scene.book)
        pairs = scene.pairs(np.arange(n_sessions))
        nest = scene.rivals.nest[pairs.session]
        found = np.zeros(n_sessions)
        for age in range(N_AGES):
            if not self.wanted[age].any():
                continue
            come = self.decay[age][pairs.band] * self.wanted[age][pairs.cell, nest]
            if attraction is not None:
                come *= self.left(scene, pairs, age, attraction)
            found += self.of_age(scene, age) * np.bincount(pairs.session, come, n_sessions)
        return found
