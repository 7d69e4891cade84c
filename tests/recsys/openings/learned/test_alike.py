from dataclasses import replace

import numpy as np
import pytest

from recsys.openings.answers.explain import explain
from recsys.openings.learned.alike import alike
from recsys.openings.plans.search import Search
from recsys.openings.question import Choices, Floor, Question
from recsys.openings.suggest import suggest

BY_POINT = ("reach", "km", "age_group", "point_region", "access")


@pytest.fixture
def doubled(inputs):
    """Everybody twice, the second wanting half as much, and some of the seconds as though lapsed otherwise."""
    twice = np.concatenate([np.arange(len(inputs.size))] * 2)
    factor = np.repeat(np.float32([1.0, 0.5]), len(inputs.size))
    by_point = {name: getattr(inputs, name)[twice] for name in BY_POINT}
    flipped = np.arange(len(twice)) % 6 == 0
    flipped[: len(inputs.size)] = False
    by_point["lapsed"] = np.where(flipped, 1 - inputs.lapsed[twice], inputs.lapsed[twice])
    wants = {name: getattr(inputs, name)[twice] * factor[:, None] for name in ("rate", "taken")}
    return replace(inputs, **by_point, **wants, size=inputs.size[twice])


def test_who_differs_only_in_what_is_wanted_is_one_point(inputs, doubled):
    merged = alike(doubled)
    assert len(merged.size) == len(inputs.size) + len(inputs.size) // 6
    for name in ("rate", "taken", "size"):
        total = getattr(doubled, name).sum(axis=0)
        np.testing.assert_allclose(getattr(merged, name).sum(axis=0), total, rtol=1e-5)
    again = alike(merged)
    for name in ("rate", "reach", "km", "age_group", "lapsed", "size", "point_region", "access"):
        np.testing.assert_array_equal(getattr(again, name), getattr(merged, name))
    kinds = np.column_stack([merged.reach, merged.access, merged.age_group, merged.lapsed, merged.point_region])
    assert len(np.unique(kinds, axis=0)) == len(merged.size)


@pytest.mark.parametrize("name", ["age_group", "point_region", "lapsed", "reach", "km", "access"])
def test_who_differs_in_anything_else_is_a_point_of_its_own(inputs, name):
    n = len(inputs.size)
    both = {of: np.concatenate([getattr(inputs, of)] * 2) for of in (*BY_POINT, "rate", "taken", "size", "lapsed")}
    assert len(alike(replace(inputs, **both)).size) == len(alike(inputs).size) == n
    # Of arrays by venue or category the last column alone.
    second = both[name][n:] if both[name].ndim == 1 else both[name][n:, -1]
    second[:] = (second + 1) % {"age_group": len(inputs.age_groups), "point_region": len(inputs.tree)}.get(name, 1000)
    assert len(alike(replace(inputs, **both)).size) == 2 * n


@pytest.mark.parametrize(
    "asked",
    [
        {"budget": 8},
        {"budget": 6, "age_weights": {"30-44": 3.0}},
        {"budget": 6, "floors": (Floor(by="township", share=0.3),)},
    ],
)
def test_answers_are_the_same_but_for_rounding(doubled, asked):
    question, merged = Question(**asked, effort="fast"), alike(doubled)
    told, before = (suggest(one, asked["budget"], question=question) for one in (merged, doubled))
    names = ["category", "venue_id", "weekday", "start_time", "size", "reason"]
    assert told[names].equals(before[names])
    for name in ("expected_attendance", "newly_reached"):
        np.testing.assert_allclose(told[name], before[name], rtol=1e-4)
    if "floors" not in asked:
        plan = Search(merged, Choices(merged, question)).run()
        found, whole = (explain(one, question, (one, plan)) for one in (merged, doubled))
        for one, other in zip(found, whole, strict=True):
            assert [(g["by"], g["name"]) for g in one["who"]] == [(g["by"], g["name"]) for g in other["who"]]
            for g, h in zip(one["who"], other["who"], strict=True):
                assert g["people"] == pytest.approx(h["people"], rel=1e-3, abs=1e-5)


def test_nobody_is_like_nobody(inputs):
    none = {name: getattr(inputs, name)[:0] for name in ("rate", "reach", "km", "age_group", "lapsed", "size")}
    none |= {name: getattr(inputs, name)[:0] for name in ("point_region", "access", "taken")}
    assert len(alike(replace(inputs, **none)).size) == 0
