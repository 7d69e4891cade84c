from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.openings.inputs import OpeningsConfig, opening_inputs
from features.openings.latent_demand import LEAST_KNOWN, _stands_for, latent_demand
from recsys.dataset import Dataset
from recsys.ids import IdMap
from recsys.openings.learned.inputs import OpeningInputs
from recsys.regions import RegionTree
from tests.opening_world import UNTIL, World, world

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def county() -> World:
    return world(2, n_users=3000)


@pytest.fixture(scope="module")
def inputs(county) -> OpeningInputs:
    return opening_inputs(county.dataset)


@pytest.fixture(scope="module")
def table(county, inputs) -> pd.DataFrame:
    return latent_demand(county.dataset, inputs)


def test_unserved_pairs_rank_as_the_truth_does(county, table):
    nearest = np.argmin(county.km, axis=1)
    truth = []
    for row in table.itertuples():
        town, category = int(row.region_id[1:]), int(row.category[3:])
        residents = nearest == town
        going = county.taste[residents, category] * np.exp(-county.km[residents, town] / county.reach_km)
        truth.append(going.sum())
    assert pd.Series(truth).corr(table["mean"], method="spearman") > 0.7
    assert (table["q0.1"] <= table["mean"]).all()
    assert (table["mean"] <= table["q0.9"]).all()


def test_inputs_are_learned_where_none_are_given(county, table):
    pd.testing.assert_frame_equal(latent_demand(county.dataset), table)


def test_only_pairs_without_supply_are_listed(county, table):
    sessions = county.dataset.sessions.merge(county.dataset.activities, on="activity_id")
    offered = {(f"t{v[1:]}", c) for v, c in zip(sessions["venue_id"], sessions["category"], strict=True)}
    listed = set(zip(table["region_id"], table["category"], strict=True))
    assert not listed & offered
    assert len(listed | offered) == 60


def test_what_residents_take_elsewhere_and_cancel_later_is_in_it(county, inputs, table):
    dataset = county.dataset
    elsewhere = replace(inputs, taken=inputs.taken + np.float32(0.5))
    people = np.bincount(inputs.tree.ancestors_at("township")[inputs.point_region], minlength=len(inputs.tree))
    here = people[inputs.tree.ids.nums(table["region_id"])]
    bookings = dataset.bookings
    kept = (bookings["status"] != "cancelled").mean()
    more = latent_demand(dataset, elsewhere)["mean"] - table["mean"]
    np.testing.assert_allclose(more, 0.5 * here * inputs.bias / kept, rtol=1e-4)
    twice = pd.concat(
        [bookings, bookings.assign(booking_id="c" + bookings["booking_id"], status="cancelled")]
    )  # half is kept
    half = latent_demand(replace(dataset, bookings=twice), inputs)["mean"]
    np.testing.assert_allclose(half, table["mean"] * 2, rtol=1e-6)


def test_people_who_tell_no_township_are_shared_out_by_what_they_book(county, inputs, table):
    dataset = county.dataset
    users, homeless = dataset.users["user_id"], np.arange(len(dataset.users)) % 4 == 0
    hidden = replace(inputs, point_region=np.where(homeless, -1, inputs.point_region))
    told = latent_demand(dataset, hidden).set_index(["region_id", "category"])["mean"]
    booked = dataset.bookings.loc[dataset.bookings["status"] != "cancelled", "user_id"]
    stand_for = len(booked) / booked.isin(users[~homeless]).sum()
    only_known = replace(inputs, taken=inputs.taken.copy(), rate=inputs.rate.copy())
    only_known.taken[homeless] = only_known.rate[homeless] = 0
    known = latent_demand(dataset, only_known).set_index(["region_id", "category"])["mean"]
    np.testing.assert_allclose(told, known * stand_for, rtol=1e-5)
    assert told.sum() == pytest.approx(table["mean"].sum(), rel=0.1)


def test_every_second_user_tells_about_what_all_do(county, table):
    dataset = county.dataset
    half = opening_inputs(dataset, OpeningsConfig(max_users=-(-len(dataset.users) // 2)))
    assert len(half.size) == -(-len(dataset.users) // 2)
    assert latent_demand(dataset, half)["mean"].sum() == pytest.approx(table["mean"].sum(), rel=0.15)


def test_people_without_a_township_live_under_the_region_that_they_tell():
    # A root with two counties; the first holds two townships, in the second none is told.
    names = [f"r{n}" for n in range(5)]
    levels = ["city", "county", "county", "township", "township"]
    tree = RegionTree(
        IdMap.of(names), np.array(names, object), np.array(levels, object), np.array([-1, 0, 0, 1, 1], dtype=np.int64)
    )
    region = np.array([3, 4, 1, 2, -1])
    booked = np.array([2.0, 2.0, 1.0, 3.0, 0.0])
    stand_for = _stands_for(tree, region, region >= 3, booked)
    np.testing.assert_allclose(stand_for[3:], 1 + 1 / 4 + 3 / 4)
    nobody = _stands_for(tree, region, region >= 3, np.zeros(5))
    np.testing.assert_array_equal(nobody, 1.0)


def test_villages_add_up_to_their_township_where_each_has_a_class_next_door(county, inputs, table):
    """Two villages to each town; of one in every town hardly anybody is known."""
    tree, n_towns = inputs.tree, 10
    names = [*tree.ids.ids, *(f"{town}{side}" for town in range(n_towns) for side in "ab")]
    levels = np.array([*tree.levels, *["village"] * 2 * n_towns], dtype=object)
    towns = tree.ids.nums([f"t{town}" for town in range(n_towns)])
    deeper = RegionTree(
        IdMap.of(names), np.array(names, object), levels, np.concatenate([tree.parents, np.repeat(towns, 2)])
    )
    place = {int(num): len(tree) + 2 * town for town, num in enumerate(towns)}
    home = np.array([place[int(num)] for num in inputs.point_region])
    for town in range(n_towns):
        few = np.flatnonzero(home == len(tree) + 2 * town)[: LEAST_KNOWN - 1]
        home[few] += 1
    dataset = county.dataset
    told = latent_demand(dataset, replace(inputs, tree=deeper, point_region=home))
    townships = told[told["region_id"].str.startswith("t")].reset_index(drop=True)
    pd.testing.assert_frame_equal(townships, table)
    villages = told[~told["region_id"].str.startswith("t")]
    assert set(villages["region_id"]) == {f"{town}a" for town in range(n_towns)}
    # Nothing is ever held in a village here, so that all categories are listed for each.
    assert len(villages) == n_towns * len(inputs.categories)
    both = villages.assign(region_id="t" + villages["region_id"].str[:-1]).merge(table, on=["region_id", "category"])
    assert len(both) == len(table)
    assert both["mean_x"].sum() == pytest.approx(both["mean_y"].sum(), rel=0.3)
    assert both["mean_x"].corr(both["mean_y"], method="spearman") > 0.9


def test_nothing_known_gives_an_empty_table():
    assert latent_demand(Dataset.from_tables({}, UNTIL)).empty
