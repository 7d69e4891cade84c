"""How much each session pulls: bookings as a product of wish, distance, hour, kind and what the activity draws.

Bookings of an age group in a session are Poisson about a sum over neighbourhoods of what people there want of its key,
times what the distance, the hour and the kind leave of it, times the draw of the activity: what it has beyond that,
whoever asks. All are learned beside each other (`training.ranking.pull`), so that a venue in a crowded town is not
taken for a liked one, nor what opened an hour ago for an unloved one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from features.geography.cells import Cells
from features.signals.candidates.offer import hour_kinds
from features.signals.candidates.reach import between_centres
from features.signals.catalogue import Catalogue
from features.signals.known.lookup import WISH_LEVEL, Lookup, take_or_missing
from features.signals.known.place import distance_km
from features.signals.learned.reached import N_AGES, NO_DISTANCE, people_reached
from recsys.bundle import BundleWriter, ModelBundle
from recsys.ids import IdMap
from recsys.shrinkage import shrunk
from recsys.sums import sums_by

DRAW_PRIOR = 6.0
"""Bookings expected by now that weigh as much as an activity drawing like any other."""

SERIES_PRIOR = 20.0
"""Bookings expected that weigh as much as a series drawing like any other, or an activity like others of its series."""

SESSIONS_AT_ONCE = 50_000
"""Sessions whose people are told apart by age and distance at once: some 100 MB."""

_LEAST = 1e-12
_LEAST_REST = 0.02
"""Share of its bookings that is still to come of a session whose booking is about to close."""


@dataclass(frozen=True, eq=False)
class Pull:
    """What was learned of everybody's bookings.

    Attributes:
        keys: Key ids of `WISH_LEVEL`.
        kinds: Ids of kinds.
        cells: Neighbourhoods.
        wanted: (n_ages + 1, n_cells + 1, n_keys) bookings of a session near home that all people of an age in a
            neighbourhood want together; the last row of each is of the unknown.
        decay: (n_ages + 1, n_centres + 1) log of what a distance leaves, the last column without one.
        hours: (n_ages + 1, N_HOURS) the same of an hour, see `hour_kinds`.
        of_kinds: (n_ages + 1, n_kinds + 1) the same of a kind, the last column of an unknown one.
        own: (2, n_points) multiples of what an hour leaves that are a person's own, and how frequent each is.
        hour_scale: (N_HOURS,) bookings at an hour over those that rates, hours and what was on offer make.
    """

    keys: IdMap
    kinds: IdMap
    cells: Cells
    wanted: NDArray[np.float32]
    decay: NDArray[np.float64]
    hours: NDArray[np.float64]
    of_kinds: NDArray[np.float64]
    own: NDArray[np.float64]
    hour_scale: NDArray[np.float64]
    _candidates: WeakKeyDictionary[Catalogue, Candidates] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False
    )
    _left: dict[bytes, NDArray[np.float32]] = field(default_factory=dict, init=False, repr=False)

    def __reduce__(self) -> tuple[type[Pull], tuple[object, ...]]:
        """As another process is told it: what was learned, not what has been computed of it."""
        return type(self), tuple(getattr(self, one.name) for one in fields(self) if one.init)

    def candidates(self, catalogue: Catalogue) -> Candidates:
        """What is the same for all people of an age; computed once for a catalogue."""
        found = self._candidates.get(catalogue)
        if found is None:
            found = self._candidates[catalogue] = _candidates_of(self, catalogue)
        return found

    def reached(self, catalogue: Catalogue, sessions: NDArray[np.int64]) -> NDArray[np.float32]:
        """(n_ages + 1, n_centres + 1, n_sessions): see `people_reached`."""
        return people_reached(self.wanted, self.keys, self.cells, catalogue, sessions)

    def left_at(self, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float32]:
        """(n_ages + 1, n_cells, n_venues) what distances leave of venues to neighbourhoods, 0 without a known place.

        Computed once for the same venues: a service makes a catalogue every minute.
        """
        key = lat.tobytes() + lon.tobytes()
        found = self._left.get(key)
        if found is None:
            found = _left_at(self, lat, lon)
            self._left.clear()
            self._left[key] = found
        return found

    def of_distance(self, ages: NDArray[np.int64], km: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) log of what a distance leaves for people of an age group (-1: unknown)."""
        return np.where(np.isnan(km), self.decay[ages, NO_DISTANCE], between_centres(self.decay, ages, km))

    def save(self, writer: BundleWriter, folder: str) -> None:
        """Adds the pull to a bundle."""
        writer.json(f"{folder}/ids", {"keys": self.keys.ids.tolist(), "kinds": self.kinds.ids.tolist()})
        writer.array(f"{folder}/cells", np.column_stack([self.cells.lat, self.cells.lon]))
        for name in _ARRAYS:
            writer.array(f"{folder}/{name}", getattr(self, name))


_ARRAYS = ("wanted", "decay", "hours", "of_kinds", "own", "hour_scale")


def load_pull(bundle: ModelBundle, folder: str) -> Pull:
    """The pull that `Pull.save` wrote."""
    ids, spots = bundle.json(f"{folder}/ids"), bundle.array(f"{folder}/cells")
    arrays = {name: bundle.array(f"{folder}/{name}") for name in _ARRAYS}
    keys, kinds = IdMap.of(ids["keys"], WISH_LEVEL), IdMap.of(ids["kinds"], "kind")
    return Pull(keys, kinds, Cells(np.array(spots[:, 0]), np.array(spots[:, 1])), **arrays)


@dataclass(frozen=True)
class Candidates:
    """What pulls at the candidates of a catalogue, whoever asks.

    Attributes:
        hour: (n_candidates,) see `hour_kinds`.
        draw: (n_candidates,) log of the activity's bookings so far over those expected by now, drawn to its series'.
        rest: (n_candidates,) log of the share of a session's bookings still to come, summed over the sessions of the
            activity.
        for_ages: (n_ages + 1, n_candidates) all of these and the kind, in logarithms.
        from_cells: What distances leave to each neighbourhood.
    """

    hour: NDArray[np.int64]
    draw: NDArray[np.float64]
    rest: NDArray[np.float64]
    for_ages: NDArray[np.float64]
    from_cells: FromCells


@dataclass(frozen=True)
class FromCells:
    """What distances leave of sessions at each venue to people of each neighbourhood.

    Attributes:
        living: (n_cells,) share of all that people want which those there want.
        held: (n_venues,) share of the sessions held, 0 without a known place.
        left: (n_ages + 1, n_cells, n_venues) what the distance leaves, 0 without a known place.
    """

    living: NDArray[np.float64]
    held: NDArray[np.float64]
    left: NDArray[np.float32]


def _candidates_of(pull: Pull, catalogue: Catalogue) -> Candidates:
    lookup, filling = catalogue.lookup, catalogue.filling
    activities, nums = catalogue.activities, catalogue.session_nums
    draw = _draws(pull, catalogue)[activities]
    left = np.bincount(activities, np.maximum(1.0 - filling.due[nums], _LEAST_REST), minlength=len(lookup.activities))
    rest = np.log(left[activities])
    return Candidates(
        hour=hour_kinds(lookup, catalogue.offer.is_for_children)[nums],
        draw=draw,
        rest=rest,
        for_ages=pull.of_kinds[:, kinds_of(pull, lookup, nums)] + draw + rest,
        from_cells=_from_cells(pull, catalogue),
    )


def _from_cells(pull: Pull, catalogue: Catalogue) -> FromCells:
    lat, lon = catalogue.venue_lat, catalogue.venue_lon
    venues = catalogue.lookup.of_sessions["venue"][catalogue.filling.held]
    held = np.bincount(venues[venues >= 0], minlength=len(lat)) * ~np.isnan(lat + lon)
    living = pull.wanted[:, :-1].sum(axis=(0, 2), dtype=np.float64)
    return FromCells(living / max(living.sum(), _LEAST), held / max(held.sum(), _LEAST), pull.left_at(lat, lon))


def _left_at(pull: Pull, lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.float32]:
    km = distance_km(pull.cells.lat[:, None], pull.cells.lon[:, None], lat[None, :], lon[None, :])
    left = np.zeros((N_AGES + 1, *km.shape), dtype=np.float32)
    # Age by age: a province has 2 million pairs of a neighbourhood and a venue.
    for age in range(N_AGES + 1):
        left[age] = np.nan_to_num(np.exp(between_centres(pull.decay, np.array([age]), km)), nan=0.0)
    return left


def _draws(pull: Pull, catalogue: Catalogue) -> NDArray[np.float64]:
    """(n_activities,) log of what the activities of candidates draw; where others of the series are known, as they do.

    What has no booking yet may be the next term of a course that is known.
    """
    lookup, filling = catalogue.lookup, catalogue.filling
    series = lookup.activity_keys["series"]
    n, n_series = len(series), len(lookup.keys["series"])
    is_candidate = np.zeros(n_series, dtype=bool)
    is_candidate[series[catalogue.activities]] = True
    is_told = (filling.held | (lookup.session_start > catalogue.at.value)) & (filling.due > 0)
    told = np.flatnonzero(is_candidate[series[lookup.session_activity]] & is_told)
    activity = lookup.session_activity[told]
    so_far = sums_by(activity, filling.so_far[told], n)
    due = sums_by(activity, expected_of(pull, catalogue, told) * filling.due[told], n)
    alike = shrunk(sums_by(series, so_far, n_series), sums_by(series, due, n_series), SERIES_PRIOR)[series]
    within = alike * shrunk(so_far, due * alike, SERIES_PRIOR)
    is_one_of_some = np.bincount(series[due > 0], minlength=n_series)[series] > 1
    return np.log(np.where(is_one_of_some, within, shrunk(so_far, due, DRAW_PRIOR)))


def expected_of(pull: Pull, catalogue: Catalogue, sessions: NDArray[np.int64]) -> NDArray[np.float64]:
    """(n_sessions,) bookings in all of some sessions, were each activity to draw like any other."""
    parts = [sessions[first : first + SESSIONS_AT_ONCE] for first in range(0, len(sessions), SESSIONS_AT_ONCE)]
    return np.concatenate([np.zeros(0), *(_expected_of(pull, catalogue, part) for part in parts)])


def _expected_of(pull: Pull, catalogue: Catalogue, sessions: NDArray[np.int64]) -> NDArray[np.float64]:
    lookup = catalogue.lookup
    reached = pull.reached(catalogue, sessions)
    by_age = (reached * np.exp(pull.decay)[:, :, None]).sum(axis=1)
    hours = pull.hours[:, hour_kinds(lookup, catalogue.offer.is_for_children)[sessions]]
    return np.asarray((by_age * np.exp(hours + pull.of_kinds[:, kinds_of(pull, lookup, sessions)])).sum(axis=0))


def kinds_of(pull: Pull, lookup: Lookup, sessions: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n_sessions,) column of the kind, -1 where it is unknown."""
    return take_or_missing(pull.kinds.nums_or_missing(lookup.keys["kind"].ids), lookup.of_sessions["kind"][sessions])
