from dataclasses import replace

import numpy as np
import pytest

from recsys.catchment import LEAST_KM
from recsys.openings.evenness.access import access_of, places_of, usual_km
from recsys.openings.question import Question
from recsys.openings.suggest import solve


def test_all_places_that_anybody_reaches_are_shared_out(inputs):
    access = access_of(inputs, "township", catchment_km=6.0)
    for venue in range(len(inputs.venues)):
        more = np.zeros(len(inputs.venues))
        more[venue] = 10.0
        rise = (access.after(more) - access.now) @ access.people
        assert rise == pytest.approx(10.0 if (inputs.km[:, venue] < 6.0).any() else 0.0)


def test_the_slope_is_that_of_the_gini_coefficient(inputs):
    access = access_of(inputs)
    base = np.full(len(inputs.venues), 5.0)
    for venue in range(len(inputs.venues)):
        step = np.zeros(len(inputs.venues))
        step[venue] = 1e-4
        low, high = access.ginis(np.stack([base - step, base + step]))
        assert access.slope(base)[venue] == pytest.approx((high - low) / 2e-4, abs=1e-6)


def test_a_plan_adds_its_places(inputs):
    _, opened = solve(inputs, Question(budget=5, effort="fast"))
    assert places_of(opened, len(inputs.venues)).sum() == pytest.approx(sum(o.size for o in opened))


def test_without_townships_the_smallest_regions_are_groups(inputs):
    assert access_of(inputs, "village").by == "region"
    assert access_of(inputs, "township").by == "township"


def test_usual_ways_follow_the_decay(inputs):
    near = replace(inputs, reach=np.where(inputs.km < 1.0, inputs.reach, 0.0).astype(np.float32))
    assert usual_km(near) == LEAST_KM
    assert LEAST_KM < usual_km(inputs) < 50.0
