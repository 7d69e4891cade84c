"""The walk by neighbourhoods against the plain one: week by week, everybody and every venue."""

from dataclasses import replace

import numpy as np
import pytest

from features.geography.borders import Borders
from features.geography.decay import BAND_EDGES_KM, DistanceDecay, band_of
from features.geography.positions import Positions, positions
from features.willingness.ages import AGE_GROUPS
from features.willingness.circumstances import Circumstances
from features.willingness.distances import N_BANDS, NEAR_KM, Distances
from features.willingness.offered import exposure
from features.willingness.walk import walk
from recsys.openings.learned.saturation import Saturation
from recsys.regions import RegionTree
from tests.opening_world import world

DECAY = DistanceDecay(np.array([0.0, 5.0, 50.0]), -np.array([0.0, 0.7, 3.0]), 0.3, border=0.2)
SATURATION = Saturation("share", 0.6)


@pytest.fixture(scope="module")
def county():
    """A third of the activities is for people of 50 and over, who are a part of an age group."""
    dataset = world(3, n_users=300, weeks=8).dataset
    for_the_old = np.arange(len(dataset.activities)) % 3 == 0
    activities = dataset.activities.assign(min_age=np.where(for_the_old, 50.0, np.nan))
    users = dataset.users.assign(birth_year=dataset.users["birth_year"] + 5 * (np.arange(len(dataset.users)) % 2))
    dataset = replace(dataset, activities=activities, users=users)
    tree = RegionTree.of(dataset)
    places = positions(dataset, tree)
    return tree, places, exposure(dataset, 52)


def apart(places: Positions, degrees: float) -> Positions:
    """Half of the venues elsewhere, a few people and one venue nowhere."""
    users, venues = places.users.copy(), places.venues.copy()
    venues[::2, 0] += degrees
    users[::7], venues[1] = np.nan, np.nan
    return Positions(users, venues, places.user_regions, places.venue_regions, places.centres)


def bordered(places: Positions) -> Borders:
    """Three countries, to which people and venues belong in turn, whatever lies between them."""
    users, venues = np.arange(len(places.users)), np.arange(len(places.venues))
    return Borders(users % 3, venues % 3, ~np.eye(3, dtype=bool))


def drawn(offered, seed=0):
    """Weights, season and rates."""
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.2, 2.0, offered.cohorts.admits.shape)
    season = rng.uniform(0.5, 1.5, (len(offered.categories), offered.n_weeks))
    rate = rng.uniform(0.0, 0.3, (len(offered.age_group), len(offered.categories))).astype(np.float32)
    return weight, season, rate


def plainly(offered, km, across, weight, season, rate):
    """Exposure, expected people by border and distance band at reach 1, expected people by age group and session."""
    left = np.where(across & ~np.isnan(km), DECAY.border, 1.0)
    reach = np.column_stack([DECAY.reach(km) * left, np.full(len(km), DECAY.unknown)]).astype(float)
    exposed, expected = np.zeros(rate.shape), np.zeros((len(AGE_GROUPS), weight.shape[1]))
    at_one = np.zeros((2, N_BANDS))
    for week in range(offered.n_weeks):
        for person in np.flatnonzero(offered.first_week <= week):
            cohort, group = offered.cohorts.of_user[person], offered.age_group[person]
            for category in range(rate.shape[1]):
                rows = np.flatnonzero((offered.week == week) & (offered.category == category))
                access = reach[person, offered.venue[rows]] * weight[cohort, rows]
                used = SATURATION.used(access.sum()) * season[category, week]
                exposed[person, category] += used
                share = rate[person, category] * used / max(access.sum(), 1e-9)
                expected[group, rows] += share * access
                placed = rows[offered.venue[rows] < km.shape[1]]
                side = across[person, offered.venue[placed]].astype(int)
                np.add.at(at_one, (side, band_of(km[person, offered.venue[placed]])), share * weight[cohort, placed])
    return exposed, at_one, expected


@pytest.mark.parametrize("degrees", [0.0, 1.5])
def test_it_is_the_plain_walk(county, degrees):
    tree, places, offered = county
    places = apart(places, degrees)
    borders = bordered(places)
    homes = Distances.of(tree, places, borders, offered)
    assert (homes.far_km[homes.is_far] > NEAR_KM).any() == (degrees > 0)
    km, across = places.km(tree), borders.across(np.arange(len(places.users))[:, None], np.arange(len(places.venues)))
    weight, season, rate = drawn(offered)
    walked = walk(offered, homes, DECAY, weight, season, SATURATION, rate)
    exposed, at_one, expected = plainly(offered, km, across, weight, season, rate)
    # Beyond NEAR_KM the people of a square share one distance: some come a little more, others less.
    exact = {"rtol": 1e-4} if degrees == 0 else {"rtol": 0.01, "atol": 0.01 * exposed.mean()}
    np.testing.assert_allclose(walked.exposed, exposed, **exact)
    np.testing.assert_allclose(walked.expected, expected, **exact)
    np.testing.assert_allclose(walked.at_reach_one.sum(axis=1), at_one.sum(axis=1), **exact)
    assert at_one.sum(axis=1).all()
    near = BAND_EDGES_KM[1:] <= NEAR_KM
    np.testing.assert_allclose(walked.at_reach_one[:, :-1][:, near], at_one[:, :-1][:, near], **exact)


def test_distances_of_bookings_and_their_mean_are_those_of_all_pairs(county):
    tree, places, offered = county
    places = apart(places, 1.5)
    borders = bordered(places)
    homes = Distances.of(tree, places, borders, offered)
    km = places.km(tree)
    km = np.column_stack([km, np.full(len(km), np.nan)])
    user, venue = offered.booking_user, offered.venue[offered.booking_session]
    placed = venue < len(places.venues)
    across = np.where(placed, borders.across(user, np.where(placed, venue, 0)), False)
    wanted = band_of(km[user, venue]) + N_BANDS * across
    assert len(np.unique(wanted)) > 10
    np.testing.assert_array_equal(homes.booking_bands(borders, offered), wanted)
    known = km[:, homes.venues]
    means = [known[band_of(known) == band].mean() for band in np.unique(band_of(known))[:-1]]
    np.testing.assert_allclose(homes.mean_km()[np.unique(band_of(known))[:-1]], means, rtol=1e-3)


def test_some_users_walk_as_they_do_among_all(county):
    tree, places, offered = county
    homes = Distances.of(tree, places, bordered(places), offered)
    weight, season, _ = drawn(offered)
    exposed = walk(offered, homes, DECAY, weight, season, SATURATION).exposed
    kept = np.arange(0, len(exposed), 3)
    place = np.full(len(exposed), -1)
    place[kept] = np.arange(len(kept))
    cohorts = replace(offered.cohorts, of_user=offered.cohorts.of_user[kept])
    fewer = replace(offered, cohorts=cohorts, first_week=offered.first_week[kept])
    some = walk(fewer, homes.some(place), DECAY, weight, season, SATURATION).exposed
    np.testing.assert_allclose(some, exposed[kept], rtol=1e-5)


def test_who_may_not_come_is_not_exposed_and_who_may_is_as_if_all_could(county):
    tree, places, offered = county
    homes = Distances.of(tree, places, bordered(places), offered)
    for_the_old = (offered.cohorts.admits == 0).any(axis=0)
    of_all = Circumstances.before(offered).weight(offered)
    _, season, _ = drawn(offered)

    def exposed(weight):
        return walk(offered, homes, DECAY, weight * for_the_old, season, SATURATION).exposed.sum(axis=1)

    found, may = exposed(of_all), offered.cohorts.admits[:, for_the_old].all(axis=1)[offered.cohorts.of_user]
    aged = offered.age_group == AGE_GROUPS.index("45-59")
    assert 0 < may[aged].sum() < aged.sum()
    np.testing.assert_array_equal(found[~may], 0.0)
    np.testing.assert_allclose(found[may], exposed(np.ones_like(of_all))[may], rtol=1e-6)
