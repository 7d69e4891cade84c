"""The bound on plans of openings: what it takes places' tastes for, and that it is the oracle when told everything."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.bound.county import County
from benchmarks.bound.places import Places, tastes
from benchmarks.openings.bound import believed, guesses
from recsys.simulation.scoring.plans import oracle_plan, plan_of, true_beliefs
from recsys.simulation.setting.tastes import COUNTY_SPREAD, TOWNSHIP_SPREAD, rates
from recsys.simulation.truth.openings import OpeningWorld
from recsys.simulation.truth.oracle import Truth


@pytest.fixture(scope="module")
def places(truth: Truth) -> Places:
    county = County.of(truth)
    population = county.drawn.population
    return Places.of(population, county.world.people.table["township_id"].to_numpy(dtype=object))


def test_the_true_tastes_of_places_give_the_population_again(places: Places) -> None:
    again = places.guessed(places.local)
    np.testing.assert_allclose(again.taste, places.population.taste)
    np.testing.assert_allclose(again.child_taste, places.population.child_taste)
    shifted = places.guessed(places.local + np.eye(len(places.local))[:, :1])
    first = places.township == 0
    np.testing.assert_allclose(shifted.taste[first] - again.taste[first], 1.0)
    np.testing.assert_allclose(shifted.taste[~first], again.taste[~first])


def test_townships_and_county_split_the_tastes_of_places_as_they_were_drawn(places: Places) -> None:
    rng = np.random.default_rng(0)
    own, shared = rng.normal(size=(40, 3000)), rng.normal(size=3000)
    drawn = Places(places.population, places.township, tastes(own, shared))
    township, county = drawn.split(rng)
    np.testing.assert_allclose(tastes(township, county), drawn.local)
    np.testing.assert_allclose([township.std(), county.std()], 1.0, atol=0.06)
    assert np.corrcoef(county, shared)[0, 1] > COUNTY_SPREAD / np.hypot(COUNTY_SPREAD, TOWNSHIP_SPREAD)


def test_told_everything_it_is_the_oracle(truth: Truth) -> None:
    world = OpeningWorld(truth)
    one = County.of(truth)
    wish = rates(one.drawn.population, one.drawn.own)[0][world.cities[0].crowd.nums]
    np.testing.assert_allclose(wish, truth.people.rates[world.cities[0].crowd.nums], rtol=1e-5)
    pd.testing.assert_frame_equal(plan_of(world, true_beliefs(world), 8), oracle_plan(world, 8))


def test_it_plans_better_than_who_knows_the_mean_person_only(truth: Truth) -> None:
    world = OpeningWorld(truth)
    true, best = believed(truth, world, 40, np.random.default_rng(1))
    ratio = true.want / np.maximum(truth.people.rates[world.cities[0].crowd.nums], 1e-12)
    alike = replace(true, want=(ratio * truth.people.rates[world.cities[0].crowd.nums].mean()).astype(np.float32))
    value = {
        name: float(world.value(plan_of(world, [one], 8)).attendance.sum())
        for name, one in (("true", true), ("best", best), ("alike", alike))
    }
    # The oracle is greedy: by chance another plan may be a little better.
    assert value["alike"] < value["best"] < 1.06 * value["true"]


def test_chains_forget_where_they_began(truth: Truth) -> None:
    world = OpeningWorld(truth)
    nums = world.cities[0].crowd.nums
    log = np.log(truth.people.rates[nums])
    away = [np.abs(np.log(g.wish) - log).mean() for g in guesses(County.of(truth), nums, 30, np.random.default_rng(2))]
    assert away[0] < away[-1]
    assert away[-1] < log.std()
