"""Learning who comes to sessions, from who came.

Factors are gamma-shrunk in turn, each beside all others as they are (iterative proportional fitting; Deming & Stephan
1940, Annals of Mathematical Statistics 11(4)). A session has a factor of its own, so that who came tells
of people, not how many: that is left to `training.forecasters.effects_fit`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from features.demand.people import N_AGES, N_BANDS, N_STANCES
from recsys.shrinkage import shrunk, shrunk_by_group
from recsys.sums import pair_counts, row_sums
from training.forecasters.turnout import Floats, Scene, Turnout
from training.forecasters.turnout_seen import Seen, seen_by

_SWEEPS = 6
_AGE_STRENGTH, _TOWNSHIP_STRENGTH, _STANCE_STRENGTH = 20.0, 5.0, 10.0
_OWN_STRENGTH, _SESSION_STRENGTH, _ALL_STRENGTH = 1.0, 2.0, 3.0
"""Expected bookings that weigh as much as an effect being that of all ages, of everybody, or none."""

_FIRST_DECAY = 0.25

Shares = list[NDArray[np.float32]]
"""By age, (n_pairs,) see `Turnout.left`."""


@dataclass(frozen=True)
class _Wants:
    """How often people want each nest, as factors.

    Attributes:
        rate: (N_AGES, n_nests) of an age.
        of_township: (n_townships, n_nests).
        of_stance: (n_stances,).
        active: (n_people,) of the person, in all.
        own: (n_people, n_nests) of the person.
    """

    rate: Floats
    of_township: Floats
    of_stance: Floats
    active: Floats
    own: Floats

    def of_groups(self, seen: Seen) -> Floats:
        """(n_people, n_nests) by what people are, not by what they did."""
        people = seen.scene.book.residents
        return self.rate[people.age] * self.of_township[people.township] * self.of_stance[seen.stance]

    def of_people(self, seen: Seen) -> Floats:
        """(n_people, n_nests), 0 for who was not known."""
        return self.of_groups(seen) * self.own * (self.active * seen.is_known)[:, None]


def fit_turnout(scene: Scene, cut: int) -> Turnout:
    """Learned from sessions that had begun `cut` weeks back, and from the people and looks known by then."""
    seen = seen_by(scene, cut)
    n_people, n_nests = seen.booked.shape
    n_townships = int(scene.book.residents.township.max(initial=0)) + 1
    wants = _Wants(
        rate=np.ones((N_AGES, n_nests)),
        of_township=np.ones((n_townships, n_nests)),
        of_stance=np.ones(2 * N_STANCES),
        active=np.ones(n_people),
        own=np.ones((n_people, n_nests)),
    )
    found = Turnout(
        decay=np.tile(np.exp(-_FIRST_DECAY * np.arange(N_BANDS)), (N_AGES, 1)),
        hours=np.ones((N_AGES, int(scene.hour.max(initial=0)) + 1)),
        kinds=np.ones((N_AGES, int(scene.kind.max(initial=0)) + 1)),
        wanted=np.zeros((N_AGES, scene.book.residents.n_cells, n_nests)),
        usual=1.0,
    )
    attraction = np.ones(len(seen.taken))
    for turn in range(_SWEEPS):
        found = replace(found, usual=_felt(seen, found, attraction))
        shares = _shares(seen, found, attraction)
        exposure = _exposure(seen, found, attraction, shares)
        if turn == 0:
            wants = replace(wants, rate=wants.rate * _ratio(seen.taken.sum(), (exposure * wants.of_people(seen)).sum()))
        wants = _next_wants(seen, wants, exposure)
        found = replace(found, wanted=_wanted(seen, wants.of_people(seen)))
        found, attraction, level = _next_circumstances(seen, found, attraction, shares)
        wants = replace(wants, rate=wants.rate * level)
    return found


def _felt(seen: Seen, found: Turnout, attraction: Floats) -> float:
    """Attraction that those who came felt in the mean."""
    if not len(seen.session):
        return 1.0
    age = seen.scene.book.residents.age[seen.person]
    near = found.decay[age, seen.band] * found.hours[age, seen.hour[seen.session]]
    return float((near * found.kinds[age, seen.kind[seen.session]] * attraction[seen.session]).mean())


def _shares(seen: Seen, found: Turnout, attraction: Floats) -> Shares:
    of_all = np.zeros(len(seen.scene.book))
    of_all[seen.pairs.rows] = attraction
    return [found.left(seen.scene, seen.pairs, age, of_all).astype(np.float32) for age in range(N_AGES)]


def _exposure(seen: Seen, found: Turnout, attraction: Floats, shares: Shares) -> Floats:
    """(n_people, n_nests) bookings of a person who wants a nest once for each of its sessions, since registered."""
    people, pairs = seen.scene.book.residents, seen.pairs
    n_periods, n_nests, n_cells = int(seen.period.max(initial=0)) + 1, seen.scene.n_nests, people.n_cells
    at = ((seen.period * n_nests + seen.nest) * n_cells)[pairs.session] + pairs.cell
    exposure = np.zeros(seen.booked.shape)
    for age in range(N_AGES):
        some = np.flatnonzero((people.age == age) & (seen.is_known > 0))
        if not len(some):
            continue
        of_session = attraction * found.of_age(seen.scene, age)[pairs.rows]
        come = found.decay[age][pairs.band] * shares[age] * of_session[pairs.session]
        sums = np.bincount(at, come, n_periods * n_nests * n_cells).reshape(n_periods, n_nests, n_cells).cumsum(axis=0)
        exposure[some] = sums[seen.known_periods[some], :, people.cell[some]]
    return exposure


def _next_wants(seen: Seen, wants: _Wants, exposure: Floats) -> _Wants:
    """Each factor set against what all others make without it."""
    people, booked = seen.scene.book.residents, seen.booked
    others = exposure * replace(wants, rate=np.ones_like(wants.rate)).of_people(seen)
    usual = max(float(_ratio(booked.sum(), others.sum())), 1e-9)
    of_all = (booked.sum(axis=0) + 1.0) / (others.sum(axis=0) + 1.0 / usual)
    told, due = (row_sums(what, people.age, N_AGES) for what in (booked, others * of_all))
    wants = replace(wants, rate=shrunk(told, due, _AGE_STRENGTH) * of_all)
    others = exposure * replace(wants, of_township=np.ones_like(wants.of_township)).of_people(seen)
    n_townships = len(wants.of_township)
    told, due = (row_sums(what, people.township, n_townships) for what in (booked, others))
    wants = replace(wants, of_township=shrunk(told, due, _TOWNSHIP_STRENGTH))
    others = exposure * replace(wants, of_stance=np.ones_like(wants.of_stance)).of_people(seen)
    flat = seen.stance.ravel()
    told, due = (row_sums(what.ravel(), flat, len(wants.of_stance)) for what in (booked, others))
    wants = replace(wants, of_stance=shrunk(told, due, _STANCE_STRENGTH))
    return _with_own(seen, wants, exposure)


def _with_own(seen: Seen, wants: _Wants, exposure: Floats) -> _Wants:
    """What is a person's own, from bookings and looks; looks are taken to go with what people are, week for week."""
    of_groups = wants.of_groups(seen) * seen.is_known[:, None]
    looks = of_groups * seen.weeks[:, None]
    a_look = _ratio(seen.looked.sum(axis=0), (looks * wants.own * wants.active[:, None]).sum(axis=0))
    due = exposure * of_groups + looks * a_look
    told = seen.booked + seen.looked
    active = shrunk(told.sum(axis=1), (due * wants.own).sum(axis=1), _OWN_STRENGTH)
    own = shrunk(told, due * active[:, None], _OWN_STRENGTH)
    return replace(wants, active=active, own=own)


def _wanted(seen: Seen, of_people: Floats) -> Floats:
    """(N_AGES, n_cells, n_nests) sums over people."""
    people = seen.scene.book.residents
    sums = row_sums(of_people, people.age * people.n_cells + people.cell, N_AGES * people.n_cells)
    return sums.reshape(N_AGES, people.n_cells, -1)


def _next_circumstances(
    seen: Seen, found: Turnout, attraction: Floats, shares: Shares
) -> tuple[Turnout, Floats, float]:
    """Distances, hours, kinds and what sessions attract by themselves; and the level that bookings then have."""
    scene, rows = seen.scene, seen.pairs.rows
    age = scene.book.residents.age[seen.person]
    may_come = scene.may_come[rows].T * attraction
    reached = _reached(seen, found, shares)
    due = np.einsum("abs,as->ab", reached, may_come * found.hours[:, seen.hour] * found.kinds[:, seen.kind])
    decay = _by_age(pair_counts(age, seen.band, due.shape), due)
    near = np.einsum("abs,ab->as", reached, decay) * may_come
    due = row_sums((near * found.kinds[:, seen.kind]).T, seen.hour, found.hours.shape[1]).T
    hours = _by_age(pair_counts(age, seen.hour[seen.session], due.shape), due)
    near = near * hours[:, seen.hour]
    due = row_sums(near.T, seen.kind, found.kinds.shape[1]).T
    kinds = _by_age(pair_counts(age, seen.kind[seen.session], due.shape), due)
    expected = (near * kinds[:, seen.kind]).sum(axis=0)
    level = float(_ratio(seen.taken.sum(), expected.sum()))
    alone = np.divide(level * expected, attraction)
    attraction = shrunk(seen.taken, alone, _SESSION_STRENGTH)
    found = replace(found, decay=decay, hours=hours, kinds=kinds, wanted=found.wanted * level)
    return found, attraction, level


def _reached(seen: Seen, found: Turnout, shares: Shares) -> Floats:
    """(N_AGES, N_BANDS, n_rows) what people of an age in a band of distance want of a session."""
    pairs, n_rows = seen.pairs, len(seen.pairs.rows)
    at = pairs.band * n_rows + pairs.session
    reached = np.zeros((N_AGES, N_BANDS, n_rows))
    for age in range(N_AGES):
        come = shares[age] * found.wanted[age][pairs.cell, seen.nest[pairs.session]]
        reached[age] = np.bincount(at, come, N_BANDS * n_rows).reshape(N_BANDS, n_rows)
    return reached


def _by_age(seen: Floats, due: Floats) -> Floats:
    return shrunk_by_group(seen, due, _AGE_STRENGTH, _ALL_STRENGTH)


def _ratio(seen: Floats, due: Floats) -> Floats:
    return np.asarray(seen / np.maximum(due, 1e-9))
