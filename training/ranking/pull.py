"""Learning what distances, hours and kinds leave of what people want, from everybody's bookings of a year."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from features.geography.cells import cells_of
from features.signals.candidates.offer import N_HOURS, hour_kinds
from features.signals.candidates.reach import booking_km, centre_places
from features.signals.catalogue import Catalogue
from features.signals.known.lookup import WISH_LEVEL, take_or_missing
from features.signals.learned.posterior import own_points
from features.signals.learned.pull import Pull, kinds_of
from features.signals.learned.pulled import booked_by_hour, expected_by_hour
from features.signals.learned.reached import N_AGES, NO_DISTANCE
from features.signals.learned.wishes import Seen, Wishes, seen_of, wish_rates
from features.signals.people import UserBlock
from recsys.closed import Closed
from recsys.shrinkage import shrunk, shrunk_by_group
from recsys.sums import pair_counts, row_sums, sums_by
from training.ranking.sample import evenly, sampled_people, told_people

_PRIOR_ALL = 3.0
"""Expected bookings that weigh as much as an effect of all ages together being none."""


class PullConfig(Closed):
    """Settings of the pull."""

    n_users: int = Field(default=10_000, gt=0, description="people whose wishes are added up at most, evenly drawn")
    n_sessions: int = Field(default=20_000, gt=0, description="held sessions that are learned from at most, evenly")
    n_cells: int = Field(default=600, gt=0, description="neighbourhoods at most")
    least_bookings: int = Field(default=200, gt=0, description="fewest bookings of a known distance")
    strength: float = Field(
        default=20.0, gt=0, description="expected bookings of an age that weigh as much as all ages'"
    )
    session_strength: float = Field(default=2.0, gt=0, description="the same for a session against all sessions")
    own_variance: float = Field(default=0.2, gt=0, description="variance of a person's own hours, of logarithms")
    draw_variance: float = Field(
        default=0.5, ge=0, description="variance of what activities of a kind draw: one that is booked much says less"
    )
    n_sweeps: int = Field(default=6, gt=0, description="turns of distances, hours, kinds and sessions")
    n_points: int = Field(default=7, gt=1, description="points that what is a person's own is summed over")


@dataclass
class _Bookings:
    """Bookings of held sessions, and what people want of them.

    Attributes:
        reached: (n_ages + 1, n_centres + 1, n_sessions) see `people_reached`.
        hour: (n_sessions,) and `kind` and `activity`: of each session.
        age: (n,) and `session`: of each booking.
        near: (n, n_centres + 1) share of each booking in the distances of `CENTRES_KM` next to its own.
    """

    reached: NDArray[np.float32]
    hour: NDArray[np.int64]
    kind: NDArray[np.int64]
    activity: NDArray[np.int64]
    age: NDArray[np.int64]
    near: NDArray[np.float64]
    session: NDArray[np.int64]


def fit_pull(block: UserBlock, catalogue: Catalogue, wishes: Wishes | None, config: PullConfig) -> Pull | None:
    """The pull of sessions; None without wishes, or where too few bookings tell how far people came.

    Effects are gamma-shrunk in turn, each beside all others as they are (iterative proportional fitting; Deming &
    Stephan 1940, Annals of Mathematical Statistics 11(4)); each session has one of its own.

    Args:
        block: Everybody.
        catalogue: At the end of what is known.
        wishes: How often people want each key.
        config: Settings.
    """
    if wishes is None:
        return None
    told = told_people(block)
    some = sampled_people(block, told[evenly(len(told), config.n_users)])
    seen = seen_of(catalogue, some)
    rates = wish_rates(wishes, catalogue, some, seen)
    start = _start(some, rates, len(told), catalogue, config)
    bookings = _bookings(start, block, catalogue, config)
    if bookings.near[:, :NO_DISTANCE].sum() < config.least_bookings:
        return None
    learned = _learned(start, bookings, config)
    return replace(learned, hour_scale=_hour_scale(learned, some, catalogue, seen, rates, config))


def _start(some: UserBlock, rates: NDArray[np.float64], n_users: int, catalogue: Catalogue, config: PullConfig) -> Pull:
    """What `n_users` people want by age and neighbourhood, told by some of them, and no effects."""
    near = some.near
    cells, cell = cells_of(near[:, 0], near[:, 1], config.n_cells)
    wanted = np.zeros((N_AGES + 1, len(cells) + 1, rates.shape[1]))
    np.add.at(wanted, (some.profiles.groups["age"], cell), np.nan_to_num(np.exp(rates), nan=0.0))
    kinds = catalogue.lookup.keys["kind"]
    return Pull(
        keys=catalogue.lookup.keys[WISH_LEVEL],
        kinds=kinds,
        cells=cells,
        wanted=(wanted * (n_users / max(len(some), 1))).astype(np.float32),
        decay=np.zeros((N_AGES + 1, NO_DISTANCE + 1)),
        hours=np.zeros((N_AGES + 1, N_HOURS)),
        of_kinds=np.zeros((N_AGES + 1, len(kinds) + 1)),
        own=own_points(config.own_variance, config.n_points),
        hour_scale=np.ones(N_HOURS),
    )


def _bookings(start: Pull, block: UserBlock, catalogue: Catalogue, config: PullConfig) -> _Bookings:
    lookup, filling = catalogue.lookup, catalogue.filling
    held = np.flatnonzero(filling.held & (lookup.of_sessions[WISH_LEVEL] >= 0))
    held = held[evenly(len(held), config.n_sessions)]
    place = np.full(len(lookup.sessions), -1, dtype=np.int64)
    place[held] = np.arange(len(held))
    session = take_or_missing(place, block.events.sessions)
    booked = block.events.only(session >= 0)
    venues = np.column_stack([catalogue.venue_lat, catalogue.venue_lon])
    return _Bookings(
        reached=start.reached(catalogue, held),
        hour=hour_kinds(lookup, catalogue.offer.is_for_children)[held],
        kind=kinds_of(start, lookup, held),
        activity=lookup.session_activity[held],
        age=block.profiles.groups["age"][booked.rows],
        near=_shares(booking_km(booked, lookup, block.near, venues)),
        session=session[session >= 0],
    )


def _shares(km: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, n_centres + 1) shares of the two centres next to each distance, as `distance_shares`."""
    below, share = centre_places(km)
    found = np.zeros((len(km), NO_DISTANCE + 1))
    rows, known = np.arange(len(km)), ~np.isnan(km)
    found[rows[known], below[known]] = 1.0 - share[known]
    found[rows[known], below[known] + 1] += share[known]
    found[~known, NO_DISTANCE] = 1.0
    return found


def _learned(start: Pull, bookings: _Bookings, config: PullConfig) -> Pull:
    reached, hour, kind, activity = bookings.reached, bookings.hour, bookings.kind, bookings.activity
    n_kinds = start.of_kinds.shape[1]
    by_distance = np.zeros((N_AGES + 1, NO_DISTANCE + 1))
    np.add.at(by_distance, bookings.age, bookings.near)
    by_session = pair_counts(bookings.age % (N_AGES + 1), bookings.session, (N_AGES + 1, len(hour)))
    by_hour = _by_session_column(by_session, hour, N_HOURS)
    taken = by_session.sum(axis=0)
    level = taken.sum() / max(float(reached.sum()), 1e-9)
    draw = weights = np.ones(len(hour))
    decay, hours, of_kinds = (np.ones_like(getattr(start, name)) for name in ("decay", "hours", "of_kinds"))
    for _ in range(config.n_sweeps):
        others = (level * draw * hours[:, hour] * of_kinds[:, kind]).astype(np.float32)
        decay = _by_age(by_distance, np.einsum("abs,as->ab", reached, others), config)
        near = np.einsum("abs,ab->as", reached, decay.astype(np.float32)) * (level * draw)
        hours = _by_age(by_hour, _by_session_column(near * of_kinds[:, kind], hour, N_HOURS), config)
        due_by_kind = _by_session_column(near * hours[:, hour] * weights, kind, n_kinds)
        of_kinds = _by_age(_by_session_column(by_session * weights, kind, n_kinds), due_by_kind, config)
        due = (near * hours[:, hour] * of_kinds[:, kind]).sum(axis=0) / draw
        level *= taken.sum() / max(due.sum(), 1e-9)
        due *= taken.sum() / max(due.sum(), 1e-9)
        draw = shrunk(taken, due, config.session_strength)
        # A kind has few activities that draw very differently: it is told by them (weights of a negative binomial).
        weights = 1.0 / (1.0 + config.draw_variance * sums_by(activity, due, int(activity.max()) + 1)[activity])
    return replace(
        start,
        wanted=(start.wanted * level).astype(np.float32),
        decay=np.log(decay),
        hours=np.log(hours),
        of_kinds=np.log(of_kinds),
    )


def _by_session_column(values: NDArray[np.float64], columns: NDArray[np.int64], width: int) -> NDArray[np.float64]:
    """(n_ages + 1, width) values of sessions summed by their column, -1 the last."""
    return row_sums(values.T, columns % width, width).T


def _by_age(seen: NDArray[np.float64], due: NDArray[np.float64], config: PullConfig) -> NDArray[np.float64]:
    return shrunk_by_group(seen, due, config.strength, _PRIOR_ALL)


def _hour_scale(
    pull: Pull,
    some: UserBlock,
    catalogue: Catalogue,
    seen: Seen,
    rates: NDArray[np.float64],
    config: PullConfig,
) -> NDArray[np.float64]:
    """(n_hours,): see `Pull.hour_scale`."""
    due = expected_by_hour(catalogue, seen, rates) * np.exp(pull.hours)[some.profiles.groups["age"]]
    counts = booked_by_hour(some.events, catalogue, len(some))
    overall = counts.sum() / max(due.sum(), 1e-9)
    return overall * shrunk(counts.sum(axis=0), due.sum(axis=0) * overall, config.strength)
