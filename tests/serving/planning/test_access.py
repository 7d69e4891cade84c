"""Reach of regions, of categories, and what is missed where nothing is offered."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.geography.positions import KM_PER_DEGREE
from features.openings.accessibility import dwellings_of
from recsys.bundle import load_bundle
from recsys.catchment import DEFAULT_KM
from recsys.dataset import Dataset
from recsys.regions import RegionTree
from recsys.releases import bundles_folder
from serving.parts import open_parts
from serving.planning.access import access_of
from serving.planning.visits import activity_of
from tests.serving.conftest import AS_OF, BUNDLE, app_of
from tests.serving.live import FixedProvider, serving

DEGREE = 1.0 / KM_PER_DEGREE


def two_villages(**villages):
    """Two villages 4 km apart: a class of ten at the first one's venue, one of six at the second's."""
    regions = [("c", "县", "county", None, np.nan), ("t", "镇", "township", "c", np.nan)]
    regions += [("v1", "东村", "village", "t", 36.0), ("v2", "西村", "village", "t", 36.0 + 4 * DEGREE)]
    frame = pd.DataFrame(regions, columns=["region_id", "name", "level", "parent_id", "lat"])
    frame = frame.assign(lon=np.where(frame["lat"].notna(), 117.0, np.nan), population=[300, 300, 100, 200])
    starts = AS_OF - pd.Timedelta(days=3)
    tables = {
        "regions": frame.assign(**villages),
        "venues": pd.DataFrame(
            {"venue_id": ["a", "b"], "name": ["A", "B"], "region_id": ["v1", "v2"], "lat": [36.0, 36.0 + 4 * DEGREE]}
        ).assign(lon=117.0),
        "activities": pd.DataFrame({"activity_id": ["x", "y"], "category": ["书法", "剪纸"]}),
        "sessions": pd.DataFrame(
            {"session_id": ["s", "z"], "activity_id": ["x", "y"], "venue_id": ["a", "b"], "capacity": [10, 6]}
        ).assign(starts_at=starts),
        "users": pd.DataFrame({"user_id": ["u1", "u2", "u3"], "region_id": ["v1", "v2", "v2"]}),
    }
    dataset = Dataset.from_tables(tables, AS_OF)
    return activity_of(dataset, RegionTree.of(dataset))


def test_places_within_reach_by_hand():
    activity = two_villages()
    chosen = np.array([True, True])
    near = access_of(activity, chosen, 2.0, None, 3.0)
    # 3 km reach: each village has its own venue alone; 5 places a week for 100 people, 3 for 200.
    np.testing.assert_allclose(near.table["places_per_1000"], [50.0, 15.0])
    np.testing.assert_allclose(near.table["nearest_km"], [0.0, 0.0], atol=1e-6)
    assert near.is_population
    far = access_of(activity, activity.of_category("书法"), 2.0, None, 3.0)
    np.testing.assert_allclose(far.table["places_per_1000"], [50.0, 0.0])
    np.testing.assert_allclose(far.table["nearest_km"], [0.0, 4.0], atol=1e-3)
    np.testing.assert_allclose(far.table["within_country"], [1.0, 0.0])
    # All five places are for a third of the people.
    assert far.gini == pytest.approx(2 / 3)
    county = access_of(activity, activity.of_category("书法"), 2.0, "county", 3.0).table
    np.testing.assert_allclose(county[["people", "places_per_1000"]].to_numpy(), [[300.0, 50.0 / 3]])


def test_a_wider_reach_shares_the_places_among_more_people():
    activity = two_villages()
    wide = access_of(activity, activity.of_category("书法"), 1.0, None, 20.0).table
    assert wide["places_per_1000"].gt(0).all()
    assert (wide["people"] @ wide["places_per_1000"]) == pytest.approx(10_000.0)


def test_a_village_without_a_population_has_as_many_people_a_user_as_the_others():
    activity = two_villages(population=[np.nan, np.nan, np.nan, 200])
    homes = dwellings_of(activity.dataset, activity.tree, activity.places)
    assert homes.is_population
    # Two users stand for 200 people in the second village, so one for 100 in the first.
    assert homes.people.tolist() == [100, 200]
    assert homes.estimated_from.tolist() == [1, 0]
    found = access_of(activity, np.array([True, True]), 2.0, "township", 3.0)
    assert found.n_estimated == 1
    np.testing.assert_allclose(found.table[["people", "estimated_from"]].to_numpy(), [[300.0, 1.0]])


def test_registered_people_stand_in_where_most_of_them_live_in_villages_that_state_no_population():
    activity = two_villages(population=[np.nan, np.nan, 100, np.nan])
    homes = dwellings_of(activity.dataset, activity.tree, activity.places)
    assert not homes.is_population
    assert homes.people.tolist() == [1, 2]
    assert access_of(activity, np.array([True, True]), 1.0, None, None).reach_km == DEFAULT_KM


def test_villages_without_coordinates_are_not_called_unserved():
    activity = two_villages(lat=np.nan, lon=np.nan)
    table = access_of(activity, np.array([True, True]), 1.0, None, 5.0).table
    assert activity.places.centres.shape == (4, 2)
    # Their venues say where they are.
    np.testing.assert_allclose(table["nearest_km"], 0.0, atol=1e-6)
    nowhere = activity_of(Dataset.from_tables({"regions": activity.dataset.regions}, AS_OF), activity.tree)
    assert access_of(nowhere, np.zeros(0, dtype=bool), 1.0, None, 5.0).table["places_per_1000"].isna().all()


def test_accessibility_over_http(client, dataset):
    answer = client.get("/v1/accessibility", params={"limit": 1000}).json()
    rows = answer["items"]
    assert answer["total"] == len(rows) > 10
    assert answer["estimated_regions"] == 0
    assert not any(row["is_estimated"] for row in rows)
    assert {row["level"] for row in rows} == {"village"}
    found = [row["places_per_1000"] for row in rows if row["places_per_1000"] is not None]
    assert found == sorted(found)
    assert 0 < answer["gini"] < 1
    sessions = dataset.sessions
    on = sessions["starts_at"].between(answer["since"], answer["until"], inclusive="left")
    category = sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    some = category[on].mode()[0]
    fewer = client.get("/v1/accessibility", params={"limit": 1000, "category": some, "reach_km": 3}).json()
    assert fewer["reach_km"] == 3
    assert max(r["nearest_km"] for r in fewer["items"]) >= max(r["nearest_km"] for r in rows)
    towns = client.get("/v1/accessibility", params={"level": "township"}).json()["items"]
    assert sum(r["people"] for r in towns) == pytest.approx(sum(r["people"] for r in rows), abs=len(towns))
    one = client.get("/v1/accessibility", params={"region_id": towns[0]["region_id"], "level": "township"}).json()
    assert [r["region_id"] for r in one["items"]] == [towns[0]["region_id"]]


def test_categories_have_their_own_radius(client):
    rows = client.get("/v1/categories/service-radius").json()["items"]
    assert len(rows) > 5
    for row in rows:
        known = [km for km in row["km_by_share"].values() if km is not None]
        assert known == sorted(known)
        assert bool(known) == (row["people"] is not None and row["people"] >= 5)


def test_latent_demand_names_only_what_is_not_offered(client, dataset):
    answer = client.get("/v1/demand/latent", params={"limit": 1000}).json()
    rows = answer["items"]
    assert answer["total"] == len(rows) > 0
    assert [r["mean"] for r in rows] == sorted((r["mean"] for r in rows), reverse=True)
    assert all(r["q0.1"] <= r["mean"] <= r["q0.9"] for r in rows)
    venues = dataset.sessions["venue_id"].map(dataset.venues.set_index("venue_id")["region_id"])
    category = dataset.sessions["activity_id"].map(dataset.activities.set_index("activity_id")["category"])
    parent = dataset.regions.set_index("region_id")["parent_id"]
    level = dataset.regions.set_index("region_id")["level"]
    town = venues.where(venues.map(level) != "village", venues.map(parent))
    recent = dataset.sessions["starts_at"] >= AS_OF - pd.Timedelta(weeks=52)
    offered = set(zip(town[recent], category[recent], strict=True))
    assert not offered & {(r["region_id"], r["category"]) for r in rows}
    one = client.get("/v1/demand/latent", params={"category": rows[0]["category"]}).json()["items"]
    assert {r["category"] for r in one} == {rows[0]["category"]}


def test_villages_are_told_where_they_are_asked_for(county, dataset):
    village = dataset.regions[dataset.regions["level"] == "village"].iloc[0]
    parts = open_parts(load_bundle(bundles_folder(county.home) / BUNDLE))
    rows = parts.latent.head(2).assign(region_id=[village["region_id"], village["parent_id"]])
    with serving(app_of(county, provider=FixedProvider(replace(parts, latent=rows)))) as client:

        def told(**query):
            return [row["region_id"] for row in client.get("/v1/demand/latent", params=query).json()["items"]]

        assert told() == told(level="township") == told(region_id=village["parent_id"]) == [village["parent_id"]]
        assert told(level="village") == told(region_id=village["region_id"]) == [village["region_id"]]


@pytest.mark.parametrize("path", ["/v1/accessibility", "/v1/categories/service-radius", "/v1/demand/latent"])
def test_an_unknown_region_is_said(client, path):
    answer = client.get(path, params={"region_id": "nowhere"})
    assert answer.status_code == 404
    assert "nowhere" in answer.text


def test_without_rows_there_are_empty_answers(empty_client):
    nothing = empty_client.get("/v1/accessibility").json()
    assert (nothing["items"], nothing["gini"]) == ([], None)
    assert empty_client.get("/v1/categories/service-radius").json()["items"] == []
    assert empty_client.get("/v1/demand/latent").status_code == 503
