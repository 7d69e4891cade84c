"""Signals of place and profile: how far it is, where the key's people live, and what people alike book."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.signals.candidates.crowd import Signals
from features.signals.candidates.lifts import GROUPED_LEVELS
from features.signals.candidates.reach import booking_km
from features.signals.catalogue import Catalogue
from features.signals.known.lookup import take_or_missing
from features.signals.known.place import distance_km, pair_km
from features.signals.people import UserBlock
from recsys.ages import certain_ages


def place_signals(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Signals:
    """(n_pairs,): distance from home to the candidate and to the homes of its key's people, and to past venues."""
    places, homes = catalogue.places, catalogue.homes
    key = catalogue.levels["programme"].of_candidate.take(cols)
    near = block.near
    cell = homes.cells.nearest(near[:, 0], near[:, 1]).take(rows)
    km = pair_km(near, np.column_stack([places.lat, places.lon]), rows, cols)
    from_past, venue = _km_from_past(catalogue, block), catalogue.levels["venue"].of_candidate.take(cols)
    # The last column is of no venue.
    past_km = from_past.ravel().take(rows * from_past.shape[1] + venue % from_past.shape[1])
    return {
        "km_from_home": km,
        "km_from_home_known": ~np.isnan(km),
        "home_known": (~np.isnan(block.lat)).astype(np.float32).take(rows),
        **_reach(catalogue, block, rows, km),
        "km_to_people": pair_km(near, np.column_stack([homes.centre_lat, homes.centre_lon]), rows, key),
        "homes_lift": homes.lift_of(cell, key),
        "km_from_past": past_km,
        "km_from_past_known": ~np.isnan(past_km),
    }


def _reach(catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], km: NDArray[np.float64]) -> Signals:
    """What the distance leaves at the person's age, and how far it is beyond their usual and their farthest."""
    venues = np.column_stack([catalogue.venue_lat, catalogue.venue_lon])
    past = booking_km(block.events, catalogue.lookup, block.near, venues)
    known = ~np.isnan(past)
    sums = np.bincount(block.events.rows[known], np.log1p(past[known]), minlength=len(block)).astype(np.float64)
    n_past = np.bincount(block.events.rows[known], minlength=len(block)).astype(np.float64)
    farthest = np.full(len(block), np.nan)
    np.fmax.at(farthest, block.events.rows[known], past[known])
    ages, log_km = block.profiles.groups["age"], np.log1p(km)
    return {
        "reach_decay": catalogue.reach.log_decay(ages.take(rows), km),
        "reach_beyond_usual": log_km - catalogue.reach.usual_of(ages, sums, n_past).take(rows),
        "reach_beyond_farthest": log_km - np.log1p(farthest).take(rows),
    }


def _km_from_past(catalogue: Catalogue, block: UserBlock) -> NDArray[np.float64]:
    """(n_users, n_venues + 1) distance from the nearest venue of the past to each candidate's venue, NaN if unknown."""
    columns = catalogue.levels["venue"]
    spots = np.column_stack([catalogue.venue_lat, catalogue.venue_lon])
    nearest = np.full((len(block), len(columns.keys) + 1), np.nan)
    venues = take_or_missing(catalogue.lookup.of_sessions["venue"], block.events.sessions)
    known = np.append(~np.isnan(spots).any(axis=1), False)[venues]
    been_to, venues = np.divmod(np.unique((block.events.rows * len(spots) + venues)[known]), max(len(spots), 1))
    if len(venues) and len(columns.keys):
        past, of_pair = np.unique(venues, return_inverse=True)
        far = distance_km(spots[past, :1], spots[past, 1:], spots[None, columns.keys, 0], spots[None, columns.keys, 1])
        people, first = np.unique(been_to, return_index=True)
        nearest[people, :-1] = np.minimum.reduceat(far[of_pair], first, axis=0)
    return nearest


def profile_signals(
    catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> Signals:
    """(n_pairs,): what people of like age, gender, place book more than others; age fit; interests; children."""
    alike: Signals = {}
    for level in GROUPED_LEVELS:
        key = catalogue.levels[level].of_candidate.take(cols)
        for name, groups in block.profiles.groups.items():
            table = catalogue.lifts[f"{name}_{level}"]
            n_groups, width = len(table) - 1, table.shape[1]
            # The last row is of the unknown group, the last column of no key.
            group = np.where((groups >= 0) & (groups < n_groups), groups, n_groups)
            cells = (group * width).take(rows) + np.where(key >= 0, key, width - 1)
            alike[f"alike_{name}_{level}"] = table.ravel().take(cells)
    age = certain_ages(catalogue.sessions.start_years.take(cols), block.birth_years.take(rows))
    named = block.interests.toarray()
    named[np.diff(block.interests.indptr) == 0] = np.nan
    category = catalogue.lookup.activity_keys["category"][catalogue.activities] % named.shape[1]
    # Trees draw signals by their place.
    names = (f"alike_{name}_{level}" for name in block.profiles.groups for level in GROUPED_LEVELS)
    return {name: alike[name] for name in names} | {
        "person_age": age,
        "age_over_min": age - catalogue.facts["min_age"].take(cols),
        "age_under_max": catalogue.facts["max_age"].take(cols) - age,
        "interest_named": named.ravel().take(rows * named.shape[1] + category.take(cols)),
        "child_share": block.child_share().take(rows),
        "child_fits": _child_fits(catalogue, block, rows, cols),
        "same_township": _same(catalogue, block, "township", rows, cols),
        "same_county": _same(catalogue, block, "county", rows, cols),
    }


def _same(
    catalogue: Catalogue, block: UserBlock, level: str, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.float64]:
    home = block.profiles.groups[level].take(rows)
    there = take_or_missing(catalogue.lookup.tree.ancestors_at(level), catalogue.places.regions).take(cols)
    return np.where((home >= 0) & (there >= 0), home == there, np.nan)


def _child_fits(
    catalogue: Catalogue, block: UserBlock, rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(n_pairs,) 1 where the person books for a child of the candidate's age."""
    sessions, people = catalogue.sessions, block.people
    counted = block.is_personal[people.child_rows]
    pairs = np.unique(np.column_stack([people.child_rows, people.child_years])[counted], axis=0)
    n_children = np.bincount(pairs[:, 0].astype(np.int64), minlength=len(block))
    first = np.cumsum(n_children) - n_children
    fits = np.zeros(len(rows))
    of_person = n_children.take(rows)
    for place in range(int(n_children.max(initial=0))):
        of = np.flatnonzero(of_person > place)
        age = sessions.start_years[cols[of]] - pairs[first[rows[of]] + place, 1] - 1
        fits[of] = np.maximum(fits[of], (age >= sessions.min_ages[cols[of]]) & (age <= sessions.max_ages[cols[of]]))
    return fits
