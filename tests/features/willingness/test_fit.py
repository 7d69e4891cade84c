"""What is learned adds up to what was seen of the classes that are planned."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.geography.positions import positions
from features.willingness.config import LatentConfig
from features.willingness.exposure import TRAINING
from features.willingness.facts import Facts
from features.willingness.fit import fit_willingness
from features.willingness.walk import walk
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from recsys.sums import sums_by
from tests.opening_world import world


def with_few_large_events() -> Dataset:
    """Half of the activities are performances, of which few are booked by parties of twelve."""
    dataset = world(2, n_users=900, weeks=16).dataset
    num = np.arange(len(dataset.activities))
    activities = dataset.activities.assign(kind=np.where(num % 2, "performance", TRAINING))
    large = dataset.sessions.loc[dataset.sessions["activity_id"].isin(activities["activity_id"][num % 8 == 1])]
    party = dataset.bookings["party_size"].mask(dataset.bookings["session_id"].isin(large["session_id"]), 12)
    return replace(
        dataset,
        activities=activities,
        sessions=dataset.sessions.assign(capacity=np.nan),
        bookings=dataset.bookings.assign(party_size=party),
    )


def test_people_expected_in_training_are_as_many_as_asked_for_places_there():
    dataset = with_few_large_events()
    tree = RegionTree.of(dataset)
    places = positions(dataset, tree)
    config = LatentConfig(curvatures=(0.5,))
    learned, facts = fit_willingness(dataset, tree, places, config), Facts.of(dataset, tree, places, config)
    o, now = facts.offered, learned.circumstances
    expected = walk(o, facts.homes, now.decay, now.weight(o), now.season(o), learned.saturation, learned.rate).expected
    training = o.kinds[o.kind] == TRAINING
    asked = sums_by(o.booking_session, o.people, len(o.week))
    assert training.any()
    assert not training.all()
    assert expected[:, training].sum() == pytest.approx(asked[training].sum(), rel=0.01)


def in_two_counties(keeps_to_own: bool) -> Dataset:
    """Every other township in another county, of which people go to venues of their own only, or to all."""
    dataset = world(5, n_users=2500, weeks=16).dataset
    regions, towns = dataset.regions, dataset.venues["region_id"].tolist()
    is_other = regions["region_id"].isin(towns[1::2])
    other = regions[~regions["region_id"].isin(towns)].assign(region_id="other")
    city = other.assign(region_id="city", level="city")
    regions = pd.concat([city, regions.assign(parent_id=regions["parent_id"].mask(is_other, "other")), other])
    regions = regions.assign(parent_id=regions["parent_id"].mask(regions["level"] == "county", "city"))
    home = dataset.bookings["user_id"].map(dataset.users.set_index("user_id")["region_id"])
    venue = dataset.bookings["session_id"].map(dataset.sessions.set_index("session_id")["venue_id"])
    there = venue.map(dataset.venues.set_index("venue_id")["region_id"])
    own = home.isin(towns[1::2]) == there.isin(towns[1::2])
    assert 0.1 < own.mean() < 0.95
    bookings = dataset.bookings[own] if keeps_to_own else dataset.bookings
    return replace(dataset, regions=regions.reset_index(drop=True), bookings=bookings.reset_index(drop=True))


@pytest.mark.parametrize("keeps_to_own", [False, True])
def test_who_keeps_to_the_own_county_is_found_out(keeps_to_own):
    dataset = in_two_counties(keeps_to_own)
    tree = RegionTree.of(dataset)
    learned = fit_willingness(dataset, tree, positions(dataset, tree), LatentConfig(curvatures=(0.5,)))
    border = learned.circumstances.decay.border
    assert border < 0.2 if keeps_to_own else border > 0.8
