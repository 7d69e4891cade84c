"""What is seen by a cut of people and of sessions that had begun: what turnout is learned from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.demand.people import N_STANCES
from recsys.sums import pair_counts
from training.forecasters.turnout import Floats, Ints, Pairs, Scene

_PERIOD_WEEKS = 13
_MOST_PAIRS = 2_000_000


@dataclass(frozen=True)
class Seen:
    """What is seen of people and sessions by a cut.

    Attributes:
        scene: All sessions.
        pairs: Those learned from, and the neighbourhoods near them.
        nest: (n_rows,), `hour`, `kind` and `period`, a quarter back: of each session learned from.
        taken: (n_rows,) bookings.
        person: (n_bookings,), `session`: place among the rows, and `band` of the distance: of each booking.
        is_known: (n_people,) 1 for people registered by the cut.
        known_periods: (n_people,) the oldest period in which each was.
        weeks: (n_people,) weeks that each was known for.
        booked: (n_people, n_nests) bookings; `looked`: looks.
        stance: (n_people, n_nests) towards the nest's category, for children apart.
    """

    scene: Scene
    pairs: Pairs
    nest: Ints
    hour: Ints
    kind: Ints
    period: Ints
    taken: Floats
    person: Ints
    session: Ints
    band: Ints
    is_known: Floats
    known_periods: Ints
    weeks: Floats
    booked: Floats
    looked: Floats
    stance: Ints


def seen_by(scene: Scene, cut: int) -> Seen:
    """What is seen `cut` weeks back: of many sessions, an even part."""
    book, people = scene.book, scene.book.residents
    begun = np.flatnonzero((book.age > cut) & ~book.is_cancelled)
    rows = begun[:: max(1, -(-scene.n_pairs(begun) // _MOST_PAIRS))]
    place = np.full(len(book), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    came = np.flatnonzero((place[people.came_to] >= 0) & (people.known_age[people.came] > cut))
    band = people.bands(book.place[people.came_to[came]], people.came[came])
    # Who came from afar says nothing of those who live near.
    came, band = came[band >= 0], band[band >= 0]
    person, session = people.came[came], place[people.came_to[came]]
    weeks_back = book.age[rows] - cut
    period = (weeks_back - 1) // _PERIOD_WEEKS
    known_for = np.clip(people.known_age - cut, 0.0, float(weeks_back.max(initial=1)))
    looked = np.flatnonzero((people.looked_age > cut) & (people.known_age[people.looked] > cut))
    nest = scene.rivals.nest
    shape = (len(people), scene.n_nests)
    return Seen(
        scene=scene,
        pairs=scene.pairs(rows),
        nest=nest[rows],
        hour=scene.hour[rows],
        kind=scene.kind[rows],
        period=period,
        taken=np.bincount(session, minlength=len(rows)).astype(np.float64),
        person=person,
        session=session,
        band=band,
        is_known=(people.known_age > cut).astype(np.float64),
        known_periods=np.minimum(known_for // _PERIOD_WEEKS, int(period.max(initial=0))).astype(np.int64),
        weeks=known_for,
        booked=pair_counts(person, nest[rows[session]], shape),
        looked=pair_counts(people.looked[looked], nest[people.looked_at[looked]], shape),
        stance=people.stance[:, scene.categories] + N_STANCES * scene.is_for_children.astype(np.int64),
    )
