"""How far people of each age go: a decay of distance learned from what everybody booked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.signals.known.events import Events
from features.signals.known.lookup import Lookup, take_or_missing
from features.signals.known.place import distance_km

CENTRES_KM = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, 7.0, 9.5, 13.0, 18.0, 25.0, 40.0, 80.0])
"""Distances at which the decay is learned; between them it runs straight in the logarithm."""

MOST_PEOPLE = 3000
PAST_DAYS = 365.0
_PRIOR_ALL = 3.0
_PRIOR_AGE = 10.0
"""Expected bookings that weigh as much as no decay at all, and as the decay of all ages together."""
_PRIOR_PAST = 3.0
"""Bookings of a person that weigh as much as how far people of the same age go."""


@dataclass(frozen=True)
class Reach:
    """Decay of distance by age group.

    Attributes:
        decay: (n_ages + 1, n_centres) log of bookings at a distance over what they would be if distance did not count;
            the last row is that of all ages.
        usual: (n_ages + 1,) mean logarithm of 1 + kilometres of the bookings; NaN without any.
    """

    decay: NDArray[np.float64]
    usual: NDArray[np.float64]

    def log_decay(self, ages: NDArray[np.int64], km: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) log of what a distance leaves for people of an age group (-1: unknown); NaN where the distance is."""
        return between_centres(self.decay, np.where(ages < len(self.decay) - 1, ages, -1), km)

    def usual_of(
        self, ages: NDArray[np.int64], past_sum: NDArray[np.float64], n_past: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n_users,) log of 1 + the kilometres that a person usually goes, shrunk to that of the age group.

        Args:
            ages: (n_users,) age group, -1 where unknown.
            past_sum: (n_users,) sum of the logarithms of 1 + kilometres of the person's own bookings.
            n_past: (n_users,) number of them.
        """
        usual = self.usual[np.where(ages < len(self.usual) - 1, ages, -1)]
        return (past_sum + _PRIOR_PAST * usual) / (n_past + _PRIOR_PAST)


def centre_places(km: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The place in `CENTRES_KM` below each distance, and how far it lies towards the next; that is NaN if unknown."""
    place = np.interp(np.log1p(km), np.log1p(CENTRES_KM), np.arange(len(CENTRES_KM), dtype=np.float64))
    below = np.minimum(np.nan_to_num(place), len(CENTRES_KM) - 2).astype(np.int64)
    return below, place - below


def between_centres(
    decay: NDArray[np.float64], rows: NDArray[np.int64], km: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n,) a decay at each distance, straight between the columns of `CENTRES_KM`; NaN where the distance is.

    Args:
        decay: (n_rows, n_centres or more).
        rows: (n,) row of each.
        km: (n,) distance.
    """
    below, share = centre_places(km)
    return decay[rows, below] * (1 - share) + decay[rows, below + 1] * share


def reach_of(
    ages: NDArray[np.int64],
    homes: NDArray[np.float64],
    everybody: Events,
    lookup: Lookup,
    venues: NDArray[np.float64],
    n_ages: int,
) -> Reach:
    """Decay learned from bookings against what they would be if distance did not count.

    Each person's bookings would then lie as far off as the sessions that anybody booked.

    Args:
        ages: (n_users,) age group, -1 where unknown.
        homes: (n_users, 2) lat and lon, NaN where unknown.
        everybody: What people did.
        lookup: Sessions.
        venues: (n_venue_keys, 2) lat and lon, NaN where unknown.
        n_ages: Number of age groups.
    """
    km = booking_km(everybody, lookup, homes, venues)
    used = everybody.is_taking & (everybody.days < PAST_DAYS) & ~np.isnan(km)
    people = np.flatnonzero(np.bincount(everybody.rows[used]))
    people = people[:: max(1, -(-len(people) // MOST_PEOPLE))]
    used &= np.isin(everybody.rows, people)
    rows, km = everybody.rows[used], km[used]
    seen = np.zeros((n_ages + 1, len(CENTRES_KM)))
    np.add.at(seen, (ages[rows], _bins(km)), 1.0)
    recent = everybody.is_taking & (everybody.days < PAST_DAYS) & (everybody.sessions >= 0)
    sessions = np.flatnonzero(np.bincount(everybody.sessions[recent]))
    n_held = _held_at(lookup.of_sessions["venue"][sessions], venues)
    n_booked = np.bincount(rows, minlength=len(ages))[people]
    due = _due(ages[people], homes[people], n_booked, n_held, venues, n_ages)
    overall = (seen.sum(axis=0) + _PRIOR_ALL) / (due.sum(axis=0) + _PRIOR_ALL)
    decay = np.log((seen + _PRIOR_AGE * overall) / (due + _PRIOR_AGE))
    decay[-1] = np.log(overall)
    logs = np.zeros(n_ages + 1)
    np.add.at(logs, ages[rows], np.log1p(km))
    mean = logs.sum() / len(rows) if len(rows) else np.nan
    usual = (logs + _PRIOR_AGE * mean) / (seen.sum(axis=1) + _PRIOR_AGE)
    usual[-1] = mean
    return Reach(decay, usual)


def booking_km(
    events: Events, lookup: Lookup, homes: NDArray[np.float64], venues: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n_events,) kilometres from home to the venue of each booking; NaN for feedback and where unknown."""
    there = np.vstack([venues, [np.nan, np.nan]])[take_or_missing(lookup.of_sessions["venue"], events.sessions)]
    here = homes[events.rows]
    return distance_km(here[:, 0], here[:, 1], there[:, 0], there[:, 1])


def _bins(km: NDArray[np.float64]) -> NDArray[np.int64]:
    logs = np.log1p(CENTRES_KM)
    return np.searchsorted((logs[1:] + logs[:-1]) / 2, np.log1p(km))


def _held_at(venue: NDArray[np.int64], venues: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n_venues,) sessions at each venue whose place is known."""
    n_held = np.bincount(venue[venue >= 0], minlength=len(venues)).astype(np.float64)
    n_held[np.isnan(venues).any(axis=1)] = 0.0
    return n_held


def _due(
    ages: NDArray[np.int64],
    homes: NDArray[np.float64],
    n_booked: NDArray[np.int64],
    n_held: NDArray[np.float64],
    venues: NDArray[np.float64],
    n_ages: int,
) -> NDArray[np.float64]:
    """(n_ages + 1, n_centres) bookings by distance, were each person's spread over the venues as the sessions are."""
    due = np.zeros((n_ages + 1, len(CENTRES_KM)))
    held = np.flatnonzero(n_held)
    if len(held) and len(homes):
        km = distance_km(homes[:, :1], homes[:, 1:], venues[None, held, 0], venues[None, held, 1])
        weight = n_booked[:, None] * n_held[None, held] / n_held.sum()
        np.add.at(due, (np.repeat(ages, len(held)), _bins(km.ravel())), weight.ravel())
    return due
