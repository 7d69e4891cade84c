"""Where people may live who gave no home: by a plain loop, and what bookings tell of it."""

from dataclasses import replace

import numpy as np
import pytest

from features.signals.catalogue import catalogue_of
from features.signals.known.place import distance_km
from features.signals.learned.pull import Pull
from features.signals.learned.reached import NO_DISTANCE
from features.signals.learned.whereabouts import whereabouts
from features.signals.people import user_block
from tests.ranking_world import AT, ranking_world
from training.ranking.pull import PullConfig, fit_pull
from training.ranking.wishes import WishConfig, fit_wishes


@pytest.fixture(scope="module")
def world():
    known = ranking_world(11, n_users=150, n_activities=60, n_bookings=2500).known_at(AT)
    catalogue = catalogue_of(known, AT)
    block = user_block(catalogue, known.users, known.bookings, known.feedback, known.sessions)
    wishes = fit_wishes(block, catalogue, WishConfig(least_events=50))
    pull = fit_pull(block, catalogue, wishes, PullConfig(n_cells=20))
    assert pull is not None
    return catalogue, block, with_decay(pull)


def with_decay(pull: Pull) -> Pull:
    """The same with a decay that is known: a third of a logarithm at each of its distances."""
    decay = pull.decay.copy()
    decay[:, :NO_DISTANCE] = -np.arange(NO_DISTANCE) / 3
    return replace(pull, decay=decay)


def nowhere(block):
    """The same people without a home."""
    return replace(block, lat=np.full(len(block), np.nan), area=np.full((len(block), 2), np.nan))


def booked_at(catalogue, block, row: int) -> list[int]:
    mine = block.events.only((block.events.rows == row) & (block.events.sessions >= 0))
    return [int(venue) for venue in mine.keys(catalogue.lookup, "venue") if venue >= 0]


def left_by_hand(catalogue, pull: Pull, age: int, booked: list[int]) -> np.ndarray:
    lat, lon = catalogue.venue_lat, catalogue.venue_lon
    lookup = catalogue.lookup
    held = np.zeros(len(lat))
    for session in np.flatnonzero(catalogue.filling.held):
        venue = lookup.of_sessions["venue"][session]
        if venue >= 0 and not np.isnan(lat[venue]):
            held[venue] += 1
    living = np.array([pull.wanted[:, cell].sum(dtype=np.float64) for cell in range(len(pull.cells))])
    left = np.zeros((len(living), len(lat)))
    for cell in range(len(living)):
        for venue in np.flatnonzero(~np.isnan(lat)):
            km = distance_km(pull.cells.lat[cell], pull.cells.lon[cell], lat[venue], lon[venue])
            left[cell, venue] = np.exp(pull.of_distance(np.array([age]), np.array([km]))[0])
    living /= living.sum()
    held /= held.sum()
    belief = living.copy()
    for venue in booked:
        belief *= left[:, venue] / (left @ held)
    belief /= belief.sum()
    with np.errstate(divide="ignore"):
        return np.log(belief @ left) - np.log(living @ left @ held) + pull.decay[age, NO_DISTANCE]


def test_what_distances_leave_is_that_of_a_plain_loop(world):
    catalogue, block, pull = world
    found = whereabouts(pull, catalogue, nowhere(block))
    placed = np.flatnonzero(~np.isnan(catalogue.venue_lat))
    n_booked = [len(booked_at(catalogue, block, row)) for row in range(len(block))]
    for row in (int(np.argmin(n_booked)), int(np.argmax(n_booked)), 7, 31):
        by_hand = left_by_hand(
            catalogue, pull, int(block.profiles.groups["age"][row]), booked_at(catalogue, block, row)
        )
        np.testing.assert_allclose(found.left[found.place[row], placed], by_hand[placed], atol=1e-5)


def test_the_nearer_a_venue_to_the_one_booked_the_more_is_left_of_it(world):
    catalogue, block, pull = world
    lat, lon = catalogue.venue_lat, catalogue.venue_lon
    venues = block.events.keys(catalogue.lookup, "venue")
    strangers = replace(nowhere(block), events=block.events.only(venues < -1))
    before = whereabouts(pull, catalogue, strangers).left
    for venue in np.flatnonzero(~np.isnan(lat)):
        there = replace(strangers, events=block.events.only(venues == venue))
        rows = np.unique(there.events.rows)
        more = (whereabouts(pull, catalogue, there).left - before)[rows].mean(axis=0)
        km = distance_km(lat[venue], lon[venue], lat, lon)
        known = ~np.isnan(km)
        assert np.corrcoef(km[known], more[known])[0, 1] < -0.5
        assert more[venue] > 0.1


def test_known_homes_and_what_has_no_place_are_left_as_they_are(world):
    catalogue, block, pull = world
    area = np.where(np.arange(len(block))[:, None] < 75, block.near, np.nan)
    some = replace(nowhere(block), area=area)
    known = ~np.isnan(some.near).any(axis=1)
    assert 0 < known.sum() < len(block)
    rows, cols = (part.ravel() for part in np.indices((len(block), len(catalogue))))
    otherwise = np.linspace(-3.0, 0.0, len(rows))
    found = whereabouts(pull, catalogue, some).of_pairs(rows, cols, otherwise)
    venue = catalogue.lookup.of_sessions["venue"][catalogue.session_nums]
    is_placed = ~np.isnan(catalogue.places.lat) & ~np.isnan(np.append(catalogue.venue_lat, np.nan)[venue])
    assert is_placed.any()
    assert not is_placed.all()
    np.testing.assert_array_equal(found != otherwise, ~known[rows] & is_placed[cols])


def test_nobody_depends_on_who_else_is_in_the_block(world):
    catalogue, block, pull = world
    everybody = whereabouts(pull, catalogue, nowhere(block))
    rows = np.arange(0, len(block), 13)
    place = np.full(len(block), -1)
    place[rows] = np.arange(len(rows))
    kept = block.events.only(place[block.events.rows] >= 0)
    alike = {name: values[rows] for name, values in block.profiles.groups.items()}
    some = replace(
        nowhere(block),
        user_ids=block.user_ids[rows],
        events=replace(kept, rows=place[kept.rows]),
        profiles=replace(block.profiles, groups=alike),
        lat=np.full(len(rows), np.nan),
        lon=np.full(len(rows), np.nan),
        area=np.full((len(rows), 2), np.nan),
    )
    found = whereabouts(pull, catalogue, some)
    np.testing.assert_array_equal(found.left[found.place], everybody.left[everybody.place[rows]])
